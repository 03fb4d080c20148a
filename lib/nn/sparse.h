// Sparse attention (DeepSeek-V3.2, arXiv 2512.02556): a "lightning indexer" scores all cached positions at little cost, and
// attention goes over the best of them alone. Rule 10 of docs/arithmetic.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/attention.h"
#include "nn/context.h"

namespace coterie::nn {

struct IndexShape {
  size_t n_head = 0;
  size_t dim = 0;    // of a query head, and of the one key that all share
  size_t top_k = 0;  // positions to choose
};

// Tokens are treated in groups of up to group(), one for each thread.
class IndexScratch {
 public:
  void carve(Carver& carver, const IndexShape& shape, size_t n_threads);
  size_t group() const { return group_; }

 private:
  friend bool choose_positions(const Context&, const IndexShape&, const IndexScratch&, const float*, const float*,
                               const KvRows&, size_t, size_t, int32_t*);
  struct Candidate {
    float score;
    int32_t position;
  };
  static constexpr size_t kSegment = 16384;  // keys scored before the best are kept
  static bool better(const Candidate& a, const Candidate& b);
  void keep_best(const float* scores, size_t first, size_t n, size_t top_k, size_t token) const;

  size_t group_ = 0, n_candidates_ = 0;
  float* dots_ = nullptr;             // [n_threads, kKeyBlock]
  float* scores_ = nullptr;           // [group, kSegment]
  Candidate* candidates_ = nullptr;   // [group, top_k + kSegment]
  size_t* n_kept_ = nullptr;          // [group]
};

// chosen[n, top_k], ascending, of the positions 0 .. pos + i for token i: those with the largest
//   score(s) = sum_h weights[i, h] * relu(q[i, h] . key_s),  of equal scores the lower position.
// Every token sees at least top_k positions (pos + 1 >= top_k), n is at most scratch.group(). keys: of type F16.
bool choose_positions(const Context& context, const IndexShape& shape, const IndexScratch& scratch, const float* q,
                      const float* weights, const KvRows& keys, size_t pos, size_t n, int32_t* chosen);

// Attention of one token over n positions alone, whose rows are gathered, in the order given, into `gathered`
// [n * rows.keys.stride]. rows: keys with their values as prefix (MLA).
bool attend_chosen(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
                   const KvRows& rows, const int32_t* positions, size_t n, std::byte* gathered,
                   float* out);

}  // namespace coterie::nn
