// TokenKind: what a token is, with the numbers of tokenizer.ggml.token_type (ggml docs/gguf.md).
#pragma once

#include <cstdint>

namespace coterie {

enum class TokenKind : uint8_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

}  // namespace coterie
