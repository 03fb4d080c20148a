// Template source to its syntax tree, by the grammar of Jinja 3.1.
#pragma once

#include <string_view>

#include "base/status.h"
#include "chat/jinja/ast.h"

namespace coterie::jinja {

// Errors: kBadFile for source that is no template, naming the line; kUnsupported for what chat templates do not use
// (include, import, extends, block ...) and for more than 256 KiB or 64 levels of nesting.
Status parse(std::string_view source, Ast* out);

}  // namespace coterie::jinja
