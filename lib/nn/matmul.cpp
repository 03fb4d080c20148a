#include "nn/matmul.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "nn/weights.h"

namespace coterie::nn {
namespace {

// A task is a tile of rows of one product, for a tile of its activations.
constexpr size_t kLeastTaskMacs = size_t{1} << 17;   // less is done sooner than another thread wakes up
constexpr size_t kLeastTaskBytes = size_t{1} << 16;  // of weights, likewise
constexpr size_t kPanelRows = 32, kTileRows = 16;   // what a gemm and a gemv like: whole panels, whole tiles

size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

struct Tiling {
  size_t rows, vectors;       // of a tile
  size_t n_rows, n_vectors;   // tiles of the product

  Tiling(const Context& context, const Product& p) {
    const size_t k = std::max<size_t>(1, p.w.n_in), n = std::max<size_t>(1, p.n), unit = n > 1 ? kPanelRows : kTileRows;
    const size_t task_macs = context.kernels.task_macs, n_threads = context.arena.n_threads();
    const size_t most = std::clamp<size_t>(task_macs / (k * unit), 1, kGemmTokens);
    vectors = divide_up(n, divide_up(n, most));  // tiles of nearly one size, as each unpacks its weights
    const size_t macs_per_row = k * vectors;
    // two tiles a thread: regions have several products, so that the last one to finish is not waited for long, and a tile
    // is long enough for memory to be read in streams
    const size_t least = std::min(kLeastTaskMacs / macs_per_row, kLeastTaskBytes / std::max<size_t>(1, p.w.row_bytes));
    rows = std::min(task_macs / macs_per_row, std::max(least, p.w.n_out / (2 * n_threads)));
    rows = std::max(unit, rows / unit * unit);
    n_rows = divide_up(p.w.n_out, rows);
    n_vectors = divide_up(p.n, vectors);
  }
  size_t count() const { return n_rows * n_vectors; }
};

constexpr size_t kMostProducts = 1024;  // of one region; more run one region after another

// Tiles of the same activations follow each other, so that those, which every panel of weights meets, stay in the L2 cache;
// weights are read once for each tile of activations.
void run_tile(const Kernels& kernels, const Product& p, const Tiling& tiling, size_t tile) {
  const ActKind kind = type_info(p.w.type).act;
  const size_t row0 = tile % tiling.n_rows * tiling.rows, row1 = std::min(row0 + tiling.rows, p.w.n_out);
  const size_t first = tile / tiling.n_rows * tiling.vectors, n = std::min(tiling.vectors, p.n - first);
  float* y[kGemmTokens];
  const void* x[kGemmTokens];
  for (size_t i = 0; i < n; ++i) {
    y[i] = p.out + p.out_rows[first + i] * p.out_stride;
    x[i] = p.x->row(kind, p.x_rows[first + i]);
  }
  multiply(kernels, p.w, y, x, n, row0, row1);
}

// At most kMostProducts in one region; done(product, tiling, tile) is called after each tile.
template <class Done>
bool run_region(const Context& context, std::span<const Product> products, const Done& done) {
  size_t ends[kMostProducts];  // ends[i]: tasks of the products up to and including i
  size_t n_tasks = 0;
  for (size_t i = 0; i < products.size(); ++i) ends[i] = n_tasks += Tiling(context, products[i]).count();
  auto task = [&](size_t t, size_t) {
    const size_t i = static_cast<size_t>(std::upper_bound(ends, ends + products.size(), t) - ends);
    const Tiling tiling(context, products[i]);
    const size_t tile = t - (i == 0 ? 0 : ends[i - 1]);
    run_tile(context.kernels, products[i], tiling, tile);
    done(i, tiling, tile);
  };
  return context.run(n_tasks, task);
}

}  // namespace

void Activations::carve(Carver& carver, size_t max_rows, size_t max_k) {
  blocks32_ = carver.take<ActBlock32>(max_rows * ((max_k + 31) / 32));
  blocks256_ = carver.take<ActBlock256>(max_rows * ((max_k + 255) / 256));
}

bool Activations::fill(const Context& context, const float* rows, size_t n, size_t k, std::span<const Matrix> weights) {
  expect(rows, k, weights);
  auto quantise_row = [&](size_t i, size_t) { quantise(context.kernels, i, 1); };
  return (!need32_ && !need256_) || context.run_rows(n, quantise_row);
}

void Activations::expect(const float* rows, size_t k, std::span<const Matrix> weights) {
  floats_ = rows;
  k_ = k;
  need32_ = need256_ = false;
  for (const Matrix& w : weights) {
    need32_ |= type_info(w.type).act == ActKind::kBlock32;
    need256_ |= type_info(w.type).act == ActKind::kBlock256;
  }
}

void Activations::quantise(const Kernels& kernels, size_t first, size_t n) {
  const float* rows = floats_ + first * k_;
  if (need32_) kernels.quantize32(blocks32_ + first * (k_ / 32), rows, n * k_);
  if (need256_) kernels.quantize256(blocks256_ + first * (k_ / 256), rows, n * k_);
}

const void* Activations::row(ActKind kind, size_t i) const {
  switch (kind) {
    case ActKind::kBlock32: return blocks32_ + i * (k_ / 32);
    case ActKind::kBlock256: return blocks256_ + i * (k_ / 256);
    default: return floats_ + i * k_;
  }
}

bool matmul(const Context& context, std::span<const Product> products) {
  for (; !products.empty(); products = products.subspan(std::min(products.size(), kMostProducts))) {
    const auto nothing = [](size_t, const Tiling&, size_t) {};
    if (!run_region(context, products.first(std::min(products.size(), kMostProducts)), nothing)) return false;
  }
  return true;
}

bool matmul_pairs(const Context& context, std::span<const Product> products, size_t n_paired, uint32_t* tiles_left,
                  PairRef then) {
  for (size_t first = 0; first < products.size(); first += kMostProducts) {
    const auto region = products.subspan(first, std::min(products.size() - first, kMostProducts));
    const size_t paired = std::min(region.size(), std::max(n_paired, first) - first);
    uint32_t* left[kMostProducts / 2] = {};  // of each pair, for each tile of its outputs: tiles of weights not met yet
    uint32_t* next = tiles_left;
    for (size_t i = 0; i < paired; i += 2) {
      const Tiling gate(context, region[i]), up(context, region[i + 1]);
      left[i / 2] = next;
      next = std::fill_n(next, gate.n_vectors, static_cast<uint32_t>(gate.n_rows + up.n_rows));
    }
    const auto done = [&](size_t i, const Tiling& tiling, size_t tile) {
      if (i >= paired) return;
      const size_t part = tile / tiling.n_rows, begin = part * tiling.vectors;
      if (std::atomic_ref(left[i / 2][part]).fetch_sub(1, std::memory_order_acq_rel) == 1)
        then((first + i) / 2, begin, std::min(tiling.vectors, region[i].n - begin));
    };
    if (!run_region(context, region, done)) return false;
  }
  return true;
}

void matmul_transposed(const Kernels& kernels, const Matrix& w, const float* x, size_t x_stride, size_t n, float* out,
                       size_t out_stride, float* row_scratch) {
  for (size_t i = 0; i < n; ++i) std::memset(out + i * out_stride, 0, w.n_in * sizeof(float));
  for (size_t r = 0; r < w.n_out; ++r) {
    dequantise_row(kernels, w, r, row_scratch);
    for (size_t i = 0; i < n; ++i) kernels.axpy(out + i * out_stride, x[i * x_stride + r], row_scratch, w.n_in);
  }
}

}  // namespace coterie::nn
