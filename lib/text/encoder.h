// Encoder: what byte-level BPE and SPM have in common: a stretch of raw text, free of special tokens, becomes ids.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace coterie {

class Encoder {
 public:
  virtual ~Encoder() = default;
  // Appends the ids of text. Safe to call from many threads.
  virtual void encode(std::string_view text, std::vector<int32_t>* ids) const = 0;
};

}  // namespace coterie
