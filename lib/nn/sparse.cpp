#include "nn/sparse.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace coterie::nn {
namespace {

// scores[0, n) of the keys from `keys` on, for one token: q[n_head, dim], weights[n_head].
void score_keys(const Kernels& kernels, const IndexShape& shape, const float* q, const float* weights,
                const std::byte* keys, size_t row_bytes, size_t n, float* dots, float* scores) {
  std::memset(scores, 0, n * sizeof(float));
  for (size_t h = 0; h < shape.n_head; ++h) {
    kernels.gemv[static_cast<uint32_t>(TensorType::F16)](dots, keys, row_bytes, shape.dim, q + h * shape.dim, 0, n);
    for (size_t t = 0; t < n; ++t) dots[t] = dots[t] > 0 ? dots[t] : 0;
    kernels.axpy(scores, weights[h], dots, n);
  }
}

}  // namespace

void IndexScratch::carve(Carver& carver, const IndexShape& shape, size_t n_threads) {
  group_ = n_threads;
  n_candidates_ = shape.top_k + kSegment;
  dots_ = carver.take<float>(n_threads * kKeyBlock);
  scores_ = carver.take<float>(group_ * kSegment);
  candidates_ = carver.take<Candidate>(group_ * n_candidates_);
  n_kept_ = carver.take<size_t>(group_);
}

bool IndexScratch::better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.position < b.position;
}

// The candidates of a token become the top_k best of themselves and of the n positions from `first` on.
void IndexScratch::keep_best(const float* scores, size_t first, size_t n, size_t top_k, size_t token) const {
  Candidate* all = candidates_ + token * n_candidates_;
  size_t& n_kept = n_kept_[token];
  for (size_t i = 0; i < n; ++i) {
    const float score = scores[i] == scores[i] ? scores[i] : -std::numeric_limits<float>::infinity();  // NaN: the lowest
    all[n_kept++] = {score, static_cast<int32_t>(first + i)};
  }
  if (n_kept <= top_k) return;
  std::nth_element(all, all + top_k, all + n_kept, better);
  n_kept = top_k;
}

bool choose_positions(const Context& context, const IndexShape& shape, const IndexScratch& s, const float* q,
                      const float* weights, const KvRows& keys, size_t pos, size_t n, int32_t* chosen) {
  std::fill(s.n_kept_, s.n_kept_ + n, size_t{0});
  for (size_t first = 0; first < pos + n; first += IndexScratch::kSegment) {
    const size_t n_keys = std::min(IndexScratch::kSegment, pos + n - first);
    const size_t n_blocks = (n_keys + kKeyBlock - 1) / kKeyBlock;
    auto score_block = [&](size_t task, size_t worker) {
      const size_t token = task / n_blocks, begin = task % n_blocks * kKeyBlock;
      score_keys(context.kernels, shape, q + token * shape.n_head * shape.dim, weights + token * shape.n_head,
                 keys.keys.at(0, first + begin), keys.keys.stride, std::min(kKeyBlock, n_keys - begin),
                 s.dots_ + worker * kKeyBlock, s.scores_ + token * IndexScratch::kSegment + begin);
    };
    if (!context.run(n * n_blocks, score_block)) return false;
    auto keep = [&](size_t token, size_t) {
      const size_t n_seen = pos + token + 1;
      const size_t n_new = n_seen > first ? std::min(n_keys, n_seen - first) : 0;
      s.keep_best(s.scores_ + token * IndexScratch::kSegment, first, n_new, shape.top_k, token);
    };
    if (!context.run(n, keep)) return false;
  }
  auto sort = [&](size_t token, size_t) {
    const IndexScratch::Candidate* best = s.candidates_ + token * s.n_candidates_;
    int32_t* out = chosen + token * shape.top_k;
    for (size_t i = 0; i < shape.top_k; ++i) out[i] = best[i].position;
    std::sort(out, out + shape.top_k);
  };
  return context.run(n, sort);
}

bool attend_chosen(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
                   const KvRows& rows, const int32_t* positions, size_t n, std::byte* gathered,
                   float* out) {
  constexpr size_t kRows = 64;  // of a task
  auto gather = [&](size_t task, size_t) {
    for (size_t i = task * kRows; i < std::min(n, (task + 1) * kRows); ++i) {
      std::memcpy(gathered + i * rows.keys.stride, rows.keys.at(0, static_cast<size_t>(positions[i])), rows.keys.stride);
    }
  };
  if (!context.run((n + kRows - 1) / kRows, gather)) return false;
  const HeadRows latents = HeadRows::adjacent(gathered, rows.keys.stride);
  return attention(context, shape, scratch, q, {rows.type, latents, latents}, n - 1, 1, out);
}

}  // namespace coterie::nn
