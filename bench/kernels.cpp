// The kernels, one thread: each table x type x matrix of a known model, gemv and gemm, with weights that come from
// memory and, for gemv, with weights that stay in the L1 cache (the limit of the instructions).
// By processor time, which neighbours on the machine change little:
//   GB/s     weights read
//   GOP/s    multiplications and additions
//   of_read  weights read a second as a share of what eight plain streams of the same memory give in this run
//   of_peak  GOP/s as a share of what the table's instruction for int8 products gives in registers in this run, or its
//            fma for weights that are floats; the scalar table has none
// Beside them, where OpenBLAS was found, its sgemm of the same shapes.
//   bench_kernels [--benchmark_filter=avx2/Q4_K/gemm] [--benchmark_list_tests]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef COTERIE_OPENBLAS
#include <cblas.h>
#endif

#include "kernels.h"
#include "peaks.h"

using namespace coterie;

namespace {

constexpr size_t kMemoryBytes = size_t(512) << 20;
// Of each of 8 streams: all of the memory, but not at powers of two, where they would meet in few sets of the caches.
constexpr size_t kStreamLines = kMemoryBytes / 8 / 64 - 12;
constexpr size_t kLength = 2048;  // of vectors that belong to no model

struct Shape {
  const char* name;
  size_t n_in, n_out;
};
constexpr Shape kShapes[] = {
    {"v2-lite.gate", 2048, 1408}, {"v2-lite.down", 1408, 2048}, {"v2-lite.attn_q", 2048, 3072},
    {"v3.gate", 7168, 2048},      {"v3.down", 2048, 7168},      {"v3.attn_q_b", 1536, 24576},
    {"qwen3.gate", 2048, 768},    {"qwen3.down", 768, 2048},    {"gpt-oss.gate", 2880, 2880},
};
constexpr size_t kTokens[] = {4, 16, 48, 64, 128};  // that meet one expert in prefill
// Matrices that all tokens meet. Their gemm differs from the experts' where rows are longer; that takes a few rows to see.
constexpr Shape kDense[] = {
    {"v2-lite.kv_a", 2048, 576}, {"v2-lite.ffn_gate", 2048, 10944}, {"v2-lite.ffn_down", 10944, 2048},
    {"v3.kv_a", 7168, 576},      {"v3.ffn_gate", 7168, 18432},      {"v3.ffn_down", 18432, 7168},
    {"v3.output", 7168, 129280}, {"v2-lite.output", 2048, 102400},
};
constexpr size_t kExpertRow = 7168, kFewRows = 256;

void randomise(uint8_t* bytes) {
  uint64_t state = 88172645463325252;
  for (size_t i = 0; i < kMemoryBytes; i += 8) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    std::memcpy(bytes + i, &state, 8);
  }
}

// Random bytes, in huge pages where the system has them.
uint8_t* memory() {
  static uint8_t* const bytes = [] {
    void* p = std::aligned_alloc(size_t(2) << 20, kMemoryBytes);
#ifdef __linux__
    madvise(p, kMemoryBytes, MADV_HUGEPAGE);
#endif
    randomise(static_cast<uint8_t*>(p));
    return static_cast<uint8_t*>(p);
  }();
  return bytes;
}

// Goes over 8 sequential streams of n_lines, one behind the other in memory.
uint64_t read_streams(const uint8_t* bytes, size_t n_lines) {
  using Words = uint64_t __attribute__((vector_size(16)));
  const auto load = [](const void* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    return words;
  };
  Words a = {}, b = {}, c = {}, d = {};  // an array would not be kept in registers
  for (size_t i = 0; i < n_lines; ++i)
    for (size_t s = 0; s < 8; ++s) {
      const uint8_t* line = bytes + (s * n_lines + i) * 64;
      __builtin_prefetch(line + 1024);
      a += load(line);
      b += load(line + 16);
      c += load(line + 32);
      d += load(line + 48);
    }
  const Words sum = a + b + c + d;
  return sum[0] + sum[1];
}

void read(benchmark::State& state) {
  memory();
  for (auto _ : state) benchmark::DoNotOptimize(read_streams(memory(), kStreamLines));
  state.SetBytesProcessed(state.iterations() * 8 * kStreamLines * 64);
}

double cpu_seconds_since(std::clock_t start) { return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC; }

