#include "nn/ffn.h"

#include <algorithm>
#include <cstring>

namespace coterie::nn {
namespace {

// gate = g . sigmoid(1.702 g) . (u + 1), clamped (gpt-oss, torch/model.py: swiglu). up is overwritten.
void swiglu_oai(const Kernels& kernels, float* gate, float* up, size_t n) {
  constexpr float kAlpha = 1.702f, kLimit = 7;
  for (size_t i = 0; i < n; ++i) {
    const float g = gate[i] > kLimit ? kLimit : gate[i];
    const float u = up[i] > kLimit ? kLimit : up[i] < -kLimit ? -kLimit : up[i];
    up[i] = g * (u + 1);
    gate[i] = kAlpha * g;
  }
  kernels.sigmoid(gate, gate, n);
  for (size_t i = 0; i < n; ++i) gate[i] *= up[i];
}

// gate = activation(gate + gate_bias, up + up_bias) for one row; up is overwritten.
void activate(const Kernels& kernels, Activation activation, Vector gate_bias, Vector up_bias, float* gate, float* up,
              size_t n_ff) {
  if (gate_bias != nullptr) kernels.add(gate, gate_bias, n_ff);
  if (up_bias != nullptr) kernels.add(up, up_bias, n_ff);
  if (activation == Activation::kSwigluOai) swiglu_oai(kernels, gate, up, n_ff);
  else kernels.silu_mul(gate, gate, up, n_ff);
}

// The same for n rows of a dense network, from row `first` on; rows: of the activations of down.
void activate(const Kernels& kernels, const Ffn& w, float* gate, float* up, Activations& rows, size_t first, size_t n) {
  const size_t n_ff = w.gate.n_out;
  for (size_t i = first; i < first + n; ++i)
    activate(kernels, Activation::kSilu, w.gate_bias, w.up_bias, gate + i * n_ff, up + i * n_ff, n_ff);
  rows.quantise(kernels, first, n);
}

Vector row_of(Vector rows, size_t i, size_t n) { return rows == nullptr ? nullptr : rows + i * n; }

}  // namespace

void FfnScratch::carve(Carver& carver, const FfnSizes& s, size_t n) {
  const size_t n_slots = n * s.n_expert_used;
  input_.carve(carver, n, s.n_embd);
  gate_ = carver.take<float>(n * s.n_ff);
  up_ = carver.take<float>(n * s.n_ff);
  hidden_.carve(carver, n, s.n_ff);
  shared_ = carver.take<float>(n * s.n_embd);
  shared_gate_ = carver.take<float>(n);
  router_ = carver.take<float>(n * s.n_expert);
  router_scratch_ = carver.take<float>(n * 2 * s.n_expert);
  ids_ = carver.take<int32_t>(n_slots);
  weights_ = carver.take<float>(n_slots);
  offset_ = carver.take<size_t>(s.n_expert + 1);
  slot_token_ = carver.take<int32_t>(n_slots);
  slot_of_ = carver.take<int32_t>(n_slots);
  expert_gate_ = carver.take<float>(n_slots * s.n_ff_expert);
  expert_up_ = carver.take<float>(n_slots * s.n_ff_expert);
  expert_hidden_.carve(carver, n_slots, s.n_ff_expert);
  expert_out_ = carver.take<float>(n_slots * s.n_embd);
  products_ = carver.take<Product>(2 * s.n_expert);
  tiles_left_ = carver.take<uint32_t>(std::max(n_slots, n));
}

bool ffn(const Context& context, const Ffn& w, FfnScratch& s, const float* x, size_t n, float* out) {
  const size_t n_ff = w.gate.n_out;
  const Product gate_and_up[] = {{w.gate, &s.input_, n, s.gate_, n_ff}, {w.up, &s.input_, n, s.up_, n_ff}};
  auto activate_rows = [&](size_t, size_t first, size_t count) {
    activate(context.kernels, w, s.gate_, s.up_, s.hidden_, first, count);
  };
  s.hidden_.expect(s.gate_, n_ff, {&w.down, 1});
  if (!s.input_.fill(context, x, n, w.gate.n_in, {w.gate, w.up}) ||
      !matmul_pairs(context, gate_and_up, 2, s.tiles_left_, activate_rows) ||
      !matmul(context, {{w.down, &s.hidden_, n, out, w.down.n_out}})) {
    return false;
  }
  if (w.down_bias == nullptr) return true;
  for (size_t i = 0; i < n; ++i) context.kernels.add(out + i * w.down.n_out, w.down_bias, w.down.n_out);
  return true;
}

// One evaluation of a mixture of experts: the steps of moe(), in order.
struct MoeRun {
  const Context& context;
  const Moe& w;
  FfnScratch& s;
  const float* x;
  size_t n;
  size_t n_expert = w.config.n_expert, n_used = w.config.n_used;
  size_t n_embd = w.router.n_in, n_ff = w.gate.first.n_out;

