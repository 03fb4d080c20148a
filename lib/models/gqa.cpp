#include "models/gqa.h"

#include <numeric>

#include "base/numerics.h"
#include "models/rope_config.h"

namespace coterie {

GqaToken::GqaToken(const Gqa& gqa, const GqaStep& step, size_t i)
    : gqa_(gqa), step_(step), q_(step.s.q + i * gqa.q_rows()), k_(step.s.k + i * gqa.k_rows()),
      angles_(step.s.rope + i * gqa.rope_.table_row()) {}

bool GqaToken::has_norms() const { return step_.layer.q_norm != nullptr; }

void GqaToken::norm_heads() const {
  const nn::AttentionShape& c = gqa_.shape_;
  const auto norm = [&](float* x, nn::Vector w) { nn::rms_norm(step_.context.kernels, x, x, w, c.key_dim, gqa_.eps_); };
  for (size_t h = 0; h < c.n_head; ++h) norm(q_ + h * c.key_dim, step_.layer.q_norm);
  for (size_t h = 0; h < c.n_head_kv; ++h) norm(k_ + h * c.key_dim, step_.layer.k_norm);
}

void GqaToken::norm_rows() const {
  nn::rms_norm(step_.context.kernels, q_, q_, step_.layer.q_norm, gqa_.q_rows(), gqa_.eps_);
  nn::rms_norm(step_.context.kernels, k_, k_, step_.layer.k_norm, gqa_.k_rows(), gqa_.eps_);
}

void GqaToken::rotate(void (*pairs)(float*, const float*, size_t)) const {
  const nn::AttentionShape& c = gqa_.shape_;
  for (size_t h = 0; h < c.n_head; ++h) pairs(q_ + h * c.key_dim, angles_, gqa_.n_rot_);
  for (size_t h = 0; h < c.n_head_kv; ++h) pairs(k_ + h * c.key_dim, angles_, gqa_.n_rot_);
}

void Gqa::read(Config& config, Binder& t, float eps, ModelShape* shape) {
  n_embd_ = shape->n_embd;
  eps_ = eps;
  uint32_t n_head = 1;
  config.integer("attention.head_count", &n_head, 1, 65536);
  uint32_t n_head_kv = n_head, key_dim = n_embd_ / n_head;
  config.optional_integer("attention.head_count_kv", &n_head_kv, 1, n_head);
  config.check(n_head % n_head_kv == 0, "attention.head_count_kv", "a divisor of attention.head_count");
  uint32_t value_dim = key_dim;
  config.optional_integer("attention.key_length", &key_dim, 1, kMost);
  config.optional_integer("attention.value_length", &value_dim, 1, kMost);
  config.check(key_dim > 0 && value_dim > 0, "attention.head_count", "at most embedding_length");

  RopeKeys keys = read_rope_keys(config, key_dim, key_dim, shape->n_ctx_train);
  if (keys.rope.yarn && keys.factor > 1) {  // YaRN's attention temperature, on cos and sin (arXiv 2309.00071, eq. 22)
    keys.rope.magnitude *= static_cast<float>(1 + 0.1 * numerics::log(keys.factor));
  }
  if (!config.status().ok()) return;
  n_rot_ = keys.rope.n_rot;
  t.outside_layers();
  t.optional_vector("rope_freqs.weight", &keys.rope.freq_factors, n_rot_ / 2);  // Llama 3.1
  rope_ = nn::Rope(keys.rope);
  shape_ = {n_head, n_head_kv, key_dim, value_dim, 1 / numerics::sqrt(static_cast<float>(key_dim))};
  shape->kv = {shape->n_layer, n_head_kv, key_dim, value_dim, 0, std::gcd(shape_.key_dim, shape_.value_dim)};
}

void Gqa::bind(Binder& t, GqaLayer* l) const {
  const size_t n_qkv = q_rows() + k_rows() + v_rows();
  if (t.has("attn_qkv.weight")) {
    nn::Matrix all;
    t.matrix("attn_qkv.weight", &all, n_embd_, n_qkv);
    l->q = all.rows(0, q_rows());
    l->k = all.rows(q_rows(), k_rows());
    l->v = all.rows(q_rows() + k_rows(), v_rows());
  } else {
    t.matrix("attn_q.weight", &l->q, n_embd_, q_rows());
    t.matrix("attn_k.weight", &l->k, n_embd_, k_rows());
    t.matrix("attn_v.weight", &l->v, n_embd_, v_rows());
  }
  if (t.has("attn_qkv.bias")) {
    t.vector("attn_qkv.bias", &l->q_bias, n_qkv);
    if (l->q_bias != nullptr) {
      l->k_bias = l->q_bias + q_rows();
      l->v_bias = l->k_bias + k_rows();
    }
  } else {
    t.optional_vector("attn_q.bias", &l->q_bias, q_rows());
    t.optional_vector("attn_k.bias", &l->k_bias, k_rows());
    t.optional_vector("attn_v.bias", &l->v_bias, v_rows());
  }
  t.matrix("attn_output.weight", &l->output, shape_.n_head * shape_.value_dim, n_embd_);
  t.optional_vector("attn_output.bias", &l->output_bias, n_embd_);
}

void Gqa::bind_head_norms(Binder& t, GqaLayer* l) const {
  t.vector("attn_q_norm.weight", &l->q_norm, shape_.key_dim);
  t.vector("attn_k_norm.weight", &l->k_norm, shape_.key_dim);
}

void Gqa::bind_row_norms(Binder& t, GqaLayer* l) const {
  t.vector("attn_q_norm.weight", &l->q_norm, q_rows());
  t.vector("attn_k_norm.weight", &l->k_norm, k_rows());
}

void Gqa::carve(nn::Carver& carver, size_t n, size_t n_threads, GqaScratch* s) const {
  s->rope = carver.take<float>(n * rope_.table_row());
  s->q = carver.take<float>(n * q_rows());
  s->k = carver.take<float>(n * k_rows());
  s->v = carver.take<float>(n * v_rows());
  s->values = carver.take<float>(n * shape_.n_head * shape_.value_dim);
  s->x.carve(carver, n, n_embd_);
  s->values_in.carve(carver, n, shape_.n_head * shape_.value_dim);
  s->attention.carve(carver, n_threads, shape_.n_head, shape_.key_dim, shape_.value_dim);
}

bool Gqa::prepare(const nn::Context& context, const Forward& f, GqaScratch& s) const {
  auto angles = [&](size_t i, size_t) { rope_.fill(s.rope + i * rope_.table_row(), f.pos + i); };
  return context.run_rows(f.n, angles);
}

bool Gqa::project(const GqaStep& step) const {
  const GqaLayer& l = step.layer;
  GqaScratch& s = step.s;
  const size_t n = step.f.n;
  return s.x.fill(step.context, step.x, n, n_embd_, {l.q, l.k, l.v}) &&
         nn::matmul(step.context, {{l.q, &s.x, n, s.q, q_rows()}, {l.k, &s.x, n, s.k, k_rows()}, {l.v, &s.x, n, s.v, v_rows()}});
}

void Gqa::add_biases(const GqaStep& step, size_t i) const {
  const GqaLayer& l = step.layer;
  const Kernels& kernels = step.context.kernels;
  if (l.q_bias != nullptr) kernels.add(step.s.q + i * q_rows(), l.q_bias, q_rows());
  if (l.k_bias != nullptr) kernels.add(step.s.k + i * k_rows(), l.k_bias, k_rows());
  if (l.v_bias != nullptr) kernels.add(step.s.v + i * v_rows(), l.v_bias, v_rows());
}

void Gqa::store(const GqaStep& step, size_t i) const {
  const size_t pos = step.f.pos + i;
  const KvRows rows = step.f.kv->layer(step.il);
  const auto encode = step.context.kernels.encode[static_cast<uint32_t>(rows.type)];
  for (size_t h = 0; h < shape_.n_head_kv; ++h) {
    encode(rows.keys.at(h, pos), step.s.k + i * k_rows() + h * shape_.key_dim, shape_.key_dim);
    encode(rows.values.at(h, pos), step.s.v + i * v_rows() + h * shape_.value_dim, shape_.value_dim);
  }
}

bool Gqa::attend(const GqaStep& step, const nn::AttentionShape& shape) const {
  return nn::attention(step.context, shape, step.s.attention, step.s.q, step.f.kv->layer(step.il), step.f.pos, step.f.n,
                       step.s.values);
}

bool Gqa::combine(const GqaStep& step) const {
  const GqaLayer& l = step.layer;
  GqaScratch& s = step.s;
  const size_t n = step.f.n;
  if (!s.values_in.fill(step.context, s.values, n, l.output.n_in, {l.output}) ||
      !nn::matmul(step.context, {{l.output, &s.values_in, n, step.out, n_embd_}})) {
    return false;
  }
  if (l.output_bias == nullptr) return true;
  for (size_t i = 0; i < n; ++i) step.context.kernels.add(step.out + i * n_embd_, l.output_bias, n_embd_);
  return true;
}

GqaLayer* GqaDecoder::bind_layer(Binder& t, DecoderLayer& l, uint32_t il, std::string_view ffn_norm) {
  GqaLayer* attention = &attention_.emplace_back();
  t.vector("attn_norm.weight", &l.attn_norm, shape_.n_embd);
  gqa_.bind(t, attention);
  t.vector(ffn_norm, &l.ffn_norm, shape_.n_embd);
  ffn_.bind(t, shape_.n_embd, il, &l.dense, &l.moe);
  return attention;
}

std::unique_ptr<Scratch> GqaDecoder::carve_attention(nn::Carver& carver, size_t max_tokens, size_t n_threads) const {
  auto s = std::make_unique<GqaScratch>();
  gqa_.carve(carver, max_tokens, n_threads, s.get());
  return s;
}

bool GqaDecoder::prepare(const nn::Context& context, const Forward& f, Scratch& s) const {
  return gqa_.prepare(context, f, static_cast<GqaScratch&>(s));
}

bool GqaDecoder::attention(const nn::Context& context, size_t il, const Forward& f, const float* x, Scratch& s,
                           float* out) const {
  const GqaStep step{context, il, attention_[il], f, x, static_cast<GqaScratch&>(s), out};
  return gqa_.project(step) && gqa_.place(step, [this](const GqaToken& token) { position(token); }) &&
         gqa_.attend(step, attention_shape(il)) && gqa_.combine(step);
}

}  // namespace coterie