// Bytes a second of the best of several passes over the whole memory, measured once.
double read_rate() {
  static const double rate = [] {
    memory();
    double best = 0;
    for (int pass = 0; pass < 8; ++pass) {
      const std::clock_t start = std::clock();
      benchmark::DoNotOptimize(read_streams(memory(), kStreamLines));
      best = std::max(best, 8 * kStreamLines * 64 / cpu_seconds_since(start));
    }
    return best;
  }();
  return rate;
}

const bench::Peak& peaks_of(const std::string& isa) {
  static std::map<std::string, bench::Peak> peaks;
  const auto [at, is_new] = peaks.try_emplace(isa);
  if (is_new) at->second = bench::measure_peak(isa.c_str());
  return at->second;
}

double peak_of(const Kernels& kernels, TensorType type) {
  const bench::Peak& peak = peaks_of(kernels.isa);
  return type_info(type).act == ActKind::kF32 ? peak.floats : peak.int8;
}

// After the iterations, each of which read weight_bytes and added up n_products; peak: of these, a second.
void set_counters(benchmark::State& state, std::clock_t start, double weight_bytes, double n_products, double peak) {
  const double per_second = static_cast<double>(state.iterations()) / cpu_seconds_since(start);
  state.counters["GB/s"] = 1e-9 * per_second * weight_bytes;
  state.counters["GOP/s"] = 2e-9 * per_second * n_products;
  state.counters["of_read"] = per_second * weight_bytes / read_rate();
  if (peak > 0) state.counters["of_peak"] = per_second * n_products / peak;
}

using Aligned = std::unique_ptr<void, void (*)(void*)>;

Aligned activations(const Kernels& kernels, TensorType type, size_t k) {
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

// Random bytes are fair weights of all types but these: scales of MXFP4 would be powers of two beyond what floats hold, and
// floats denormal, which processors are slow with.
void tame(TensorType type) {
  static TensorType tamed = TensorType::Q8_0;  // stands for all others
  const bool wild = type == TensorType::MXFP4 || type == TensorType::F32 || type == TensorType::BF16;
  if (!wild) type = TensorType::Q8_0;
  if (type == tamed) return;
  tamed = type;
  randomise(memory());
  if (!wild) return;
  const size_t bytes = type_info(type).block_bytes, at = type == TensorType::MXFP4 ? 0 : bytes - 1;
  const uint8_t base = type == TensorType::MXFP4 ? 112 : 48;  // exponents near that of 1
  for (size_t i = at; i < kMemoryBytes; i += bytes) memory()[i] = static_cast<uint8_t>(base + memory()[i] % 16);
}

size_t row_bytes_of(TensorType type, size_t k) {
  return k / type_info(type).block_elems * type_info(type).block_bytes;
}

// Matrices that the memory holds. They are not taken in order, as experts are not, but every kStep-th, so that all are.
constexpr size_t kStep = 7;
size_t count_matrices(size_t bytes) {
  const size_t n = kMemoryBytes / bytes;
  return n % kStep == 0 ? n - 1 : n;
}

// n_matrices 0: all. Of a matrix greater than the memory, the rows that it holds.
void gemv(benchmark::State& state, const Kernels& kernels, TensorType type, Shape shape, size_t n_matrices) {
  const size_t row_bytes = row_bytes_of(type, shape.n_in);
  shape.n_out = std::min(shape.n_out, kMemoryBytes / row_bytes);
  const size_t matrix_bytes = shape.n_out * row_bytes;
  if (n_matrices == 0) n_matrices = count_matrices(matrix_bytes);
  const GemvFn fn = kernels.gemv[static_cast<uint32_t>(type)];
  tame(type);
  const Aligned x = activations(kernels, type, shape.n_in);
  std::vector<float> y(shape.n_out);
  size_t at = 0;
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    fn(y.data(), memory() + at * matrix_bytes, row_bytes, shape.n_in, x.get(), 0, shape.n_out);
    benchmark::ClobberMemory();
    at = (at + kStep) % n_matrices;
  }
  set_counters(state, start, matrix_bytes, static_cast<double>(shape.n_in) * shape.n_out, peak_of(kernels, type));
}

