// Template source to tokens. Whitespace control happens here: trim_blocks and lstrip_blocks are on, as Hugging Face has
// them, and "-" and "+" beside a tag say otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coterie::jinja {

struct Token {
  enum class Kind : uint8_t {
    kText,        // outside of tags
    kTagBegin,    // {%
    kTagEnd,      // %}
    kPrintBegin,  // {{
    kPrintEnd,    // }}
    kName,
    kInteger,
    kFloat,
    kString,
    kOperator,  // punctuation included
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;  // of a string: its value
  int line = 1;
};

// Ends with a kEnd token. Errors: kBadFile, naming the line.
Status tokenize(std::string_view source, std::vector<Token>* out);

}  // namespace coterie::jinja
