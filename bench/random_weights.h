// RandomWeights: blocks of any tensor type that decode to finite weights of mean 0 and a given standard deviation.
// The codes are random bits, written at gigabytes a second; only the scale fields of a block are chosen.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats.h"

namespace coterie::bench {

class RandomWeights {
 public:
  explicit RandomWeights(uint64_t seed) : state_(seed) {}

  static bool supports(TensorType type);
  // n_bytes: whole blocks.
  void fill(TensorType type, double deviation, uint8_t* out, size_t n_bytes);

 private:
  uint64_t next();
  void fill_floats(TensorType type, double deviation, uint8_t* out, size_t n_bytes);

  uint64_t state_;  // of a xorshift generator; not 0
};

}  // namespace coterie::bench