void gemm(benchmark::State& state, const Kernels& kernels, TensorType type, Shape shape, size_t n_tokens) {
  const size_t row_bytes = row_bytes_of(type, shape.n_in), matrix_bytes = shape.n_out * row_bytes;
  const size_t n_matrices = count_matrices(matrix_bytes);
  const GemmFn fn = kernels.gemm[static_cast<uint32_t>(type)];
  tame(type);
  std::vector<Aligned> xs;
  std::vector<const void*> x;
  std::vector<float> values(n_tokens * shape.n_out);
  std::vector<float*> y;
  for (size_t i = 0; i < n_tokens; ++i) {
    xs.push_back(activations(kernels, type, shape.n_in));
    x.push_back(xs.back().get());
    y.push_back(values.data() + i * shape.n_out);
  }
  size_t at = 0;
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    fn(y.data(), memory() + at * matrix_bytes, row_bytes, shape.n_in, x.data(), n_tokens, 0, shape.n_out);
    benchmark::ClobberMemory();
    at = (at + kStep) % n_matrices;
  }
  set_counters(state, start, matrix_bytes, static_cast<double>(shape.n_in) * shape.n_out * n_tokens, peak_of(kernels, type));
}

#ifdef COTERIE_OPENBLAS
// y[n_tokens, n_out] = x[n_tokens, n_in] * transpose(W[n_out, n_in]), W in F32.
void openblas_sgemm(benchmark::State& state, Shape shape, size_t n_tokens) {
  openblas_set_num_threads(1);
  const auto n_in = static_cast<int>(shape.n_in), n_out = static_cast<int>(shape.n_out), n = static_cast<int>(n_tokens);
  const std::vector<float> w(shape.n_in * shape.n_out, 0.01f), x(n_tokens * shape.n_in, 0.5f);
  std::vector<float> y(n_tokens * shape.n_out);
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n_out, n_in, 1, x.data(), n_in, w.data(), n_in, 0, y.data(),
                n_out);
    benchmark::ClobberMemory();
  }
  const double peak = peaks_of(select_kernels(nullptr)->isa).floats;  // of the widest registers, as it takes them too
  set_counters(state, start, w.size() * sizeof(float), static_cast<double>(w.size()) * n_tokens, peak);
}
#endif

// Rule 5 as attention uses it: so many sums over the rows of a block of a cache, which stays in the cache of the core.
struct Sums {
  const char* name;
  TensorType type;
  size_t n_rows, row, n, n_sums;  // n of the elements of a row
};
constexpr Sums kSums[] = {
    {"mla.values", TensorType::F16, 256, 576, 512, 1},        {"mla.values", TensorType::F16, 256, 576, 512, 16},
    {"expanded.scores", TensorType::F32, 192, 256, 256, 16},  {"expanded.values", TensorType::F32, 256, 128, 128, 16},
    {"gqa.values", TensorType::F16, 256, 128, 128, 4},        {"gqa.values", TensorType::F16, 256, 128, 128, 8},
    {"mla.values/Q8_0", TensorType::Q8_0, 256, 576, 512, 16}, {"gqa.values/Q8_0", TensorType::Q8_0, 256, 128, 128, 8},
};

// The scores beside them: products of so many queries with the keys of a block, which come from memory.
struct Scores {
  const char* name;
  TensorType type;
  size_t row, n_queries;
};
constexpr Scores kScores[] = {
    {"mla.scores", TensorType::F16, 576, 1},   {"mla.scores", TensorType::F16, 576, 16},
    {"gqa.scores", TensorType::F16, 128, 4},   {"gqa.scores", TensorType::F16, 128, 8},
    {"mla.scores", TensorType::Q8_0, 576, 16}, {"gqa.scores", TensorType::Q8_0, 128, 8},
};

void weighted_sum(benchmark::State& state, const Kernels& kernels, const Sums& sums) {
  const size_t row_bytes = row_bytes_of(sums.type, sums.row);
  const std::vector<float> weights(sums.n_rows, 0.5f);
  std::vector<float> values(sums.n_sums * sums.n);
  std::vector<float*> acc;
  const std::vector<const float*> p(sums.n_sums, weights.data());
  for (size_t i = 0; i < sums.n_sums; ++i) acc.push_back(values.data() + i * sums.n);
  const std::vector<uint8_t> rows(sums.n_rows * row_bytes);
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    kernels.weighted_sum[static_cast<uint32_t>(sums.type)](acc.data(), p.data(), sums.n_sums, rows.data(), row_bytes,
                                                          sums.n_rows, sums.n);
    benchmark::ClobberMemory();
  }
  set_counters(state, start, static_cast<double>(sums.n_rows * row_bytes_of(sums.type, sums.n)),
               static_cast<double>(sums.n_rows * sums.n * sums.n_sums), peaks_of(kernels.isa).floats);
}

