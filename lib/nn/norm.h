// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * w. LayerNorm (Ba et al. 2016).
#pragma once

#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::nn {

// One row of n values; y may be x.
void rms_norm(const Kernels& kernels, float* y, const float* x, Vector w, size_t n, float eps);
// n_rows rows, x_stride and y_stride floats apart.
bool rms_norm(const Context& context, float* y, size_t y_stride, const float* x, size_t x_stride, Vector w, size_t n_rows,
              size_t n, float eps);
// y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * w + bias for one row of n values; y may be x.
void layer_norm(const Kernels& kernels, float* y, const float* x, Vector w, Vector bias, size_t n, float eps);
// h = fma(scale, delta, h) for n_rows * n values: the last step of a stage, so it cannot be cancelled.
void add_residual(const Context& context, float* h, const float* delta, size_t n_rows, size_t n, float scale = 1);

}  // namespace coterie::nn
