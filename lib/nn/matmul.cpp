#include "nn/matmul.h"

#include <algorithm>
#include <cstring>

namespace coterie::nn {
namespace {

// A task is a tile of rows of one product, for all its activations. Small enough that a cancelled call ends within
// milliseconds even with the scalar kernels, and that its weights stay in the L2 cache while the activations pass.
constexpr size_t kTaskMacs = size_t{1} << 23;
constexpr size_t kLeastTaskMacs = size_t{1} << 17;  // less is done sooner than another thread wakes up
constexpr size_t kTileBytes = size_t{192} << 10;

size_t tile_rows(const Product& p, size_t n_threads) {
  const size_t macs_per_row = std::max<size_t>(1, p.w.n_in * p.n);
  size_t rows = std::max<size_t>(1, kTaskMacs / macs_per_row);
  if (p.n > 1) rows = std::min(rows, std::max<size_t>(1, kTileBytes / p.w.row_bytes));
  // a few tiles a thread, so that the last one to finish is not waited for long
  rows = std::min(rows, std::max(kLeastTaskMacs / macs_per_row, p.w.n_out / (4 * n_threads)));
  return rows >= 4 ? rows / 4 * 4 : std::max<size_t>(1, rows);
}

size_t tile_count(const Product& p, size_t n_threads) {
  const size_t rows = tile_rows(p, n_threads);
  return p.n == 0 ? 0 : (p.w.n_out + rows - 1) / rows;
}

void run_tile(const Kernels& kernels, const Product& p, size_t row0, size_t row1) {
  const auto type = static_cast<uint32_t>(p.w.type);
  const ActKind kind = kTypeInfo[type].act;
  for (size_t i = 0; i < p.n; ++i) {
    kernels.gemv[type](p.out + p.out_rows[i] * p.out_stride, p.w.data, p.w.row_bytes, p.w.n_in,
                       p.x->row(kind, p.x_rows[i]), row0, row1);
  }
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
    for (size_t i = 0; i < n; ++i) ends[i] = n_tasks += tile_count(products[i], n_threads);
    auto task = [&](size_t t, size_t) {
      const size_t i = static_cast<size_t>(std::upper_bound(ends, ends + n, t) - ends);
      const Product& p = products[i];
      const size_t rows = tile_rows(p, n_threads), row0 = (t - (i == 0 ? 0 : ends[i - 1])) * rows;
      run_tile(context.kernels, p, row0, std::min(row0 + rows, p.w.n_out));
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
