// The methods of strings and mappings that templates may call, by name.
#pragma once

#include <string_view>

#include "chat/jinja/heap.h"

namespace coterie::jinja {

// Null: no such method.
Callable::Method find_method(const Value& object, std::string_view name);

}  // namespace coterie::jinja
