// JSON to values and back. The text is that of Python's json.dumps as Hugging Face calls it for tojson.
#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/heap.h"

namespace coterie::jinja {

// Reads JSON text, whose strings are foreign or own. Errors: kInvalidArgument for what is no JSON or nested deeper than
// 64 levels, with `what` naming the text.
Status parse_json(Heap& heap, std::string_view text, bool foreign, const char* what, Value* out);

struct JsonStyle {
  int64_t indent = -1;  // -1: all in one line
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::string_view item_separator = ", ", key_separator = ": ";
};

// Errors: kUnsupported for values that JSON does not have.
Status write_json(Heap& heap, const Value& value, const JsonStyle& style, MarkedText* out);

}  // namespace coterie::jinja