  // The router, and what does not depend on it: gate and up of the shared expert.
  bool choose() const {
    Product products[4];
    size_t n_products = 0;
    auto push = [&](const Product& p) { products[n_products++] = p; };
    if (w.shared) {
      push({w.shared.gate, &s.input_, n, s.gate_, w.shared.gate.n_out});
      push({w.shared.up, &s.input_, n, s.up_, w.shared.up.n_out});
      s.hidden_.expect(s.gate_, w.shared.gate.n_out, {&w.shared.down, 1});
    }
    const size_t n_paired = n_products;
    push({w.router, &s.input_, n, s.router_, n_expert});
    if (w.shared_gate) push({w.shared_gate, &s.input_, n, s.shared_gate_, 1});
    auto activate_shared = [&](size_t, size_t first, size_t count) {
      activate(context.kernels, w.shared, s.gate_, s.up_, s.hidden_, first, count);
    };
    if (!s.input_.fill(context, x, n, n_embd, {w.router, w.gate.first, w.up.first, w.shared.gate, w.shared.up}) ||
        !matmul_pairs(context, {products, n_products}, n_paired, s.tiles_left_, activate_shared)) {
      return false;
    }
    auto route_token = [&](size_t t, size_t) {
      route(context.kernels, w.config, s.router_ + t * n_expert, s.router_scratch_ + t * 2 * n_expert,
            s.ids_ + t * n_used, s.weights_ + t * n_used);
    };
    return context.run_rows(n, route_token);
  }

  // Gives every (token, expert) pair a slot; the slots of an expert are neighbours, in order of tokens.
  void sort_by_expert() const {
    std::fill(s.offset_, s.offset_ + n_expert + 1, size_t{0});
    for (size_t i = 0; i < n * n_used; ++i) ++s.offset_[s.ids_[i] + 1];
    for (size_t e = 0; e < n_expert; ++e) s.offset_[e + 1] += s.offset_[e];
    size_t* next = s.offset_;
    for (size_t i = 0; i < n * n_used; ++i) {
      const size_t slot = next[s.ids_[i]]++;
      s.slot_token_[slot] = static_cast<int32_t>(i / n_used);
      s.slot_of_[i] = static_cast<int32_t>(slot);
    }
    for (size_t e = n_expert; e > 0; --e) s.offset_[e] = s.offset_[e - 1];  // back from ends to beginnings
    s.offset_[0] = 0;
  }

  size_t tokens_of(size_t e) const { return s.offset_[e + 1] - s.offset_[e]; }

