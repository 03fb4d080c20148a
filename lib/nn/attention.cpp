#include "nn/attention.h"

#include <algorithm>
#include <cstring>

namespace coterie::nn {
namespace {

static_assert(kKvBlock % kKeyBlock == 0);  // the rows of a block of keys are adjacent

// Another block joins those seen so far; block_values null: its values are zero.
void join_block(const Kernels& kernels, Running& r, float* values, size_t dim, float block_max, float block_sum,
                const float* block_values) {
  const float new_max = block_max > r.max ? block_max : r.max;
  float old_part, block_part;
  kernels.exp_sum(&old_part, &r.max, new_max, 1);
  kernels.exp_sum(&block_part, &block_max, new_max, 1);
  for (size_t i = 0; i < dim; ++i) values[i] *= old_part;
  if (block_values != nullptr) kernels.axpy(values, block_part, block_values, dim);
  r.sum = r.sum * old_part + block_sum * block_part;
  r.max = new_max;
}

// After the last block: a sink, or null, and the division by the sum.
void finish(const Kernels& kernels, Running& r, const float* sink, float* values, size_t dim) {
  if (sink != nullptr) join_block(kernels, r, values, dim, *sink, 1, nullptr);
  for (size_t i = 0; i < dim; ++i) values[i] /= r.sum;
}

}  // namespace

void AttentionScratch::carve(Carver& carver, size_t n_threads, size_t n_head, size_t max_key_dim, size_t max_value_dim) {
  max_blocks_ = (max_key_dim + 31) / 32;
  max_value_dim_ = max_value_dim;
  scores_ = carver.take<float>(n_threads * kQueries * kKeyBlock);
  values_ = carver.take<float>(n_threads * kQueries * max_value_dim);
  queries_ = carver.take<ActBlock32>(n_threads * kQueries * max_blocks_);
  running_ = carver.take<Running>(n_head);
  part_running_ = carver.take<Running>(kWave * n_head);
  parts_ = carver.take<float>(kWave * n_head * max_value_dim);
}

// The queries of one task: they look at the same key head, each at its own positions. What one query gets does not depend
// on its company.
class AttentionTile {
 public:
  AttentionTile(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const KvRows& rows,
                size_t head_kv, size_t worker)
      : context_(context), kernels_(context.kernels), shape_(shape), rows_(rows), head_kv_(head_kv),
        queries_(scratch.queries_ + worker * kQueries * scratch.max_blocks_) {
    for (size_t j = 0; j < kQueries; ++j) {
      scores_[j] = scratch.scores_ + (worker * kQueries + j) * kKeyBlock;
      block_values_[j] = scratch.values_ + (worker * kQueries + j) * scratch.max_value_dim_;
    }
  }

  // A query over the positions [begin, end); running and out hold what it has seen before.
  void add(const float* q, size_t begin, size_t end, Running* running, float* out) {
    x_[n_] = q;
    if (type_info(rows_.type).act == ActKind::kBlock32) {
      ActBlock32* blocks = queries_ + n_ * (shape_.key_dim / 32);
      kernels_.quantize32(blocks, q, shape_.key_dim);
      x_[n_] = blocks;
    }
    begin_[n_] = begin, end_[n_] = end, running_[n_] = running, out_[n_] = out;
    ++n_;
  }

  // Blocks lie between multiples of kKeyBlock, whatever the window. Gives up when cancelled, since there may be many keys.
  void run() {
    const size_t begin = *std::min_element(begin_, begin_ + n_), end = *std::max_element(end_, end_ + n_);
    for (size_t t0 = begin, t1; t0 < end && !context_.cancelled(); t0 = t1) {
      t1 = std::min((t0 / kKeyBlock + 1) * kKeyBlock, end);
      kernels_.gemm[static_cast<uint32_t>(rows_.type)](scores_, rows_.keys.at(head_kv_, t0), rows_.keys.stride,
                                                       shape_.key_dim, x_, n_, 0, t1 - t0);
      take(t0, t1);
    }
  }

  // The same for one block alone, whose keys lie the other way round; positions count from its first.
  void run_block(const float* keys) {
    const size_t end = *std::max_element(end_, end_ + n_);
    const float* q[kQueries];
    for (size_t j = 0; j < n_; ++j) {
      q[j] = static_cast<const float*>(x_[j]);
      std::memset(scores_[j], 0, end * sizeof(float));
    }
    kernels_.weighted_sum[static_cast<uint32_t>(TensorType::F32)](scores_, q, n_, keys, kKeyBlock * sizeof(float),
                                                                  shape_.key_dim, end);
    take(0, end);
  }

 private:
  // The block [t0, t1), whose scores stand in scores_.
  void take(size_t t0, size_t t1) {
    for (size_t j = 0; j < n_; ++j) softmax(j, t0, t1);
    add_values(t0);
    for (size_t j = 0; j < n_; ++j) join(j);
  }

