// The known pre-tokenizers, as data: which regular expressions each name of tokenizer.ggml.pre stands for.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace coterie {

struct PretokenizerRules {
  enum Flag : uint32_t {
    kIgnoreMerges = 1,  // a piece that is a token as a whole is that token
    kAddBos = 2,        // BOS is put first unless the file says otherwise
    kNoBos = 4,         // no BOS unless the file names one
  };
  std::string_view names;               // separated by spaces
  std::span<const char* const> stages;  // regular expressions, applied one after the other
  uint32_t flags;
};

const PretokenizerRules* find_pretokenizer_rules(std::string_view name);  // null: unknown

}  // namespace coterie
