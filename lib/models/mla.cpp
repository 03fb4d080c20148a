#include "models/mla.h"

#include <algorithm>
#include <cstring>

#include "base/numerics.h"
#include "models/rope_config.h"
#include "nn/norm.h"
#include "nn/weights.h"

namespace coterie {
namespace {

// out[i, :] = w * x[i, :] for n rows. Not parallel; gives up when cancelled.
void multiply(const nn::Context& context, const nn::Matrix& w, const nn::Activations& x, size_t n, float* out) {
  for (size_t first = 0; first < n && !context.cancelled(); first += kGemmTokens) {
    const size_t count = std::min(kGemmTokens, n - first);
    float* y[kGemmTokens];
    const void* rows[kGemmTokens];
    for (size_t i = 0; i < count; ++i) {
      y[i] = out + (first + i) * w.n_out;
      rows[i] = x.row(type_info(w.type).act, first + i);
    }
    nn::multiply(context.kernels, w, y, rows, count, 0, w.n_out);
  }
}

// out[i, :] = transpose(w) * x[i, :] likewise, with w as floats, which go to weights[w.n_out, w.n_in]:
// out = fma(x[r], w[r, :], out) in order of r, from 0.
void multiply_transposed(const nn::Context& context, const nn::Matrix& w, const float* x, size_t n, float* weights,
                         float* out) {
  constexpr size_t kRows = 32;  // milliseconds even with the scalar kernels
  for (size_t r = 0; r < w.n_out; ++r) nn::dequantise_row(context.kernels, w, r, weights + r * w.n_in);
  for (size_t first = 0; first < n && !context.cancelled(); first += kRows) {
    const size_t count = std::min(kRows, n - first);
    float* y[kRows];
    const float* rows[kRows];
    for (size_t i = 0; i < count; ++i) {
      y[i] = out + (first + i) * w.n_in;
      rows[i] = x + (first + i) * w.n_out;
    }
    std::memset(y[0], 0, count * w.n_in * sizeof(float));
    context.kernels.weighted_sum[static_cast<uint32_t>(TensorType::F32)](y, rows, count, weights, w.n_in * sizeof(float),
                                                                         w.n_out, w.n_in);
  }
}

}  // namespace

void Mla::read(Config& config, Binder& binder, uint32_t n_embd, uint32_t n_ctx_train, float eps) {
  n_embd_ = n_embd;
  eps_ = eps;
  config.integer("attention.head_count", &n_head_, 1, 65536);
  config.integer("attention.kv_lora_rank", &kv_rank_, 1, kMost);
  binder.in_layer(0);
  if (binder.has("attn_q_a.weight")) config.integer("attention.q_lora_rank", &q_rank_, 1, kMost);

  // Older files give a head's sizes as key_length and value_length, newer ones use those for the latent row.
  uint32_t key_dim = 0;
  const bool latent_names = config.has("attention.key_length_mla") && config.has("attention.value_length_mla");
  config.integer(latent_names ? "attention.key_length_mla" : "attention.key_length", &key_dim, 1, kMost);
  config.integer(latent_names ? "attention.value_length_mla" : "attention.value_length", &n_value_, 1, kMost);
  config.integer("rope.dimension_count", &n_rot_, 2, key_dim == 0 ? 2 : key_dim);
  config.check(key_dim > n_rot_, "rope.dimension_count", "less than the key length");
  n_nope_ = key_dim - n_rot_;
  read_rope(config, n_ctx_train);

  config.optional_real("attention.temperature_scale", &temperature_scale_, 0, 1e6f);
  config.optional_integer("attention.temperature_length", &temperature_length_, 1, UINT32_MAX);
}

// YaRN in DeepSeek's form: cos and sin keep their length, the scores are multiplied by (1 + m * ln factor)^2 instead, where
// m is the key yarn_log_multiplier. Files without it scale both by (1 + 0.1 ln factor), as llama.cpp reads them.
void Mla::read_rope(Config& config, uint32_t n_ctx_train) {
  RopeKeys keys = read_rope_keys(config, n_rot_, n_nope_ + n_rot_, n_ctx_train);
  float magnitude = 1;
  if (keys.rope.yarn && keys.factor > 1) {
    const bool has_multiplier = config.has("rope.scaling.yarn_log_multiplier");
    float multiplier = 0.1f;
    config.optional_real("rope.scaling.yarn_log_multiplier", &multiplier, 0, 1e6f);
    magnitude = static_cast<float>(1 + multiplier * numerics::log(keys.factor));
    if (!has_multiplier) keys.rope.magnitude *= magnitude;
  }
  float attn_factor = 1;
  config.optional_real("rope.scaling.attn_factor", &attn_factor, 0.0001f, 1e9f);
  const float m = attn_factor * magnitude;
  score_scale_ = m * m / numerics::sqrt(static_cast<float>(key_dim()));
  if (config.status().ok()) rope_ = nn::Rope(keys.rope);
}

void Mla::bind(Binder& t, MlaLayer& l) const {
  const uint64_t q_rows = uint64_t{n_head_} * key_dim();
  if (q_rank_ != 0) {
    t.matrix("attn_q_a.weight", &l.q_a, n_embd_, q_rank_);
    t.vector("attn_q_a_norm.weight", &l.q_a_norm, q_rank_);
    t.matrix("attn_q_b.weight", &l.q_b, q_rank_, q_rows);
  } else {
    t.matrix("attn_q.weight", &l.q, n_embd_, q_rows);
  }
  t.matrix("attn_kv_a_mqa.weight", &l.kv_a, n_embd_, latent_row());
  t.vector("attn_kv_a_norm.weight", &l.kv_a_norm, kv_rank_);
  if (t.has("attn_kv_b.weight") && !t.has("attn_k_b.weight")) {
    nn::Matrix kv_b;
    t.matrix("attn_kv_b.weight", &kv_b, kv_rank_, uint64_t{n_head_} * (n_nope_ + n_value_));
    const nn::Stack heads{kv_b.rows(0, n_nope_ + n_value_), n_head_, (n_nope_ + n_value_) * kv_b.row_bytes};
    l.key_rows = heads.rows(0, n_nope_);
    l.v_b = heads.rows(n_nope_, n_value_);
  } else {
    t.stack("attn_k_b.weight", &l.k_b, n_nope_, kv_rank_, n_head_);
    t.stack("attn_v_b.weight", &l.v_b, kv_rank_, n_value_, n_head_);
  }
  t.matrix("attn_output.weight", &l.output, uint64_t{n_head_} * n_value_, n_embd_);
}

void Mla::carve(nn::Carver& carver, MlaScratch& s, size_t n, size_t n_threads) const {
  const size_t n_heads = n * n_head_;
  s.rope = carver.take<float>(n * rope_.table_row());
  s.q_a = carver.take<float>(n * q_rank_);
  s.q = carver.take<float>(n_heads * key_dim());
  s.q_nope = carver.take<float>(n_heads * n_nope_);
  s.q_latent = carver.take<float>(n_heads * latent_row());
  s.kv = carver.take<float>(n * latent_row());
  s.attended = carver.take<float>(n_heads * kv_rank_);
  s.values = carver.take<float>(n_heads * n_value_);
  s.row = carver.take<float>(n_threads * latent_row());
  s.x.carve(carver, n, n_embd_);
  s.q_a_in.carve(carver, n, q_rank_);
  s.q_nope_in.carve(carver, n_heads, n_nope_);
  s.attended_in.carve(carver, n_heads, kv_rank_);
  s.values_in.carve(carver, n, size_t{n_head_} * n_value_);
  s.products = carver.take<nn::Product>(n_head_);
  s.attention.carve(carver, n_threads, n_head_, latent_row(), std::max(kv_rank_, n_value_));
  MlaExpansion& e = s.expansion;
  e.latents = carver.take<float>(nn::kKeyBlock * kv_rank_);
  e.rotated = carver.take<float>(nn::kKeyBlock * n_rot_);
  e.weights = carver.take<float>(n_threads * kv_rank_ * n_nope_);
  e.rows = carver.take<float>(n_threads * nn::kKeyBlock * n_nope_);
  e.keys = carver.take<float>(n_threads * nn::kKeyBlock * key_dim());
  e.values = carver.take<float>(n_threads * nn::kKeyBlock * n_value_);
  e.running = carver.take<nn::Running>(n_heads);
  e.latents_in.carve(carver, nn::kKeyBlock, kv_rank_);
}

// Multiplications of a head: a query and a key that meet take 2 kv_rank + n_rot absorbed, n_nope + n_rot + n_value expanded.
// The products with k_b and v_b, kv_rank * (n_nope + n_value), belong to the new tokens when absorbed, to all positions when
// expanded.
bool Mla::expands(size_t pos, size_t n) const {
  constexpr size_t kLeast = 128;  // with fewer neither form was faster, measured on V2-Lite
  using Wide = unsigned __int128;
  const uint64_t absorbed = 2 * uint64_t{kv_rank_}, expanded = uint64_t{n_nope_} + n_value_;
  if (n < kLeast || absorbed <= expanded) return false;
  const Wide twice_pairs = Wide{n} * (2 * pos + n + 1);
  return twice_pairs * (absorbed - expanded) > Wide{2 * pos} * (kv_rank_ * expanded);
}

bool Mla::prepare(const nn::Context& context, const Forward& f, size_t n_expanded, MlaScratch& s) const {
  s.n_expanded = n_expanded;
  auto angles = [&](size_t i, size_t) { rope_.fill(s.rope + i * rope_.table_row(), f.pos + i); };
  return context.run_rows(f.n, angles);
}

bool Mla::project(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, const float* x,
                  MlaScratch& s) const {
  auto place_token = [&](size_t i, size_t) { place(context, layer, il, f, s, i); };
  return project_rows(context, layer, x, f.n, s) && context.run_rows(f.n, place_token) &&
         (s.n_expanded == f.n || absorb_queries(context, layer, f.n, s));
}

bool Mla::project_rows(const nn::Context& context, const MlaLayer& l, const float* x, size_t n, MlaScratch& s) const {
  if (l.q) {
    return s.x.fill(context, x, n, n_embd_, {l.q, l.kv_a}) &&
           nn::matmul(context, {{l.q, &s.x, n, s.q, l.q.n_out}, {l.kv_a, &s.x, n, s.kv, l.kv_a.n_out}});
  }
  return s.x.fill(context, x, n, n_embd_, {l.q_a, l.kv_a}) &&
         nn::matmul(context, {{l.q_a, &s.x, n, s.q_a, q_rank_}, {l.kv_a, &s.x, n, s.kv, l.kv_a.n_out}}) &&
         nn::rms_norm(context, s.q_a, q_rank_, s.q_a, q_rank_, l.q_a_norm, n, q_rank_, eps_) &&
         s.q_a_in.fill(context, s.q_a, n, q_rank_, {l.q_b}) &&
         nn::matmul(context, {{l.q_b, &s.q_a_in, n, s.q, l.q_b.n_out}});
}

// Token i: norms the latent, rotates the shared key part and the queries, and writes the cache row.
void Mla::place(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, MlaScratch& s,
                size_t i) const {
  const float* angles = s.rope + i * rope_.table_row();
  const size_t row = latent_row();
  float* kv = s.kv + i * row;
  nn::rms_norm(context.kernels, kv, kv, layer.kv_a_norm, kv_rank_, eps_);
  nn::rotate_adjacent(kv + kv_rank_, angles, n_rot_);
  const KvRows rows = f.kv->layer(il);
  context.kernels.encode[static_cast<uint32_t>(rows.type)](rows.keys.at(0, f.pos + i), kv, row);

  float temperature = 1;  // grows with the position, as in Llama 4 (attn_temperature_tuning)
  if (temperature_scale_ != 0) {
    const double step = static_cast<double>((f.pos + i) / temperature_length_);
    temperature = static_cast<float>(1 + temperature_scale_ * numerics::log(step + 1));
  }
  for (size_t h = i * n_head_; h < (i + 1) * n_head_; ++h) {
    float* q = s.q + h * key_dim();
    nn::rotate_adjacent(q + n_nope_, angles, n_rot_);
    if (temperature_scale_ != 0) for (size_t j = 0; j < key_dim(); ++j) q[j] *= temperature;
    if (i < s.n_expanded) continue;  // such queries are not absorbed
    std::copy(q, q + n_nope_, s.q_nope + h * n_nope_);
    std::copy(q + n_nope_, q + key_dim(), s.q_latent + h * row + kv_rank_);
  }
}

// q_latent[h] = (transpose(W_UK[h]) * q_nope[h], q_rot[h]): scores against cache rows are then plain dot products.
bool Mla::absorb_queries(const nn::Context& context, const MlaLayer& l, size_t n, MlaScratch& s) const {
  const size_t first = s.n_expanded;
  if (l.k_b) return per_head(context, l.k_b, s, s.q_nope_in, s.q_nope, first, n, s.q_latent, latent_row());
  auto head = [&](size_t task, size_t worker) {
    const size_t h = first * n_head_ + task;
    nn::matmul_transposed(context.kernels, l.key_rows[task], s.q_nope + h * n_nope_, size_t{n_head_} * n_nope_, n - first,
                          s.q_latent + h * latent_row(), n_head_ * latent_row(), s.row + worker * latent_row());
  };
  return context.run(n_head_, head);
}

// out[i, h, :] = w[h] * x[i, h, :] for the tokens [first, n); the heads of out are out_dim apart.
bool Mla::per_head(const nn::Context& context, const nn::Stack& w, MlaScratch& s, nn::Activations& in, const float* x,
                   size_t first, size_t n, float* out, size_t out_dim) const {
  const size_t at = first * n_head_, n_tokens = n - first;
  if (!in.fill(context, x + at * w.first.n_in, n_tokens * n_head_, w.first.n_in, {w.first})) return false;
  for (size_t h = 0; h < n_head_; ++h) {
    s.products[h] = {w[h], &in, n_tokens, out + (at + h) * out_dim, n_head_ * out_dim, {nullptr, h, n_head_}};
  }
  return nn::matmul(context, {s.products, n_head_});
}

bool Mla::attend(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, size_t n,
                 MlaScratch& s) const {
  if (s.n_expanded != 0) return attend_expanded(context, layer, il, f, s);
  return nn::attention(context, attention_shape(), s.attention, s.q_latent, f.kv->layer(il), f.pos, n, s.attended);
}

bool Mla::attend_expanded(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f,
                          MlaScratch& s) const {
  constexpr size_t kLeastQueries = 64;  // of a task: its block is expanded for it alone
  const size_t n = s.n_expanded, n_threads = context.arena.n_threads();
  const size_t n_groups = std::min((n_threads + n_head_ - 1) / n_head_, (n + kLeastQueries - 1) / kLeastQueries);
  const size_t group = (n + n_groups - 1) / n_groups;
  const nn::AttentionShape shape{1, 1, key_dim(), n_value_, score_scale_};
  std::fill(s.expansion.running, s.expansion.running + n * n_head_, nn::Running());
  for (size_t pos = 0; pos < f.pos + n; pos += nn::kKeyBlock) {
    const size_t n_keys = std::min(nn::kKeyBlock, f.pos + n - pos);
    if (!load_block(context, layer, f.kv->layer(il), pos, n_keys, s)) return false;
    auto task = [&](size_t i, size_t worker) {
      const size_t h = i / n_groups, first = i % n_groups * group, last = std::min(first + group, n);
      if (first >= last || f.pos + last <= pos) return;
      nn::KeyValueBlock block = expand(context, layer, h, n_keys, s, worker);
      block.pos = pos;
      const size_t at = first * n_head_ + h;
      nn::attend_block(context, shape, s.attention, worker, block, s.q + at * key_dim(), n_head_ * key_dim(), f.pos + first,
                       last - first, s.expansion.running + h * n + first, s.values + at * n_value_, n_head_ * n_value_);
    };
    if (!context.run(n_head_ * n_groups, task)) return false;
  }
  return true;
}

// The rows of n positions as floats, for all heads.
bool Mla::load_block(const nn::Context& context, const MlaLayer& layer, const KvRows& rows, size_t pos, size_t n,
                     MlaScratch& s) const {
  MlaExpansion& e = s.expansion;
  auto row = [&](size_t i, size_t worker) {
    float* all = s.row + worker * latent_row();
    context.kernels.dequantize[static_cast<uint32_t>(rows.type)](all, rows.keys.at(0, pos + i), latent_row());
    std::copy(all, all + kv_rank_, e.latents + i * kv_rank_);
    for (size_t j = 0; j < n_rot_; ++j) e.rotated[j * nn::kKeyBlock + i] = all[kv_rank_ + j];
  };
  return context.run_rows(n, row) &&
         e.latents_in.fill(context, e.latents, n, kv_rank_, {layer.v_b.first, layer.key_rows.first});
}

// A head's keys and values of the block that was loaded. Gives up when cancelled.
nn::KeyValueBlock Mla::expand(const nn::Context& context, const MlaLayer& l, size_t head, size_t n, MlaScratch& s,
                              size_t worker) const {
  const MlaExpansion& e = s.expansion;
  float* rows = e.rows + worker * nn::kKeyBlock * n_nope_;
  float* keys = e.keys + worker * nn::kKeyBlock * key_dim();
  float* values = e.values + worker * nn::kKeyBlock * n_value_;
  if (l.k_b) multiply_transposed(context, l.k_b[head], e.latents, n, e.weights + worker * kv_rank_ * n_nope_, rows);
  else multiply(context, l.key_rows[head], e.latents_in, n, rows);
  multiply(context, l.v_b[head], e.latents_in, n, values);
  constexpr size_t kRun = 16;  // whole cache lines of a row of keys
  for (size_t first = 0; first < n; first += kRun) {
    for (size_t j = 0; j < n_nope_; ++j) {
      for (size_t i = first; i < std::min(first + kRun, n); ++i) keys[j * nn::kKeyBlock + i] = rows[i * n_nope_ + j];
    }
  }
  std::copy(e.rotated, e.rotated + n_rot_ * nn::kKeyBlock, keys + n_nope_ * nn::kKeyBlock);
  return {keys, values, 0, n};
}

bool Mla::combine(const nn::Context& context, const MlaLayer& l, size_t n, MlaScratch& s, float* out) const {
  return (s.n_expanded == n || per_head(context, l.v_b, s, s.attended_in, s.attended, s.n_expanded, n, s.values, n_value_)) &&
         s.values_in.fill(context, s.values, n, l.output.n_in, {l.output}) &&
         nn::matmul(context, {{l.output, &s.values_in, n, out, n_embd_}});
}

}  // namespace coterie
