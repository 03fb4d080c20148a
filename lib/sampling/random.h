// Random: the sampler's own generator, so that a seed means the same numbers on every machine and in every version.
// xoshiro256** 1.0, its state filled by splitmix64. Sources: Blackman and Vigna, "Scrambled linear pseudorandom number
// generators" (2021), section 4; Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#pragma once

#include <bit>
#include <cstdint>

namespace coterie {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix64(seed += 0x9e3779b97f4a7c15);
  }

  uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // An integer in [0, n), n > 0: the high half of next() * n. No value is favoured by more than n / 2^64.
  uint64_t below(uint64_t n) { return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * n >> 64); }

 private:
  static uint64_t splitmix64(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_[4];
};

}  // namespace coterie
