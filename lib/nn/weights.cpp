#include "nn/weights.h"

namespace coterie::nn {
namespace {

void multiply_by(float scale, float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] *= scale;
}

}  // namespace

void multiply(const Kernels& kernels, const Matrix& w, float* const* y, const void* const* x, size_t n, size_t row0,
              size_t row1) {
  kernels.gemm[static_cast<uint32_t>(w.type)](y, w.data, w.row_bytes, w.n_in, x, n, row0, row1);
  if (w.scale == nullptr) return;
  for (size_t i = 0; i < n; ++i) multiply_by(*w.scale, y[i] + row0, row1 - row0);
}

void dequantise_row(const Kernels& kernels, const Matrix& w, size_t i, float* out) {
  kernels.dequantize[static_cast<uint32_t>(w.type)](out, w.row(i), w.n_in);
  if (w.scale != nullptr) multiply_by(*w.scale, out, w.n_in);
}

}  // namespace coterie::nn
