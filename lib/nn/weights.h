// What is done with weights, by the kernel of their type. Here, and nowhere else, their scale counts (rule 2 of
// docs/arithmetic.md).
#pragma once

#include <cstddef>

#include "kernels.h"
#include "nn/tensor.h"

namespace coterie::nn {

// y[i][row0, row1) = w * x[i], those rows of it, for n <= kGemmTokens vectors in the form of w's type. Not parallel.
void multiply(const Kernels& kernels, const Matrix& w, float* const* y, const void* const* x, size_t n, size_t row0,
              size_t row1);

// out[w.n_in] = row i of w as floats.
void dequantise_row(const Kernels& kernels, const Matrix& w, size_t i, float* out);

}  // namespace coterie::nn
