#include "nn/matmul.h"

#include <algorithm>
#include <cstring>

namespace coterie::nn {
namespace {

// A task is a tile of rows of one product, for a tile of its activations. Small enough that a cancelled call ends within
// milliseconds even with the scalar kernels.
constexpr size_t kTaskMacs = size_t{1} << 24;
constexpr size_t kLeastTaskMacs = size_t{1} << 17;  // less is done sooner than another thread wakes up
constexpr size_t kPanelRows = 32;                   // what a gemm likes: whole panels

size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

struct Tiling {
  size_t rows, vectors;       // of a tile
  size_t n_rows, n_vectors;   // tiles of the product

  Tiling(const Product& p, size_t n_threads) {
    const size_t k = std::max<size_t>(1, p.w.n_in), unit = p.n > 1 ? kPanelRows : 4;
    vectors = std::clamp<size_t>(kTaskMacs / (k * unit), 1, kGemmTokens);
    vectors = std::max<size_t>(1, std::min(vectors, p.n));
    const size_t macs_per_row = k * vectors;
    // a few tiles a thread, so that the last one to finish is not waited for long
    rows = std::min(kTaskMacs / macs_per_row, std::max(kLeastTaskMacs / macs_per_row, p.w.n_out / (4 * n_threads)));
    rows = std::max(unit, rows / unit * unit);
    n_rows = divide_up(p.w.n_out, rows);
    n_vectors = divide_up(p.n, vectors);
  }
  size_t count() const { return n_rows * n_vectors; }
};

// Tiles of the same weights follow each other, so that those come from the cache.
void run_tile(const Kernels& kernels, const Product& p, const Tiling& tiling, size_t tile) {
  const auto type = static_cast<uint32_t>(p.w.type);
  const ActKind kind = kTypeInfo[type].act;
  const size_t row0 = tile / tiling.n_vectors * tiling.rows, row1 = std::min(row0 + tiling.rows, p.w.n_out);
  const size_t first = tile % tiling.n_vectors * tiling.vectors, n = std::min(tiling.vectors, p.n - first);
  float* y[kGemmTokens];
  const void* x[kGemmTokens];
  for (size_t i = 0; i < n; ++i) {
    y[i] = p.out + p.out_rows[first + i] * p.out_stride;
    x[i] = p.x->row(kind, p.x_rows[first + i]);
  }
  kernels.gemm[type](y, p.w.data, p.w.row_bytes, p.w.n_in, x, n, row0, row1);
}

}  // namespace

void Activations::carve(Carver& carver, size_t max_rows, size_t max_k) {
  blocks32_ = carver.take<ActBlock32>(max_rows * ((max_k + 31) / 32));
  blocks256_ = carver.take<ActBlock256>(max_rows * ((max_k + 255) / 256));
}

bool Activations::fill(const Context& context, const float* rows, size_t n, size_t k, std::span<const Matrix> weights) {
  floats_ = rows;
  k_ = k;
  bool need32 = false, need256 = false;
  for (const Matrix& w : weights) {
    need32 |= type_info(w.type).act == ActKind::kBlock32;
    need256 |= type_info(w.type).act == ActKind::kBlock256;
  }
  auto quantise = [&](size_t i, size_t) {
    if (need32) context.kernels.quantize32(blocks32_ + i * (k / 32), rows + i * k, k);
    if (need256) context.kernels.quantize256(blocks256_ + i * (k / 256), rows + i * k, k);
  };
  return (!need32 && !need256) || context.run_rows(n, quantise);
}

const void* Activations::row(ActKind kind, size_t i) const {
  switch (kind) {
    case ActKind::kBlock32: return blocks32_ + i * (k_ / 32);
    case ActKind::kBlock256: return blocks256_ + i * (k_ / 256);
    default: return floats_ + i * k_;
  }
}

bool matmul(const Context& context, std::span<const Product> products) {
  constexpr size_t kMost = 1024;  // products of one region; more run one region after another
  const size_t n_threads = context.arena.n_threads();
  for (; !products.empty(); products = products.subspan(std::min(products.size(), kMost))) {
    const size_t n = std::min(products.size(), kMost);
    size_t ends[kMost];  // ends[i]: tasks of the products up to and including i
    size_t n_tasks = 0;
    for (size_t i = 0; i < n; ++i) ends[i] = n_tasks += Tiling(products[i], n_threads).count();
    auto task = [&](size_t t, size_t) {
      const size_t i = static_cast<size_t>(std::upper_bound(ends, ends + n, t) - ends);
      run_tile(context.kernels, products[i], Tiling(products[i], n_threads), t - (i == 0 ? 0 : ends[i - 1]));
    };
    if (!context.run(n_tasks, task)) return false;
  }
  return true;
}

void matmul_transposed(const Kernels& kernels, const Matrix& w, const float* x, size_t x_stride, size_t n, float* out,
                       size_t out_stride, float* row_scratch) {
  for (size_t i = 0; i < n; ++i) std::memset(out + i * out_stride, 0, w.n_in * sizeof(float));
  for (size_t r = 0; r < w.n_out; ++r) {
    kernels.dequantize[static_cast<uint32_t>(w.type)](row_scratch, w.row(r), w.n_in);
    for (size_t i = 0; i < n; ++i) kernels.axpy(out + i * out_stride, x[i * x_stride + r], row_scratch, w.n_in);
  }
}

}  // namespace coterie::nn
