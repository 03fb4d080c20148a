// Filters and tests by name, as Jinja 3.1 and Hugging Face's environment have them.
#pragma once

#include <string_view>

#include "chat/jinja/heap.h"

namespace coterie::jinja {

using Filter = Status (*)(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
using Test = Status (*)(Heap& heap, const Value& value, const Arguments& arguments, bool* out);

// Errors: kUnsupported for a name that is not known.
Status find_filter(std::string_view name, Filter* out);
Status find_test(std::string_view name, Test* out);

// The functions that every template knows (range, namespace, ...); null if there is none of this name.
Callable::Function find_function(std::string_view name);

}  // namespace coterie::jinja
