// Views of weights: where they lie in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats.h"

namespace coterie::nn {

using Vector = const float*;  // a norm weight, bias or scale: F32 in every file; null when the file has none

// A matrix of weights where it lies in the file: n_out rows of n_in elements.
struct Matrix {
  const std::byte* data = nullptr;
  TensorType type = TensorType::F32;
  size_t n_in = 0, n_out = 0;
  size_t row_bytes = 0;
  Vector scale = nullptr;  // [1] factor of its products; null: none (nn/weights.h)

  explicit operator bool() const { return data != nullptr; }
  const std::byte* row(size_t i) const { return data + i * row_bytes; }
  Matrix rows(size_t first, size_t count) const { return {row(first), type, n_in, count, row_bytes, scale}; }
};

// Matrices of one shape and type, each anywhere: experts or heads.
struct Stack {
  Matrix first;
  std::vector<const std::byte*> data;  // of each matrix
  std::vector<Vector> scales;          // likewise; empty: all have that of the first

  Stack() = default;
  // n matrices, matrix_bytes from one to the next.
  Stack(const Matrix& first_matrix, size_t n, size_t matrix_bytes) : first(first_matrix), data(n) {
    for (size_t i = 0; i < n; ++i) data[i] = first.data + i * matrix_bytes;
  }

  explicit operator bool() const { return !data.empty(); }
  Matrix operator[](size_t i) const {
    Matrix m = first;
    m.data = data[i];
    if (!scales.empty()) m.scale = scales[i];
    return m;
  }
  // The same rows of every matrix, as a stack.
  Stack rows(size_t begin, size_t count) const {
    Stack part = *this;
    part.first = first.rows(begin, count);
    for (const std::byte*& d : part.data) d += begin * first.row_bytes;
    return part;
  }
};

}  // namespace coterie::nn