// The operations on floats that stand beside the products, on kLength floats: nanoseconds say more than bytes.
void floats(benchmark::State& state, const Kernels& kernels, int which) {
  std::vector<float> x(kLength, 0.5f), y(kLength, 0.25f);
  alignas(64) static ActBlock256 blocks[kLength / 256];
  for (auto _ : state) {
    if (which == 0) kernels.quantize256(blocks, x.data(), kLength);
    if (which == 1) benchmark::DoNotOptimize(kernels.exp_sum(y.data(), x.data(), 1, kLength));
    if (which == 2) kernels.silu_mul(y.data(), x.data(), x.data(), kLength);
    benchmark::ClobberMemory();
  }
}

void register_products(const Kernels& kernels, TensorType type) {
  const auto t = static_cast<uint32_t>(type);
  const std::string name = std::string(kernels.isa) + '/' + type_info(type).name;
  const size_t cached_rows = std::max<size_t>(32768 / row_bytes_of(type, kLength) / 16 * 16, 16);
  benchmark::RegisterBenchmark((name + "/gemv/cache").c_str(), gemv, kernels, type, Shape{"", kLength, cached_rows}, 1);
  for (const Shape& shape : kShapes) {
    if (shape.n_in % type_info(type).block_elems != 0) continue;
    benchmark::RegisterBenchmark((name + "/gemv/" + shape.name).c_str(), gemv, kernels, type, shape, 0);
    if (!kernels.gemm[t]) continue;
    for (const size_t n : kTokens) {
      const std::string full = name + "/gemm/" + shape.name + '/' + std::to_string(n);
      benchmark::RegisterBenchmark(full.c_str(), gemm, kernels, type, shape, n);
    }
  }
  if (std::strcmp(kernels.isa, "scalar") == 0) return;  // it would take minutes more to say the same again
  for (const Shape& shape : kDense) {
    if (shape.n_in % type_info(type).block_elems != 0) continue;
    benchmark::RegisterBenchmark((name + "/gemv/" + shape.name).c_str(), gemv, kernels, type, shape, 0);
    if (!kernels.gemm[t] || shape.n_in <= kExpertRow) continue;
    const std::string full = name + "/gemm/" + shape.name + '/' + std::to_string(kGemmTokens);
    benchmark::RegisterBenchmark(full.c_str(), gemm, kernels, type, Shape{"", shape.n_in, kFewRows}, kGemmTokens);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RegisterBenchmark("read", read);
  for (const KernelSet* set = kernel_sets(); set->kernels; ++set) {
    if (!set->usable()) continue;
    const Kernels& kernels = *set->kernels;
    const bench::Peak& peak = peaks_of(kernels.isa);
    const auto gops = [](double macs) { return std::to_string(std::lround(2e-9 * macs)) + " GOP/s"; };
    if (peak.int8 > 0)
      benchmark::AddCustomContext(std::string("peak_") + kernels.isa,
                                  "int8 " + gops(peak.int8) + ", floats " + gops(peak.floats));
    for (uint32_t t = 0; t < kTensorTypeCount; ++t)
      if (kernels.gemv[t]) register_products(kernels, static_cast<TensorType>(t));
    for (const Scores& s : kScores) {
      const std::string name = std::string(kernels.isa) + '/' + type_info(s.type).name + "/gemm/" + s.name + '/';
      benchmark::RegisterBenchmark((name + std::to_string(s.n_queries)).c_str(), gemm, kernels, s.type,
                                   Shape{"", s.row, 256}, s.n_queries);
    }
    for (const Sums& sums : kSums)
      benchmark::RegisterBenchmark(
          (std::string(kernels.isa) + "/weighted_sum/" + sums.name + '/' + std::to_string(sums.n_sums)).c_str(), weighted_sum,
          kernels, sums);
    constexpr const char* kFloats[] = {"quantize256", "exp_sum", "silu_mul"};
    for (int i = 0; i < 3; ++i)
      benchmark::RegisterBenchmark((std::string(kernels.isa) + '/' + kFloats[i]).c_str(), floats, kernels, i);
  }
#ifdef COTERIE_OPENBLAS
  benchmark::AddCustomContext("openblas", openblas_get_corename());  // the oldest, where it does not know the CPU
  for (const Shape& shape : kShapes)
    for (const size_t n : kTokens) {
      const std::string name = std::string("openblas/sgemm/") + shape.name + '/' + std::to_string(n);
      benchmark::RegisterBenchmark(name.c_str(), openblas_sgemm, shape, n);
    }
#endif
  benchmark::AddCustomContext("read_rate", std::to_string(read_rate() / 1e9) + " GB/s");
  benchmark::RunSpecifiedBenchmarks();
}
