// Arguments of functions, methods and filters, matched with their parameters as Python does.
#pragma once

#include <initializer_list>
#include <string_view>

#include "chat/jinja/heap.h"

namespace coterie::jinja {

// out is [parameters.size()]; what was not given stays as it is there. Errors: kUnsupported for an argument too many or
// of no such name.
Status bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters, Value* out);

// The value of an argument. Errors: kUnsupported, naming it, for another type.
Status want_string(const Value& value, const char* name, const MarkedText** out);
Status want_int(const Value& value, const char* name, int64_t* out);

}  // namespace coterie::jinja
