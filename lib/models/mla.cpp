#include "models/mla.h"

#include <algorithm>

#include "base/numerics.h"
#include "models/rope_config.h"
#include "nn/norm.h"

namespace coterie {

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
  s.row = carver.take<float>(n_threads * kv_rank_);
  s.x.carve(carver, n, n_embd_);
  s.q_a_in.carve(carver, n, q_rank_);
  s.q_nope_in.carve(carver, n_heads, n_nope_);
  s.attended_in.carve(carver, n_heads, kv_rank_);
  s.values_in.carve(carver, n, size_t{n_head_} * n_value_);
  s.products = carver.take<nn::Product>(n_head_);
  s.attention.carve(carver, n_threads, latent_row(), kv_rank_);
}

bool Mla::prepare(const nn::Context& context, const Forward& f, MlaScratch& s) const {
  auto angles = [&](size_t i, size_t) { rope_.fill(s.rope + i * rope_.table_row(), f.pos + i); };
  return context.run_rows(f.n, angles);
}

bool Mla::project(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, const float* x,
                  MlaScratch& s) const {
  auto place_token = [&](size_t i, size_t) { place(context, layer, il, f, s, i); };
  return project_rows(context, layer, x, f.n, s) && context.run_rows(f.n, place_token) &&
         absorb_queries(context, layer, f.n, s);
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
  context.kernels.encode[static_cast<uint32_t>(rows.type)](rows.key(f.pos + i), kv, row);

  float temperature = 1;  // grows with the position, as in Llama 4 (attn_temperature_tuning)
  if (temperature_scale_ != 0) {
    const double step = static_cast<double>((f.pos + i) / temperature_length_);
    temperature = static_cast<float>(1 + temperature_scale_ * numerics::log(step + 1));
  }
  for (size_t h = i * n_head_; h < (i + 1) * n_head_; ++h) {
    float* q = s.q + h * key_dim();
    nn::rotate_adjacent(q + n_nope_, angles, n_rot_);
    if (temperature_scale_ != 0) for (size_t j = 0; j < key_dim(); ++j) q[j] *= temperature;
    std::copy(q, q + n_nope_, s.q_nope + h * n_nope_);
    std::copy(q + n_nope_, q + key_dim(), s.q_latent + h * row + kv_rank_);
  }
}

// q_latent[h] = (transpose(W_UK[h]) * q_nope[h], q_rot[h]): scores against cache rows are then plain dot products.
bool Mla::absorb_queries(const nn::Context& context, const MlaLayer& l, size_t n, MlaScratch& s) const {
  if (l.k_b) return per_head(context, l.k_b, s, s.q_nope_in, s.q_nope, n, s.q_latent, latent_row());
  auto head = [&](size_t h, size_t worker) {
    nn::matmul_transposed(context.kernels, l.key_rows[h], s.q_nope + h * n_nope_, size_t{n_head_} * n_nope_, n,
                          s.q_latent + h * latent_row(), n_head_ * latent_row(), s.row + worker * kv_rank_);
  };
  return context.run(n_head_, head);
}

// out[i, h, :] = w[h] * x[i, h, :]; the heads of out are out_dim apart.
bool Mla::per_head(const nn::Context& context, const nn::Stack& w, MlaScratch& s, nn::Activations& in, const float* x,
                   size_t n, float* out, size_t out_dim) const {
  if (!in.fill(context, x, n * n_head_, w.first.n_in, {w.first})) return false;
  for (size_t h = 0; h < n_head_; ++h) {
    s.products[h] = {w[h], &in, n, out + h * out_dim, n_head_ * out_dim, {nullptr, h, n_head_}};
  }
  return nn::matmul(context, {s.products, n_head_});
}

bool Mla::attend(const nn::Context& context, size_t il, const Forward& f, size_t n, MlaScratch& s) const {
  return nn::attention(context, attention_shape(), s.attention, s.q_latent, f.kv->layer(il), f.pos, n,
                       s.attended);
}

bool Mla::combine(const nn::Context& context, const MlaLayer& l, size_t n, MlaScratch& s, float* out) const {
  return per_head(context, l.v_b, s, s.attended_in, s.attended, n, s.values, n_value_) &&
         s.values_in.fill(context, s.values, n, l.output.n_in, {l.output}) &&
         nn::matmul(context, {{l.output, &s.values_in, n, out, n_embd_}});
}

}  // namespace coterie
