// Views of weights and activations. They own nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats.h"

namespace coterie::nn {

// A matrix of weights where it lies in the file: n_out rows of n_in elements.
struct Matrix {
  const std::byte* data = nullptr;
  TensorType type = TensorType::F32;
  size_t n_in = 0, n_out = 0;
  size_t row_bytes = 0;

  explicit operator bool() const { return data != nullptr; }
  const std::byte* row(size_t i) const { return data + i * row_bytes; }
  Matrix rows(size_t first, size_t count) const { return {row(first), type, n_in, count, row_bytes}; }
};

// A stack of matrices of one shape: experts or heads.
struct Stack {
  Matrix first;
  size_t n = 0;
  size_t matrix_bytes = 0;  // from one matrix to the next

  explicit operator bool() const { return static_cast<bool>(first); }
  Matrix operator[](size_t i) const {
    Matrix m = first;
    m.data += i * matrix_bytes;
    return m;
  }
  // The same rows of every matrix, as a stack.
  Stack rows(size_t begin, size_t count) const { return {first.rows(begin, count), n, matrix_bytes}; }
};

using Vector = const float*;  // a norm weight or bias: F32 in every file; null when the file has none

}  // namespace coterie::nn