  // Query j sees the part [from_, to_) of a block; its scores there, against their own maximum.
  void softmax(size_t j, size_t t0, size_t t1) {
    from_[j] = std::clamp(begin_[j], t0, t1);
    to_[j] = std::clamp(end_[j], from_[j], t1);
    const size_t n = to_[j] - from_[j];
    if (n == 0) return;
    float* s = scores_[j] + (from_[j] - t0);
    for (size_t t = 0; t < n; ++t) s[t] *= shape_.scale;
    max_[j] = kernels_.max(s, n);
    sum_[j] = kernels_.exp_sum(s, s, max_[j], n);
  }

  // Weighted values of the block: of the rows that all queries see together, of the others one by one, in order of rows.
  void add_values(size_t t0) {
    size_t from = t0, to = SIZE_MAX, n = 0;
    size_t seeing[kQueries];
    for (size_t j = 0; j < n_; ++j) {
      if (from_[j] == to_[j]) continue;
      seeing[n++] = j;
      from = std::max(from, from_[j]);
      to = std::min(to, to_[j]);
    }
    if (from > to) to = from;
    float* sums[kQueries] = {};
    const float* weights[kQueries] = {};
    for (size_t i = 0; i < n; ++i) {
      const size_t j = seeing[i];
      sums[i] = running_[j]->begun ? block_values_[j] : out_[j];
      weights[i] = scores_[j] + (from - t0);
      std::memset(sums[i], 0, shape_.value_dim * sizeof(float));
      add_rows(j, sums[i], t0, from_[j], std::min(from, to_[j]));
    }
    kernels_.weighted_sum[static_cast<uint32_t>(rows_.type)](sums, weights, n, rows_.values.at(head_kv_, from),
                                                             rows_.values.stride, to - from, shape_.value_dim);
    for (size_t i = 0; i < n; ++i) add_rows(seeing[i], sums[i], t0, std::max(to, from_[seeing[i]]), to_[seeing[i]]);
  }

  void add_rows(size_t j, float* sum, size_t t0, size_t from, size_t to) {
    if (from >= to) return;
    const float* weights = scores_[j] + (from - t0);
    kernels_.weighted_sum[static_cast<uint32_t>(rows_.type)](&sum, &weights, 1, rows_.values.at(head_kv_, from),
                                                             rows_.values.stride, to - from, shape_.value_dim);
  }

  void join(size_t j) {
    if (from_[j] == to_[j]) return;
    if (running_[j]->begun) {
      join_block(kernels_, *running_[j], out_[j], shape_.value_dim, max_[j], sum_[j], block_values_[j]);
    } else {
      *running_[j] = {max_[j], sum_[j], true};
    }
  }

  const Context& context_;
  const Kernels& kernels_;
  const AttentionShape& shape_;
  const KvRows& rows_;
  size_t head_kv_;
  ActBlock32* queries_;
  size_t n_ = 0;
  const void* x_[kQueries];
  size_t begin_[kQueries] = {}, end_[kQueries] = {};
  float* out_[kQueries];
  float *scores_[kQueries], *block_values_[kQueries];
  Running* running_[kQueries];
  size_t from_[kQueries], to_[kQueries];  // of the block being worked on,
  float max_[kQueries], sum_[kQueries];   // likewise
};

// One token's attention, block by block: tasks attend to a block each, for heads that share keys, as if there was no other;
// then the blocks of a wave are combined in order.
class SplitAttention {
 public:
  SplitAttention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
                 const KvRows& rows, float* out)
      : context_(context), shape_(shape), s_(scratch), q_(q), rows_(rows), out_(out) {}

  bool run(size_t begin, size_t end) {
    std::fill(s_.running_, s_.running_ + shape_.n_head, Running{});
    const size_t group = shape_.n_head / shape_.n_head_kv, tiles = (group + kQueries - 1) / kQueries;
    const size_t last = (end - 1) / kKeyBlock;
    for (size_t first = begin / kKeyBlock; first <= last; first += kWave) {
      const size_t n_blocks = std::min(kWave, last + 1 - first);
      auto attend = [&](size_t task, size_t worker) {
        // In the order of memory, but those of one block after another, which comes from the cache then.
        const size_t tile = task % tiles, block = task / tiles % n_blocks, head_kv = task / tiles / n_blocks;
        const size_t head = head_kv * group + tile * kQueries, n = std::min(kQueries, group - tile * kQueries);
        attend_part(block, head, n, std::max(begin, (first + block) * kKeyBlock),
                    std::min(end, (first + block + 1) * kKeyBlock), worker);
      };
      auto join = [&](size_t head, size_t) {
        for (size_t block = 0; block < n_blocks; ++block) join_part(block, head);
        if (first + n_blocks > last) {
          finish(context_.kernels, s_.running_[head], shape_.sinks == nullptr ? nullptr : shape_.sinks + head, out(head),
                 shape_.value_dim);
        }
      };
      if (!context_.run(n_blocks * shape_.n_head_kv * tiles, attend) || !context_.run(shape_.n_head, join)) return false;
    }
    return true;
  }

