// Operations on strings that methods and filters share. Every piece keeps the marks of its bytes; where bytes are made
// anew (letters changed, text escaped) the whole result is foreign if anything in it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/heap.h"

namespace coterie::jinja {

// The part of a text that a view into its bytes shows.
Value part_of(Heap& heap, const MarkedText& text, std::string_view view);
// New bytes in the place of a text.
Value remade(Heap& heap, const MarkedText& text, std::string bytes);

Status replace(Heap& heap, const MarkedText& text, const MarkedText& from, const MarkedText& to, int64_t at_most,
               Value* out);
// The texts of items with a separator between them.
Status join(Heap& heap, const std::vector<Value>& items, const MarkedText& separator, Value* out);
Status items_of_dict(Heap& heap, const Value& dict, Value* out);  // [[key, value], ...]

}  // namespace coterie::jinja
