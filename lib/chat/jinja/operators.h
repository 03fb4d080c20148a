// What Python's operators do with values.
#pragma once

#include "chat/jinja/ast.h"
#include "chat/jinja/heap.h"

namespace coterie::jinja {

// + - * / // % ** ~
Status arithmetic(Heap& heap, Operator op, const Value& left, const Value& right, Value* out);
// == != < <= > >= in, not in
Status compare(Heap& heap, Operator op, const Value& left, const Value& right, bool* out);
Status equal(Heap& heap, const Value& left, const Value& right, bool* out);
// a < b, a == b, a > b as a number below, of or above 0. Errors: values without an order.
Status order(Heap& heap, const Value& left, const Value& right, int* out);

// a.name, a[key], a[start:stop:step]
Status attribute(Heap& heap, const Value& object, std::string_view name, const std::string* shown_name, Value* out);
Status item(Heap& heap, const Value& object, const Value& key, Value* out);
Status slice(Heap& heap, const Value& object, const Value& start, const Value& stop, const Value& step, Value* out);

// str(value), as {{ value }} prints it. Appends.
Status print(Heap& heap, const Value& value, MarkedText* out);
// What a loop goes over: the items of a list, the keys of a mapping, the characters of a string.
Status items_of(Heap& heap, const Value& value, std::vector<Value>* out);

// "cannot do this with a string", naming an undefined value.
Status cannot(const char* what, const Value& value);

}  // namespace coterie::jinja
