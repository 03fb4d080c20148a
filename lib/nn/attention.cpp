#include "nn/attention.h"

#include <algorithm>
#include <cstring>

namespace coterie::nn {
namespace {

struct Head {  // what one query head sees
  const float* q;
  const f16_bits* keys;
  const f16_bits* values;
  size_t row_bytes;
  size_t begin, end;  // positions
  const float* sink;  // or null
  const AttentionShape& shape;
};

const f16_bits* advance(const f16_bits* rows, size_t bytes) {
  return reinterpret_cast<const f16_bits*>(reinterpret_cast<const std::byte*>(rows) + bytes);
}

// Scores of the keys [t0, t0 + n), softmaxed against their own maximum. Returns the sum.
float block_scores(const Kernels& kernels, const Head& head, size_t t0, size_t n, float* scores, float* max) {
  kernels.gemv[static_cast<uint32_t>(TensorType::F16)](scores, advance(head.keys, t0 * head.row_bytes), head.row_bytes,
                                                       head.shape.key_dim, head.q, 0, n);
  for (size_t t = 0; t < n; ++t) scores[t] *= head.shape.scale;
  *max = kernels.max(scores, n);
  return kernels.exp_sum(scores, scores, *max, n);
}

// Softmax over blocks (Milakov & Gimelshein 2018): maximum, sum and weighted values of the keys seen so far.
struct Running {
  const Kernels& kernels;
  float* values;  // [dim]
  size_t dim;
  float max = 0, sum = 0;

  // Another block; block_values null: its values are zero.
  void join(float block_max, float block_sum, const float* block_values) {
    const float new_max = block_max > max ? block_max : max;
    float old_part, block_part;
    kernels.exp_sum(&old_part, &max, new_max, 1);
    kernels.exp_sum(&block_part, &block_max, new_max, 1);
    for (size_t i = 0; i < dim; ++i) values[i] *= old_part;
    if (block_values != nullptr) kernels.axpy(values, block_part, block_values, dim);
    sum = sum * old_part + block_sum * block_part;
    max = new_max;
  }
};

// Blocks lie between multiples of kKeyBlock, whatever the window. Gives up when cancelled, since a head may look at many
// keys.
void attend(const Context& context, const Head& head, float* scores, float* block_values, float* out) {
  const Kernels& kernels = context.kernels;
  const size_t dim = head.shape.value_dim;
  Running running{kernels, out, dim};
  for (size_t t0 = head.begin, t1; t0 < head.end && !context.cancelled(); t0 = t1) {
    t1 = std::min((t0 / kKeyBlock + 1) * kKeyBlock, head.end);
    float block_max;
    const float block_sum = block_scores(kernels, head, t0, t1 - t0, scores, &block_max);
    float* acc = t0 == head.begin ? out : block_values;
    std::memset(acc, 0, dim * sizeof(float));
    kernels.weighted_sum_f16(acc, scores, advance(head.values, t0 * head.row_bytes), head.row_bytes, t1 - t0, dim);
    if (t0 == head.begin) {
      running.max = block_max;
      running.sum = block_sum;
    } else {
      running.join(block_max, block_sum, block_values);
    }
  }
  if (head.sink != nullptr) running.join(*head.sink, 1, nullptr);
  for (size_t i = 0; i < dim; ++i) out[i] /= running.sum;
}

}  // namespace

void AttentionScratch::carve(Carver& carver, size_t n_threads, size_t max_value_dim) {
  scores_ = carver.take<float>(n_threads * kKeyBlock);
  values_ = carver.take<float>(n_threads * max_value_dim);
  max_value_dim_ = max_value_dim;
}

bool attention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
               const f16_bits* keys, const f16_bits* values, size_t row_bytes, size_t pos, size_t n, float* out) {
  const size_t group = shape.n_head / shape.n_head_kv;
  auto task = [&](size_t i, size_t worker) {
    const size_t token = i / shape.n_head, head = i % shape.n_head, head_kv = head / group, end = pos + token + 1;
    const size_t begin = shape.window != 0 && end > shape.window ? end - shape.window : 0;
    const Head view{q + i * shape.key_dim, keys + head_kv * shape.key_dim, values + head_kv * shape.value_dim, row_bytes,
                    begin, end, shape.sinks == nullptr ? nullptr : shape.sinks + head, shape};
    attend(context, view, scratch.scores(worker), scratch.values(worker), out + i * shape.value_dim);
  };
  return context.run(n * shape.n_head, task);
}

}  // namespace coterie::nn
