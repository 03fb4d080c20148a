// Attention of one new token over what a session holds, as decoding has it: shapes of known models, caches of halves that
// come from memory, since every token goes over all layers. By wall time, on one thread and on two:
//   ms       a layer
//   GMAC/s   multiplications and additions of scores and weighted sums
//   GB/s     of the cache
//   bench_attention [--benchmark_filter=v2-lite]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kv/kv_cache.h"
#include "nn/attention.h"

using namespace coterie;

namespace {

constexpr size_t kCacheBytes = size_t(1) << 30;  // of all layers: more than caches hold

struct Shape {
  const char* name;
  size_t n_head, n_head_kv, key_dim, value_dim;
  bool value_is_prefix;
};
constexpr Shape kShapes[] = {
    {"v2-lite", 16, 1, 576, 512, true}, {"v3", 128, 1, 576, 512, true}, {"qwen3-30b-a3b", 32, 4, 128, 128, false}};

void attention(benchmark::State& state, const Shape& s, size_t n_ctx, uint32_t n_threads) {
  const size_t value_dim = s.value_is_prefix ? 0 : s.value_dim;
  const size_t layer_bytes = n_ctx * s.n_head_kv * row_bytes(TensorType::F16, s.key_dim + value_dim);
  const size_t n_layer = kCacheBytes / layer_bytes;
  std::unique_ptr<Arena> arena;
  KvCache cache;
  if (!Arena::create(n_threads, &arena).ok() ||
      !KvCache::create({n_layer, s.n_head_kv, s.key_dim, value_dim}, TensorType::F16, n_ctx, &cache).ok()) {
    return state.SkipWithError("no memory or threads");
  }
  const Kernels& kernels = *select_kernels(nullptr);
  const auto encode = kernels.encode[static_cast<uint32_t>(TensorType::F16)];
  std::vector<float> row(std::max(s.key_dim, value_dim));
  for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(i % 64) / 64 - 0.5f;
  for (size_t il = 0; il < n_layer; ++il) {
    const KvRows rows = cache.layer(il);
    for (size_t h = 0; h < s.n_head_kv; ++h) {
      for (size_t t = 0; t < n_ctx; ++t) {
        encode(rows.keys.at(h, t), row.data(), s.key_dim);
        if (value_dim != 0) encode(rows.values.at(h, t), row.data(), value_dim);
      }
    }
  }
  nn::AttentionScratch scratch;
  nn::Carver plan(nullptr);
  scratch.carve(plan, n_threads, s.n_head, s.key_dim, s.value_dim);
  Buffer buffer;
  if (!Buffer::allocate(plan.used(), "scratch", &buffer).ok()) return state.SkipWithError("no memory");
  nn::Carver carver(buffer.data());
  scratch.carve(carver, n_threads, s.n_head, s.key_dim, s.value_dim);

  const std::vector<float> q(s.n_head * s.key_dim, 0.01f);
  std::vector<float> out(s.n_head * s.value_dim);
  const nn::Context context{kernels, *arena, nullptr};
  const nn::AttentionShape shape{s.n_head, s.n_head_kv, s.key_dim, s.value_dim, 0.1f};
  size_t il = 0;
  for (auto _ : state) {
    nn::attention(context, shape, scratch, q.data(), cache.layer(il), n_ctx - 1, 1, out.data());
    il = (il + 1) % n_layer;
  }
  const auto rate = [](double x) { return benchmark::Counter(1e-9 * x, benchmark::Counter::kIsIterationInvariantRate); };
  state.counters["GMAC/s"] = rate(static_cast<double>(s.n_head * n_ctx * (s.key_dim + s.value_dim)));
  state.counters["GB/s"] = rate(static_cast<double>(layer_bytes));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const Shape& shape : kShapes) {
    for (const size_t n_ctx : {512, 4096}) {
      for (const uint32_t n_threads : {1, 2}) {
        const std::string name = std::string(shape.name) + '/' + std::to_string(n_ctx) + '/' + std::to_string(n_threads);
        benchmark::RegisterBenchmark(name.c_str(), attention, shape, n_ctx, n_threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}
