// llama: Llama 1 to 3.x, Mistral, Yi, DeepSeek-LLM, DeepSeek-Coder 1.x, R1-Distill-Llama: grouped-query attention with
// rotated adjacent pairs, dense SwiGLU. Papers: arXiv 2302.13971, 2407.21783.
#include <algorithm>
#include <vector>

#include "base/numerics.h"
#include "models/architectures.h"
#include "models/rope_config.h"
#include "models/trunk.h"
#include "nn/attention.h"
#include "nn/ffn.h"
#include "nn/norm.h"

namespace coterie {
namespace {

struct Sizes {
  uint32_t n_layer = 0, n_embd = 0, n_head = 0, n_head_kv = 0;
  uint32_t head_dim = 0, value_dim = 0;
  uint32_t n_rot = 0, n_ff = 0;
  float eps = 1e-5f;
};

struct Layer {
  nn::Vector attn_norm = nullptr;  // [n_embd]
  nn::Matrix q, k, v;              // [n_head * head_dim, n_embd], [n_head_kv * head_dim, ...], [n_head_kv * value_dim, ...]
  nn::Vector q_bias = nullptr, k_bias = nullptr, v_bias = nullptr, output_bias = nullptr;  // in few files
  nn::Matrix output;               // [n_embd, n_head * value_dim]
  nn::Vector ffn_norm = nullptr;   // [n_embd]
  nn::Ffn ffn;
};

struct LlamaScratch : Scratch {
  TrunkScratch trunk;
  float* rope = nullptr;    // [n, n_rot] cos and sin of each position
  float* normed = nullptr;  // [n, n_embd]
  float* delta = nullptr;   // [n, n_embd] what a stage adds to the hidden state
  float* q = nullptr;       // [n, n_head, head_dim]
  float* k = nullptr;       // [n, n_head_kv, head_dim]
  float* v = nullptr;       // [n, n_head_kv, value_dim]
  float* values = nullptr;  // [n, n_head, value_dim]
  nn::Activations x, values_in;
  nn::AttentionScratch attention;
  nn::FfnScratch ffn;
};

class Llama final : public Architecture {
 public:
  Status init(const LoadContext& context);
  std::unique_ptr<Scratch> carve(nn::Carver& carver, size_t max_tokens, size_t n_threads) const override;
  bool run_stage(const nn::Context& context, Forward& forward, Scratch& scratch) const override;

 private:
  Status read_config(const Gguf& gguf, RopeKeys* rope);
  void bind_layer(Binder& t, Layer& layer) const;
  bool attention(const nn::Context& context, const Layer& layer, size_t il, Forward& f, LlamaScratch& s) const;
  void place(const nn::Context& context, const Layer& layer, size_t il, const Forward& f, LlamaScratch& s, size_t i) const;
  bool feed_forward(const nn::Context& context, const Layer& layer, Forward& f, LlamaScratch& s) const;

