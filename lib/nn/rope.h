// Rotary position embedding (Su et al. 2021) with linear, per-pair and YaRN (Peng et al. 2023) scaling.
// Angles are computed in double for each position of a batch, once for all layers and heads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coterie::nn {

struct RopeConfig {
  uint32_t n_rot = 0;       // rotated channels of a head; even
  float freq_base = 10000;
  float freq_scale = 1;     // 1 / factor of linear or YaRN scaling
  const float* freq_factors = nullptr;  // [n_rot / 2] divides each frequency (rope_freqs.weight), or null
  bool yarn = false;
  uint32_t n_ctx_original = 0;  // YaRN: context before scaling
  float beta_fast = 32, beta_slow = 1;
  float magnitude = 1;  // cos and sin are multiplied by it
};

class Rope {
 public:
  Rope() = default;
  explicit Rope(const RopeConfig& config);

  size_t table_row() const { return 2 * frequencies_.size(); }
  // row: [n_rot / 2, 2] = (cos, sin) of position pos.
  void fill(float* row, size_t pos) const;

 private:
  std::vector<double> frequencies_;  // radians per position, one for each pair
  double magnitude_ = 1;
};

// Rotates the pairs (2i, 2i + 1) of x by one row of a table: the layout of llama and deepseek files.
void rotate_adjacent(float* x, const float* table_row, size_t n_rot);
// The pairs (i, i + n_rot / 2) instead: the layout of most other files.
void rotate_half_split(float* x, const float* table_row, size_t n_rot);

}  // namespace coterie::nn
