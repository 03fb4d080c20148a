// The whole boundary between lib/ and simd/: a table of pure functions per instruction set.
// Every table gives the same bits for the same input; the rules of arithmetic ("rule N") are in docs/arithmetic.md.
// A kernel never allocates, locks, logs, fails or threads; callers check shapes. Weight rows may be unaligned; float
// vectors are aligned to 4 bytes, activation blocks to their alignas.
#pragma once

#include "formats.h"

namespace coterie {

// y[r] = sum_i W[r, i] * x[i] for r in [row0, row1). Row r starts at w + r * row_bytes and holds k elements (whole
// blocks). x: [k] floats, ActBlock32[k / 32] or ActBlock256[k / 256] by type_info(type).act. Writes y[row0, row1).
using GemvFn = void (*)(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0, size_t row1);
// y[i][r] likewise for each of n <= kGemmTokens vectors x[i], with the bits of gemv.
using GemmFn = void (*)(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n,
                        size_t row0, size_t row1);
inline constexpr size_t kGemmTokens = 128;
// y[i] = value of element i of one row of k elements.
using DequantizeFn = void (*)(float* y, const void* row, size_t k);

using WeightedSumFn = void (*)(float* const* acc, const float* const* p, size_t n_sums, const void* v, size_t row_bytes,
                               size_t n_rows, size_t n);

struct Kernels {
  const char* isa;
  size_t task_macs;  // so many multiply-adds take milliseconds: a cancelled call waits for tasks of that size

  GemvFn gemv[kTensorTypeCount];              // null: no kernel for this type
  GemmFn gemm[kTensorTypeCount];              // likewise
  DequantizeFn dequantize[kTensorTypeCount];  // null: likewise

  // Rows of a cache, of type F32, F16 or Q8_0 (null for others). encode: of n floats; to nearest even, NaN: 7e00 as a half;
  // blocks of Q8_0 as rule 1 has them, d rounded to a half.
  void (*encode[kTensorTypeCount])(void* row, const float* x, size_t n);
  // Rule 5: acc[j][i] = fma(p[j][t], v[t, i], acc[j][i]) for t = 0 .. n_rows-1 in order; v row t starts at
  // v + t * row_bytes. n: elements of a row, a multiple of the block.
  WeightedSumFn weighted_sum[kTensorTypeCount];

  // Rule 1: floats to int8 blocks; k is a multiple of the block. A block with a NaN or infinity gets d = NaN, q = 0.
  void (*quantize32)(ActBlock32* out, const float* x, size_t k);
  void (*quantize256)(ActBlock256* out, const float* x, size_t k);

  // Rule 3 sums.
  float (*sum_squares)(const float* x, size_t n);
  // p[i] = exp(s[i] - max), returns their sum. p may be s.
  float (*exp_sum)(float* p, const float* s, float max, size_t n);
  // The largest of x[0, n), n >= 1: m = x[i] > m ? x[i] : m from -infinity on, so a NaN never wins; a zero is +0.
  float (*max)(const float* x, size_t n);

  // Element by element.
  void (*mul)(float* y, const float* x, const float* w, float scale, size_t n);      // y = (x * scale) * w
  void (*silu_mul)(float* y, const float* gate, const float* up, size_t n);          // y = gate / (1 + exp(-gate)) * up
  void (*sigmoid)(float* y, const float* x, size_t n);                               // y = 1 / (1 + exp(-x))
  void (*axpy)(float* y, float a, const float* x, size_t n);                         // y = fma(a, x, y)
  void (*add)(float* y, const float* x, size_t n);                                   // y = y + x
};

// The tables this build contains, best first, ended by null; a null slot was filled from the next one down. The scalar
// table is last and complete. usable() asks the CPU and the operating system.
struct KernelSet {
  const Kernels* kernels;
  bool (*usable)();
};
const KernelSet* kernel_sets();
// The best usable table, or the one named (null: any); null if that name is unknown or not usable here.
const Kernels* select_kernels(const char* isa);

}  // namespace coterie
