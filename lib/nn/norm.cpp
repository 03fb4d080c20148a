#include "nn/norm.h"

#include "base/numerics.h"

namespace coterie::nn {
namespace {

// Rule 3 of docs/arithmetic.md.
float sum(const float* x, size_t n) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes] = {};
  for (size_t i = 0; i < n; ++i) lanes[i % kLanes] += x[i];
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

}  // namespace

void rms_norm(const Kernels& kernels, float* y, const float* x, Vector w, size_t n, float eps) {
  const float mean = kernels.sum_squares(x, n) / static_cast<float>(n);
  kernels.mul(y, x, w, 1.0f / numerics::sqrt(mean + eps), n);
}

bool rms_norm(const Context& context, float* y, size_t y_stride, const float* x, size_t x_stride, Vector w, size_t n_rows,
              size_t n, float eps) {
  auto row = [&](size_t i, size_t) { rms_norm(context.kernels, y + i * y_stride, x + i * x_stride, w, n, eps); };
  return context.run_rows(n_rows, row);
}

void layer_norm(const Kernels& kernels, float* y, const float* x, Vector w, Vector bias, size_t n, float eps) {
  const float mean = sum(x, n) / static_cast<float>(n);
  for (size_t i = 0; i < n; ++i) y[i] = x[i] - mean;
  const float variance = kernels.sum_squares(y, n) / static_cast<float>(n);
  kernels.mul(y, y, w, 1.0f / numerics::sqrt(variance + eps), n);
  kernels.add(y, bias, n);
}

void add_residual(const Context& context, float* h, const float* delta, size_t n_rows, size_t n, float scale) {
  for (size_t i = 0; i < n_rows; ++i) context.kernels.axpy(h + i * n, scale, delta + i * n, n);
}

}  // namespace coterie::nn
