// Products of weights and activations, for one token or many, one matrix or all chosen experts, in one parallel loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::nn {

// Rows of activations in every form that weights ask for. Carved once for the most rows, filled before each use.
class Activations {
 public:
  void carve(Carver& carver, size_t max_rows, size_t max_k);

  // Takes n rows of k floats (rows adjacent; they must stay until the products are done) and quantises them as the given
  // weights need.
  bool fill(const Context& context, const float* rows, size_t n, size_t k, std::span<const Matrix> weights);
  bool fill(const Context& context, const float* rows, size_t n, size_t k, std::initializer_list<Matrix> weights) {
    return fill(context, rows, n, k, std::span<const Matrix>(weights.begin(), weights.size()));
  }

  // The same in two steps, when the rows are still to be computed: what is to be taken, then n of the rows, from any thread.
  void expect(const float* rows, size_t k, std::span<const Matrix> weights);
  void quantise(const Kernels& kernels, size_t first, size_t n);

  const void* row(ActKind kind, size_t i) const;

 private:
  const float* floats_ = nullptr;
  size_t k_ = 0;
  bool need32_ = false, need256_ = false;
  ActBlock32* blocks32_ = nullptr;
  ActBlock256* blocks256_ = nullptr;
};

// Which row takes part in product i: index[i], or first + i * step.
struct RowMap {
  const int32_t* index = nullptr;
  size_t first = 0, step = 1;
  size_t operator[](size_t i) const { return index != nullptr ? static_cast<size_t>(index[i]) : first + i * step; }
};

// out[out_rows[i], :] = w * x[x_rows[i], :] for i in [0, n).
struct Product {
  Matrix w;
  const Activations* x;
  size_t n;
  float* out;         // rows of out_stride floats, the first w.n_out of each are written
  size_t out_stride;
  RowMap x_rows = {};
  RowMap out_rows = {};
};

// All products in one parallel loop. They may share inputs, not outputs.
bool matmul(const Context& context, std::span<const Product> products);
inline bool matmul(const Context& context, std::initializer_list<Product> products) {
  return matmul(context, std::span<const Product>(products.begin(), products.size()));
}

// The same, where the first n_paired products, an even number, are pairs, 2 i and 2 i + 1, of one n and one shape:
// then(pair, first, n) is called by a task that has written the last of their outputs [first, first + n). tiles_left: as many
// elements as the pairs have outputs.
using PairRef = CallRef<size_t, size_t, size_t>;
bool matmul_pairs(const Context& context, std::span<const Product> products, size_t n_paired, uint32_t* tiles_left,
                  PairRef then);

// out[i, :] = transpose(w) * x[i, :] for n rows: out has w.n_in values, x has w.n_out. Elements of w are taken as floats:
// out = fma(x[r], w[r, :], out) in order of r, from 0. For weights stored the other way round than they are needed.
// x rows are x_stride apart, out rows out_stride; row_scratch: [w.n_in] floats. Not parallel: call it from a task.
void matmul_transposed(const Kernels& kernels, const Matrix& w, const float* x, size_t x_stride, size_t n, float* out,
                       size_t out_stride, float* row_scratch);

}  // namespace coterie::nn
