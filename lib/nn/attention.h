// Causal attention of a batch over a cache of half-precision rows: grouped queries, or MLA in absorbed form (one key head
// whose prefix is the value). Rules 3 to 5 of docs/arithmetic.md; blocks of kKeyBlock positions are combined in order.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::nn {

inline constexpr size_t kKeyBlock = 256;

struct AttentionShape {
  size_t n_head = 0;
  size_t n_head_kv = 0;  // query head h reads key head h / (n_head / n_head_kv)
  size_t key_dim = 0;    // of one head
  size_t value_dim = 0;
  float scale = 0;       // of the scores
  size_t window = 0;     // a query sees so many positions up to its own; 0: all
  Vector sinks = nullptr;  // [n_head] a score that takes part in the softmax without a value (gpt-oss); null: none
};

// Working memory of one thread.
class AttentionScratch {
 public:
  void carve(Carver& carver, size_t n_threads, size_t max_value_dim);

 private:
  friend bool attention(const Context&, const AttentionShape&, const AttentionScratch&, const float*, const f16_bits*,
                        const f16_bits*, size_t, size_t, size_t, float*);
  float* scores(size_t worker) const { return scores_ + worker * kKeyBlock; }
  float* values(size_t worker) const { return values_ + worker * max_value_dim_; }
  float* scores_ = nullptr;  // [n_threads, kKeyBlock]
  float* values_ = nullptr;  // [n_threads, max_value_dim]
  size_t max_value_dim_ = 0;
};

// out[n, n_head, value_dim] for queries q[n, n_head, key_dim] at positions pos .. pos + n - 1, each looking at positions
// 0 .. its own, or as many of them as the window holds. keys and values: row of position 0 (head h starts h * dim in), rows row_bytes apart.
bool attention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
               const f16_bits* keys, const f16_bits* values, size_t row_bytes, size_t pos, size_t n, float* out);

}  // namespace coterie::nn
