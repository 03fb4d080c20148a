// Causal attention of a batch over the rows of a cache: grouped queries, or MLA in absorbed form (one key head
// whose prefix is the value). Rules 3 to 5 of docs/arithmetic.md; blocks of kKeyBlock positions are combined in order.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "kv/kv_cache.h"
#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::nn {

inline constexpr size_t kKeyBlock = 256;
inline constexpr size_t kQueries = 16;  // that one task takes over the same keys

struct AttentionShape {
  size_t n_head = 0;
  size_t n_head_kv = 0;  // query head h reads key head h / (n_head / n_head_kv)
  size_t key_dim = 0;    // of one head
  size_t value_dim = 0;
  float scale = 0;       // of the scores
  size_t window = 0;     // a query sees so many positions up to its own; 0: all
  Vector sinks = nullptr;  // [n_head] a score that takes part in the softmax without a value (gpt-oss); null: none
};

// Working memory of all threads.
class AttentionScratch {
 public:
  // max_key_dim, max_value_dim: of one head.
  void carve(Carver& carver, size_t n_threads, size_t max_key_dim, size_t max_value_dim);

 private:
  friend class AttentionTile;
  float* scores_ = nullptr;         // [n_threads, kQueries, kKeyBlock]
  float* values_ = nullptr;         // [n_threads, kQueries, max_value_dim]
  ActBlock32* queries_ = nullptr;   // [n_threads, kQueries, max_key_dim / 32] for keys of blocks
  size_t max_blocks_ = 0, max_value_dim_ = 0;
};

// out[n, n_head, value_dim] for queries q[n, n_head, key_dim] at positions pos .. pos + n - 1, each looking at positions
// 0 .. its own, or as many of them as the window holds.
bool attention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
               const KvRows& rows, size_t pos, size_t n, float* out);

}  // namespace coterie::nn
