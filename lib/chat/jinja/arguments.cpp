#include "chat/jinja/arguments.h"

#include <algorithm>

namespace coterie::jinja {

Status bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters, Value* out) {
  if (arguments.positional.size() > parameters.size()) {
    return Error(Code::kUnsupported, "%zu arguments, expected at most %zu", arguments.positional.size(),
                 parameters.size());
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), out);
  for (const auto& [name, value] : arguments.keyword) {
    const auto found = std::find(parameters.begin(), parameters.end(), name);
    const size_t index = static_cast<size_t>(found - parameters.begin());
    if (found == parameters.end() || index < arguments.positional.size()) {
      return Error(Code::kUnsupported, "an unexpected argument \"%.*s\"",
                   static_cast<int>(std::min<size_t>(name.size(), 40)), name.data());
    }
    out[index] = value;
  }
  return {};
}

Status want_string(const Value& value, const char* name, const MarkedText** out) {
  if (!value.is_string()) return Error(Code::kUnsupported, "%s is %s, expected a string", name, type_name(value));
  *out = value.string;
  return {};
}

Status want_int(const Value& value, const char* name, int64_t* out) {
  if (!value.is_int()) return Error(Code::kUnsupported, "%s is %s, expected an integer", name, type_name(value));
  *out = value.as_int();
  return {};
}

}  // namespace coterie::jinja