  Sizes c_;
  nn::Rope rope_;
  Trunk trunk_;
  std::vector<Layer> layers_;
};

Status Llama::read_config(const Gguf& gguf, RopeKeys* rope) {
  Config config(gguf, "llama");
  config.integer("block_count", &c_.n_layer, 1, 100000);
  config.integer("embedding_length", &c_.n_embd, 1, kMost);
  config.integer("feed_forward_length", &c_.n_ff, 1, kMost);
  config.integer("attention.head_count", &c_.n_head, 1, 65536);
  c_.n_head_kv = c_.n_head;
  config.optional_integer("attention.head_count_kv", &c_.n_head_kv, 1, std::max(1u, c_.n_head));
  COTERIE_RETURN_IF_ERROR(config.status());
  config.check(c_.n_head % c_.n_head_kv == 0, "attention.head_count_kv", "a divisor of attention.head_count");
  uint32_t n_expert = 0;
  config.optional_integer("expert_count", &n_expert, 0, UINT32_MAX);
  if (n_expert != 0) return Error(Code::kUnsupported, "key llama.expert_count: %u, expected a dense model", n_expert);
  c_.head_dim = c_.value_dim = c_.n_embd / c_.n_head;
  config.optional_integer("attention.key_length", &c_.head_dim, 1, kMost);
  config.optional_integer("attention.value_length", &c_.value_dim, 1, kMost);
  config.check(c_.head_dim > 0 && c_.value_dim > 0, "attention.head_count", "at most embedding_length");
  shape_.n_ctx_train = 2048;
  config.optional_integer("context_length", &shape_.n_ctx_train, 1, UINT32_MAX);
  config.optional_real("attention.layer_norm_rms_epsilon", &c_.eps, 0, 1);
  *rope = read_rope_keys(config, c_.head_dim, c_.head_dim, shape_.n_ctx_train);
  if (rope->rope.yarn && rope->factor > 1) {  // YaRN's attention temperature, on cos and sin (arXiv 2309.00071, eq. 22)
    rope->rope.magnitude *= static_cast<float>(1 + 0.1 * numerics::log(rope->factor));
  }
  c_.n_rot = rope->rope.n_rot;
  return config.status();
}

void Llama::bind_layer(Binder& t, Layer& l) const {
  const uint64_t q_rows = uint64_t{c_.n_head} * c_.head_dim, k_rows = uint64_t{c_.n_head_kv} * c_.head_dim;
  const uint64_t v_rows = uint64_t{c_.n_head_kv} * c_.value_dim;
  t.vector("attn_norm.weight", &l.attn_norm, c_.n_embd);
  t.matrix("attn_q.weight", &l.q, c_.n_embd, q_rows);
  t.matrix("attn_k.weight", &l.k, c_.n_embd, k_rows);
  t.matrix("attn_v.weight", &l.v, c_.n_embd, v_rows);
  t.optional_vector("attn_q.bias", &l.q_bias, q_rows);
  t.optional_vector("attn_k.bias", &l.k_bias, k_rows);
  t.optional_vector("attn_v.bias", &l.v_bias, v_rows);
  t.matrix("attn_output.weight", &l.output, uint64_t{c_.n_head} * c_.value_dim, c_.n_embd);
  t.optional_vector("attn_output.bias", &l.output_bias, c_.n_embd);
  t.vector("ffn_norm.weight", &l.ffn_norm, c_.n_embd);
  t.matrix("ffn_gate.weight", &l.ffn.gate, c_.n_embd, c_.n_ff);
  t.matrix("ffn_up.weight", &l.ffn.up, c_.n_embd, c_.n_ff);
  t.matrix("ffn_down.weight", &l.ffn.down, c_.n_ff, c_.n_embd);
}

Status Llama::init(const LoadContext& context) {
  RopeKeys rope;
  COTERIE_RETURN_IF_ERROR(read_config(context.gguf, &rope));
  Binder t(context);
  trunk_.eps = c_.eps;
  trunk_.bind(t, context.gguf, c_.n_embd, &shape_.n_vocab);
  t.optional_vector("rope_freqs.weight", &rope.rope.freq_factors, c_.n_rot / 2);  // Llama 3.1
  for (uint32_t il = 0; il < c_.n_layer && t.status().ok(); ++il) {
    t.in_layer(il);
    Layer layer;
    bind_layer(t, layer);
    layers_.push_back(layer);
  }
  t.refuse_unknown(c_.n_layer);
  COTERIE_RETURN_IF_ERROR(t.status());
  rope_ = nn::Rope(rope.rope);
  shape_.n_layer = c_.n_layer;
  shape_.n_embd = c_.n_embd;
  shape_.kv = {c_.n_layer, size_t{c_.n_head_kv} * c_.head_dim, size_t{c_.n_head_kv} * c_.value_dim};
  return {};
}

std::unique_ptr<Scratch> Llama::carve(nn::Carver& carver, size_t n, size_t n_threads) const {
  auto s = std::make_unique<LlamaScratch>();
  s->trunk.carve(carver, trunk_, n);
  s->rope = carver.take<float>(n * rope_.table_row());
  s->normed = carver.take<float>(n * c_.n_embd);
  s->delta = carver.take<float>(n * c_.n_embd);
  s->q = carver.take<float>(n * c_.n_head * c_.head_dim);
  s->k = carver.take<float>(n * c_.n_head_kv * c_.head_dim);
  s->v = carver.take<float>(n * c_.n_head_kv * c_.value_dim);
  s->values = carver.take<float>(n * c_.n_head * c_.value_dim);
  s->x.carve(carver, n, c_.n_embd);
  s->values_in.carve(carver, n, size_t{c_.n_head} * c_.value_dim);
  s->attention.carve(carver, n_threads, c_.value_dim);
  s->ffn.carve(carver, {c_.n_embd, c_.n_ff, 0, 0, 0}, n);
  return s;
}

bool Llama::run_stage(const nn::Context& context, Forward& f, Scratch& scratch) const {
  auto& s = static_cast<LlamaScratch&>(scratch);
  if (f.stage == 0) {
    auto angles = [&](size_t i, size_t) { rope_.fill(s.rope + i * rope_.table_row(), f.pos + i); };
    return context.run_rows(f.n, angles) && embed(context, trunk_, f);
  }
  if (f.stage + 1 == n_stages()) return predict(context, trunk_, f, s.trunk);
  const size_t il = (f.stage - 1) / 2;
  return f.stage % 2 == 1 ? attention(context, layers_[il], il, f, s) : feed_forward(context, layers_[il], f, s);
}

bool Llama::attention(const nn::Context& context, const Layer& l, size_t il, Forward& f, LlamaScratch& s) const {
  const size_t n = f.n;
  if (!nn::rms_norm(context, s.normed, c_.n_embd, f.hidden, c_.n_embd, l.attn_norm, n, c_.n_embd, c_.eps) ||
      !s.x.fill(context, s.normed, n, c_.n_embd, {l.q, l.k, l.v}) ||
      !nn::matmul(context, {{l.q, &s.x, n, s.q, l.q.n_out}, {l.k, &s.x, n, s.k, l.k.n_out}, {l.v, &s.x, n, s.v, l.v.n_out}})) {
    return false;
  }
  auto place_token = [&](size_t i, size_t) { place(context, l, il, f, s, i); };
  if (!context.run_rows(n, place_token)) return false;

  const float scale = 1 / numerics::sqrt(static_cast<float>(c_.head_dim));
  const nn::AttentionShape shape{c_.n_head, c_.n_head_kv, c_.head_dim, c_.value_dim, scale};
  if (!nn::attention(context, shape, s.attention, s.q, f.kv->key(il, 0), f.kv->value(il, 0), f.kv->row_bytes(), f.pos, n,
                     s.values) ||
      !s.values_in.fill(context, s.values, n, l.output.n_in, {l.output}) ||
      !nn::matmul(context, {{l.output, &s.values_in, n, s.delta, c_.n_embd}})) {
    return false;
  }
  if (l.output_bias != nullptr) {
    for (size_t i = 0; i < n; ++i) context.kernels.add(s.delta + i * c_.n_embd, l.output_bias, c_.n_embd);
  }
  nn::add_residual(context, f.hidden, s.delta, n, c_.n_embd);
  return true;
}

// Token i: adds the biases, rotates queries and keys, and writes the cache rows.
void Llama::place(const nn::Context& context, const Layer& l, size_t il, const Forward& f, LlamaScratch& s, size_t i) const {
  float *q = s.q + i * l.q.n_out, *k = s.k + i * l.k.n_out, *v = s.v + i * l.v.n_out;
  if (l.q_bias != nullptr) context.kernels.add(q, l.q_bias, l.q.n_out);
  if (l.k_bias != nullptr) context.kernels.add(k, l.k_bias, l.k.n_out);
  if (l.v_bias != nullptr) context.kernels.add(v, l.v_bias, l.v.n_out);
  const float* angles = s.rope + i * rope_.table_row();
  for (size_t h = 0; h < c_.n_head; ++h) nn::rotate_adjacent(q + h * c_.head_dim, angles, c_.n_rot);
  for (size_t h = 0; h < c_.n_head_kv; ++h) nn::rotate_adjacent(k + h * c_.head_dim, angles, c_.n_rot);
  context.kernels.to_f16(f.kv->key(il, f.pos + i), k, l.k.n_out);
  context.kernels.to_f16(f.kv->value(il, f.pos + i), v, l.v.n_out);
}

bool Llama::feed_forward(const nn::Context& context, const Layer& l, Forward& f, LlamaScratch& s) const {
  if (!nn::rms_norm(context, s.normed, c_.n_embd, f.hidden, c_.n_embd, l.ffn_norm, f.n, c_.n_embd, c_.eps) ||
      !nn::ffn(context, l.ffn, s.ffn, s.normed, f.n, s.delta)) {
    return false;
  }
  nn::add_residual(context, f.hidden, s.delta, f.n, c_.n_embd);
  return true;
}

}  // namespace

Status make_llama(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  auto model = std::make_unique<Llama>();
  COTERIE_RETURN_IF_ERROR(model->init(context));
  *out = std::move(model);
  return {};
}

}  // namespace coterie
