// Bytes of weights a second, one thread: each table x type on matrices that come from memory and on one that stays in
// the L1 cache (the limit of the instructions), beside a plain read of the same memory (the limit of the machine).
//   bench_kernels [--benchmark_filter=avx2/Q4_K]
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "kernels.h"

using namespace coterie;

namespace {

constexpr size_t kMemoryBytes = size_t(512) << 20;
constexpr size_t kRows = 1408, kLength = 2048;  // of one expert's gate in DeepSeek-V2-Lite

// Random bytes, in huge pages where the system has them.
uint8_t* memory() {
  static uint8_t* const bytes = [] {
    void* p = std::aligned_alloc(size_t(2) << 20, kMemoryBytes);
#ifdef __linux__
    madvise(p, kMemoryBytes, MADV_HUGEPAGE);
#endif
    uint64_t state = 88172645463325252;
    for (size_t i = 0; i < kMemoryBytes; i += 8) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      std::memcpy(static_cast<uint8_t*>(p) + i, &state, 8);
    }
    return static_cast<uint8_t*>(p);
  }();
  return bytes;
}

std::unique_ptr<void, void (*)(void*)> activations(const Kernels& kernels, TensorType type, size_t k) {
  std::vector<float> x(k);
  for (size_t i = 0; i < k; ++i) x[i] = static_cast<float>(i % 64) - 31.5f;
  void* p = std::aligned_alloc(64, k * 4);
  switch (type_info(type).act) {
    case ActKind::kBlock32: kernels.quantize32(static_cast<ActBlock32*>(p), x.data(), k); break;
    case ActKind::kBlock256: kernels.quantize256(static_cast<ActBlock256*>(p), x.data(), k); break;
    default: std::memcpy(p, x.data(), k * 4);
  }
  return {p, std::free};
}

void gemv(benchmark::State& state, const Kernels& kernels, TensorType type, size_t n_rows, size_t n_matrices) {
  const TypeInfo& info = type_info(type);
  const size_t row_bytes = kLength / info.block_elems * info.block_bytes, matrix_bytes = n_rows * row_bytes;
  if (n_matrices == 0) n_matrices = kMemoryBytes / matrix_bytes;
  const GemvFn fn = kernels.gemv[static_cast<uint32_t>(type)];
  const auto x = activations(kernels, type, kLength);
  std::vector<float> y(n_rows);
  size_t at = 0;
  for (auto _ : state) {
    fn(y.data(), memory() + at * matrix_bytes, row_bytes, kLength, x.get(), 0, n_rows);
    benchmark::ClobberMemory();
    at = (at + 7) % n_matrices;  // not in order: experts are not
  }
  state.SetBytesProcessed(state.iterations() * matrix_bytes);
}

// Four sequential streams.
void read(benchmark::State& state) {
  constexpr size_t kStream = size_t(1) << 20;
  size_t at = 0;
  memory();
  for (auto _ : state) {
    const uint8_t* p = memory() + at;
    uint64_t sum[4] = {};
    for (size_t i = 0; i < kStream; i += 64)
      for (size_t s = 0; s < 4; ++s) {
        __builtin_prefetch(p + s * kStream + i + 2048);
        uint64_t words[8];
        std::memcpy(words, p + s * kStream + i, 64);
        for (uint64_t w : words) sum[s] += w;
      }
    benchmark::DoNotOptimize(sum);
    at = (at + 4 * kStream) % kMemoryBytes;
  }
  state.SetBytesProcessed(state.iterations() * 4 * kStream);
}

// The operations on floats that stand beside the products, on kLength floats: nanoseconds say more than bytes.
void floats(benchmark::State& state, const Kernels& kernels, int which) {
  std::vector<float> x(kLength, 0.5f), y(kLength, 0.25f);
  std::vector<f16_bits> v(kLength * 16, 0x3000);
  alignas(64) static ActBlock256 blocks[kLength / 256];
  for (auto _ : state) {
    if (which == 0) kernels.quantize256(blocks, x.data(), kLength);
    if (which == 1) benchmark::DoNotOptimize(kernels.exp_sum(y.data(), x.data(), 1, kLength));
    if (which == 2) kernels.silu_mul(y.data(), x.data(), x.data(), kLength);
    if (which == 3) kernels.weighted_sum_f16(y.data(), x.data(), v.data(), 2 * 512, 64, 512);
    benchmark::ClobberMemory();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RegisterBenchmark("read", read);
  for (const KernelSet* set = kernel_sets(); set->kernels; ++set) {
    if (!set->usable()) continue;
    const Kernels& kernels = *set->kernels;
    for (uint32_t t = 0; t < kTensorTypeCount; ++t) {
      if (!kernels.gemv[t]) continue;
      const TensorType type = static_cast<TensorType>(t);
      const std::string name = std::string(kernels.isa) + '/' + type_info(type).name;
      const size_t row_bytes = kLength / type_info(type).block_elems * type_info(type).block_bytes;
      const size_t cached_rows = 16384 / row_bytes / 8 * 8;
      benchmark::RegisterBenchmark((name + "/memory").c_str(), gemv, kernels, type, kRows, 0);
      benchmark::RegisterBenchmark((name + "/cache").c_str(), gemv, kernels, type, cached_rows ? cached_rows : 8, 1);
    }
    constexpr const char* kFloats[] = {"quantize256", "exp_sum", "silu_mul", "weighted_sum_f16"};
    for (int i = 0; i < 4; ++i)
      benchmark::RegisterBenchmark((std::string(kernels.isa) + '/' + kFloats[i]).c_str(), floats, kernels, i);
  }
  benchmark::RunSpecifiedBenchmarks();
}
