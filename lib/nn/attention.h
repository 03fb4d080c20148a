// Causal attention of a batch over the rows of a cache: grouped queries, or MLA in absorbed form (one key head
// whose prefix is the value); or over keys and values that are made block by block (MLA in expanded form). Rules 3 to 5 of
// docs/arithmetic.md; blocks of kKeyBlock positions are combined in order.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "kv/kv_cache.h"
#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::nn {

inline constexpr size_t kKeyBlock = 256;
inline constexpr size_t kQueries = 16;  // that one task takes over the same keys
inline constexpr size_t kWave = 32;     // blocks of keys that wait to be combined

struct AttentionShape {
  size_t n_head = 0;
  size_t n_head_kv = 0;  // query head h reads key head h / (n_head / n_head_kv)
  size_t key_dim = 0;    // of one head
  size_t value_dim = 0;
  float scale = 0;       // of the scores
  size_t window = 0;     // a query sees so many positions up to its own; 0: all
  Vector sinks = nullptr;  // [n_head] a score that takes part in the softmax without a value (gpt-oss); null: none
};

// Softmax over blocks (Milakov & Gimelshein 2018): maximum and sum of the keys seen so far; their weighted values lie in the
// output.
struct Running {
  float max = 0, sum = 0;
  bool begun = false;
};

// Working memory of all threads.
class AttentionScratch {
 public:
  // max_key_dim, max_value_dim: of one head.
  void carve(Carver& carver, size_t n_threads, size_t n_head, size_t max_key_dim, size_t max_value_dim);

 private:
  friend class AttentionTile;
  friend class SplitAttention;
  float* scores_ = nullptr;         // [n_threads, kQueries, kKeyBlock]
  float* values_ = nullptr;         // [n_threads, kQueries, max_value_dim]
  ActBlock32* queries_ = nullptr;   // [n_threads, kQueries, max_key_dim / 32] for keys of blocks
  size_t max_blocks_ = 0, max_value_dim_ = 0;
  Running* running_ = nullptr;       // [n_head] of a token whose blocks are attended to apart, and of
  Running* part_running_ = nullptr;  // [kWave, n_head] such blocks,
  float* parts_ = nullptr;           // [kWave, n_head, max_value_dim] with their values
};

// out[n, n_head, value_dim] for queries q[n, n_head, key_dim] at positions pos .. pos + n - 1, each looking at positions
// 0 .. its own, or as many of them as the window holds.
bool attention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
               const KvRows& rows, size_t pos, size_t n, float* out);

// Up to kKeyBlock adjacent positions of one key head, as floats.
struct KeyValueBlock {
  float* keys = nullptr;    // [key_dim, kKeyBlock]: a row for each element, so that scores are summed in lanes
  float* values = nullptr;  // [kKeyBlock, value_dim]
  size_t pos = 0, n = 0;    // the positions pos .. pos + n - 1; pos is a multiple of kKeyBlock
};

// The same for one head and one block: takes it into out and running, which belong to the n queries at positions
// pos .. pos + n - 1; rows of q and out are q_stride and out_stride floats apart. A score is acc = fma(q_i, k_i, acc) in
// order of i, from 0. Every query takes its blocks in order; the last that it sees divides its values. No windows, no sinks.
// For the task of a worker, which gives up when cancelled.
void attend_block(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, size_t worker,
                  const KeyValueBlock& block, const float* q, size_t q_stride, size_t pos, size_t n, Running* running,
                  float* out, size_t out_stride);

}  // namespace coterie::nn