  // Activated and quantised for down by the tasks that finish an expert's tokens, while their values are in the cache.
  bool gate_and_up() const {
    size_t n_products = 0;
    auto push = [&](const Product& p) { s.products_[n_products++] = p; };
    for (size_t e = 0; e < n_expert; ++e) {
      if (tokens_of(e) == 0) continue;
      const RowMap tokens{s.slot_token_ + s.offset_[e]}, slots{nullptr, s.offset_[e]};
      push({w.gate[e], &s.input_, tokens_of(e), s.expert_gate_, n_ff, tokens, slots});
      push({w.up[e], &s.input_, tokens_of(e), s.expert_up_, n_ff, tokens, slots});
    }
    s.expert_hidden_.expect(s.expert_gate_, n_ff, {&w.down.first, 1});
    auto activate_rows = [&](size_t pair, size_t first, size_t count) {
      activate_slots(s.products_[2 * pair].out_rows[first], count);
    };
    return matmul_pairs(context, {s.products_, n_products}, n_products, s.tiles_left_, activate_rows);
  }

  // Slots of one expert.
  void activate_slots(size_t first, size_t count) const {
    const size_t e = static_cast<size_t>(std::upper_bound(s.offset_, s.offset_ + n_expert, first) - s.offset_) - 1;
    for (size_t slot = first; slot < first + count; ++slot) {
      activate(context.kernels, w.activation, row_of(w.gate_bias, e, n_ff), row_of(w.up_bias, e, n_ff),
               s.expert_gate_ + slot * n_ff, s.expert_up_ + slot * n_ff, n_ff);
    }
    s.expert_hidden_.quantise(context.kernels, first, count);
  }

  bool down() const {
    size_t n_products = 0;
    if (w.shared) s.products_[n_products++] = {w.shared.down, &s.hidden_, n, s.shared_, n_embd};
    for (size_t e = 0; e < n_expert; ++e) {
      if (tokens_of(e) == 0) continue;
      const RowMap slots{nullptr, s.offset_[e]};
      s.products_[n_products++] = {w.down[e], &s.expert_hidden_, tokens_of(e), s.expert_out_, n_embd, slots, slots};
    }
    return matmul(context, {s.products_, n_products});
  }

  void combine_shared(size_t token, float* out) const {
    float* shared = s.shared_ + token * n_embd;
    if (w.shared.down_bias != nullptr) context.kernels.add(shared, w.shared.down_bias, n_embd);
    float gate = 1;
    if (w.shared_gate) context.kernels.sigmoid(&gate, s.shared_gate_ + token, 1);
    context.kernels.axpy(out, gate, shared, n_embd);
  }

  // Rule 8: sums within 8 ranges of expert ids, then the ranges, then the shared expert.
  void combine(size_t token, float* out) const {
    constexpr size_t kRanges = 8;
    const int32_t* ids = s.ids_ + token * n_used;
    const float* weights = s.weights_ + token * n_used;
    auto range_of = [&](size_t k) { return static_cast<size_t>(ids[k]) * kRanges / n_expert; };
    auto expert_out = [&](size_t k) {  // asked for once each
      float* row = s.expert_out_ + n_embd * s.slot_of_[token * n_used + k];
      if (w.down_bias != nullptr) context.kernels.add(row, w.down_bias + n_embd * ids[k], n_embd);
      return row;
    };
    for (size_t k = 0; k < n_used;) {
      const size_t range = range_of(k);
      const bool first_range = k == 0;
      float* sum = expert_out(k);  // the range is summed up in the slot of its first expert
      for (size_t i = 0; i < n_embd; ++i) sum[i] *= weights[k];
      for (++k; k < n_used && range_of(k) == range; ++k) context.kernels.axpy(sum, weights[k], expert_out(k), n_embd);
      if (first_range) std::memcpy(out, sum, n_embd * sizeof(float));
      else context.kernels.add(out, sum, n_embd);
    }
    if (w.shared) combine_shared(token, out);
  }
};

bool moe(const Context& context, const Moe& w, FfnScratch& scratch, const float* x, size_t n, float* out) {
  const MoeRun run{context, w, scratch, x, n};
  if (!run.choose()) return false;
  run.sort_by_expert();
  if (!run.gate_and_up() || !run.down()) return false;
  auto combine = [&](size_t token, size_t) { run.combine(token, out + token * run.n_embd); };
  return context.run_rows(n, combine);
}

}  // namespace coterie::nn