 private:
  void attend_part(size_t block, size_t head, size_t n, size_t begin, size_t end, size_t worker) {
    AttentionTile queries(context_, shape_, s_, rows_, head / (shape_.n_head / shape_.n_head_kv), worker);
    for (size_t h = head; h < head + n; ++h) {
      part_running(block, h) = {};
      queries.add(q_ + h * shape_.key_dim, begin, end, &part_running(block, h), part(block, h));
    }
    queries.run();
  }

  void join_part(size_t block, size_t head) {
    Running& all = s_.running_[head];
    const Running& one = part_running(block, head);
    if (all.begun) {
      join_block(context_.kernels, all, out(head), shape_.value_dim, one.max, one.sum, part(block, head));
    } else {
      std::copy_n(part(block, head), shape_.value_dim, out(head));
      all = one;
    }
  }

  Running& part_running(size_t block, size_t head) const { return s_.part_running_[block * shape_.n_head + head]; }
  float* part(size_t block, size_t head) const { return s_.parts_ + (block * shape_.n_head + head) * shape_.value_dim; }
  float* out(size_t head) const { return out_ + head * shape_.value_dim; }

  const Context& context_;
  const AttentionShape& shape_;
  const AttentionScratch& s_;
  const float* q_;
  const KvRows& rows_;
  float* out_;
};

bool attention(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, const float* q,
               const KvRows& rows, size_t pos, size_t n, float* out) {
  const auto first_seen = [&](size_t end) { return shape.window != 0 && end > shape.window ? end - shape.window : 0; };
  if (n == 1 && pos / kKeyBlock > first_seen(pos + 1) / kKeyBlock)
    return SplitAttention(context, shape, scratch, q, rows, out).run(first_seen(pos + 1), pos + 1);
  const size_t group = shape.n_head / shape.n_head_kv, n_queries = n * group;  // of a key head
  // As many queries a task as can share keys, but work for every thread.
  const size_t n_threads = context.arena.n_threads();
  const size_t tile = std::clamp<size_t>((n_queries * shape.n_head_kv + n_threads - 1) / n_threads, 1, kQueries);
  const size_t tiles = (n_queries + tile - 1) / tile;
  auto task = [&](size_t i, size_t worker) {
    const size_t head_kv = i % shape.n_head_kv, first = i / shape.n_head_kv * tile, last = std::min(first + tile, n_queries);
    AttentionTile queries(context, shape, scratch, rows, head_kv, worker);
    Running running[kQueries] = {};
    const auto head_of = [&](size_t j) { return head_kv * group + j % group; };
    const auto out_of = [&](size_t j) { return out + (j / group * shape.n_head + head_of(j)) * shape.value_dim; };
    for (size_t j = first; j < last; ++j) {
      const size_t token = j / group, end = pos + token + 1;
      queries.add(q + (token * shape.n_head + head_of(j)) * shape.key_dim, first_seen(end), end, &running[j - first],
                  out_of(j));
    }
    queries.run();
    for (size_t j = first; j < last; ++j) {
      finish(context.kernels, running[j - first], shape.sinks == nullptr ? nullptr : shape.sinks + head_of(j), out_of(j),
             shape.value_dim);
    }
  };
  return context.run(tiles * shape.n_head_kv, task);
}

void attend_block(const Context& context, const AttentionShape& shape, const AttentionScratch& scratch, size_t worker,
                  const KeyValueBlock& block, const float* q, size_t q_stride, size_t pos, size_t n, Running* running,
                  float* out, size_t out_stride) {
  auto* values = reinterpret_cast<std::byte*>(block.values);
  const KvRows rows{TensorType::F32, {}, HeadRows::adjacent(values, shape.value_dim * sizeof(float))};
  const size_t block_end = block.pos + block.n;
  for (size_t first = block.pos > pos ? block.pos - pos : 0; first < n && !context.cancelled(); first += kQueries) {
    const size_t last = std::min(first + kQueries, n);
    AttentionTile queries(context, shape, scratch, rows, 0, worker);
    for (size_t i = first; i < last; ++i) {
      const size_t end = std::min(pos + i + 1, block_end) - block.pos;
      queries.add(q + i * q_stride, 0, end, running + i, out + i * out_stride);
    }
    queries.run_block(block.keys);
    for (size_t i = first; i < last && pos + i < block_end; ++i)
      finish(context.kernels, running[i], nullptr, out + i * out_stride, shape.value_dim);
  }
}

}  // namespace coterie::nn
