// deepseek2: DeepSeek-V2, V2-Lite, V2.5, V3, R1, V3.1 and relatives: multi-head latent attention (MLA) and a mixture of
// experts with shared experts. Papers: arXiv 2405.04434 (V2), 2412.19437 (V3). MLA runs absorbed: queries are taken into
// the latent space, so the cache holds only (latent, rotated key) rows and is read once for all heads.
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
  uint32_t n_layer = 0, n_layer_dense = 0;
  uint32_t n_embd = 0, n_head = 0;
  uint32_t n_nope = 0, n_rot = 0, n_value = 0;  // of a head: unrotated and rotated part of a key, value
  uint32_t q_rank = 0;                          // 0: queries are not compressed
  uint32_t kv_rank = 0;
  uint32_t n_ff = 0, n_ff_expert = 0, n_expert_shared = 0;
  float eps = 1e-6f;
  float score_scale = 1;
  float temperature_scale = 0;  // queries grow with the logarithm of the position; 0: they do not
  uint32_t temperature_length = 8192;

  uint32_t key_dim() const { return n_nope + n_rot; }
  uint32_t latent_row() const { return kv_rank + n_rot; }
};

struct Layer {
  nn::Vector attn_norm = nullptr;  // [n_embd]
  nn::Matrix q;                    // [n_head * key_dim, n_embd]; empty with q_a
  nn::Matrix q_a, q_b;             // [q_rank, n_embd], [n_head * key_dim, q_rank]
  nn::Vector q_a_norm = nullptr;   // [q_rank]
  nn::Matrix kv_a;                 // [kv_rank + n_rot, n_embd]: latent, then the key part that all heads share
  nn::Vector kv_a_norm = nullptr;  // [kv_rank]
  nn::Stack k_b;                   // [n_head][kv_rank, n_nope]; empty in files with kv_b
  nn::Stack v_b;                   // [n_head][n_value, kv_rank]
  nn::Stack key_rows;              // [n_head][n_nope, kv_rank]: k_b the other way round, from kv_b of older files
  nn::Matrix output;               // [n_embd, n_head * n_value]
  nn::Vector ffn_norm = nullptr;   // [n_embd]
  nn::Ffn dense;                   // empty in layers with experts
  nn::Moe moe;
};

struct Deepseek2Scratch : Scratch {
  TrunkScratch trunk;
  float* rope = nullptr;     // [n, n_rot] cos and sin of each position
  float* normed = nullptr;   // [n, n_embd]
  float* delta = nullptr;    // [n, n_embd] what a stage adds to the hidden state
  float* q_a = nullptr;      // [n, q_rank]
  float* q = nullptr;        // [n, n_head, key_dim]
  float* q_nope = nullptr;   // [n, n_head, n_nope]
  float* q_latent = nullptr; // [n, n_head, kv_rank + n_rot]
  float* kv = nullptr;       // [n, kv_rank + n_rot]
  float* attended = nullptr; // [n, n_head, kv_rank]
  float* values = nullptr;   // [n, n_head, n_value]
  float* row = nullptr;      // [n_threads, kv_rank]
  nn::Activations x, q_a_in, q_nope_in, attended_in, values_in;
  nn::Product* products = nullptr;  // [n_head]
  nn::AttentionScratch attention;
  nn::FfnScratch ffn;
};

class Deepseek2 final : public Architecture {
 public:
  Status init(const LoadContext& context);
  std::unique_ptr<Scratch> carve(nn::Carver& carver, size_t max_tokens, size_t n_threads) const override;
  bool run_stage(const nn::Context& context, Forward& forward, Scratch& scratch) const override;

 private:
  Status read_config(const Gguf& gguf);
  void read_rope(Config& config);
  void read_router(Config& config);
  void bind_attention(Binder& t, Layer& layer) const;
  void bind_ffn(Binder& t, Layer& layer, bool dense) const;

  bool attention(const nn::Context& context, const Layer& layer, size_t il, Forward& f, Deepseek2Scratch& s) const;
  bool project(const nn::Context& context, const Layer& layer, Deepseek2Scratch& s, size_t n) const;
  void place(const nn::Context& context, const Layer& layer, size_t il, const Forward& f, Deepseek2Scratch& s, size_t i) const;
  bool absorb_queries(const nn::Context& context, const Layer& layer, Deepseek2Scratch& s, size_t n) const;
  bool per_head(const nn::Context& context, const nn::Stack& w, Deepseek2Scratch& s, nn::Activations& in, const float* x,
                size_t n, float* out, size_t out_dim) const;
  bool feed_forward(const nn::Context& context, const Layer& layer, Forward& f, Deepseek2Scratch& s) const;

  Sizes c_;
  nn::RouterConfig router_;
  nn::Rope rope_;
  Trunk trunk_;
  std::vector<Layer> layers_;
};

Status Deepseek2::read_config(const Gguf& gguf) {
  Config config(gguf, "deepseek2");
  uint32_t n_block = 0, n_prediction = 0;
  config.integer("block_count", &n_block, 1, 100000);
  config.optional_integer("nextn_predict_layers", &n_prediction, 0, n_block == 0 ? 0 : n_block - 1);
  c_.n_layer = n_block - n_prediction;  // prediction layers come last and take no part in the main model
  config.integer("embedding_length", &c_.n_embd, 1, kMost);
  config.integer("attention.head_count", &c_.n_head, 1, 65536);
  config.integer("attention.kv_lora_rank", &c_.kv_rank, 1, kMost);
  shape_.n_ctx_train = 4096;
  config.optional_integer("context_length", &shape_.n_ctx_train, 1, UINT32_MAX);
  config.optional_real("attention.layer_norm_rms_epsilon", &c_.eps, 0, 1);

  // Older files give a head's sizes as key_length and value_length, newer ones use those for the latent row.
  uint32_t key_dim = 0;
  const bool latent_names = config.has("attention.key_length_mla") && config.has("attention.value_length_mla");
  config.integer(latent_names ? "attention.key_length_mla" : "attention.key_length", &key_dim, 1, kMost);
  config.integer(latent_names ? "attention.value_length_mla" : "attention.value_length", &c_.n_value, 1, kMost);
  config.integer("rope.dimension_count", &c_.n_rot, 2, key_dim == 0 ? 2 : key_dim);
  config.check(key_dim > c_.n_rot, "rope.dimension_count", "less than the key length");
  c_.n_nope = key_dim - c_.n_rot;
  read_rope(config);
  read_router(config);

  config.optional_real("attention.temperature_scale", &c_.temperature_scale, 0, 1e6f);
  config.optional_integer("attention.temperature_length", &c_.temperature_length, 1, UINT32_MAX);
  return config.status();
}

// YaRN in DeepSeek's form: cos and sin keep their length, the scores are multiplied by (1 + m * ln factor)^2 instead, where
// m is the key yarn_log_multiplier. Files without it scale both by (1 + 0.1 ln factor), as llama.cpp reads them.
void Deepseek2::read_rope(Config& config) {
  RopeKeys keys = read_rope_keys(config, c_.n_rot, c_.n_nope + c_.n_rot, shape_.n_ctx_train);
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
  c_.score_scale = m * m / numerics::sqrt(static_cast<float>(c_.key_dim()));
  if (config.status().ok()) rope_ = nn::Rope(keys.rope);
}

void Deepseek2::read_router(Config& config) {
  config.optional_integer("expert_count", &router_.n_expert, 0, 1u << 16);
  c_.n_layer_dense = c_.n_layer;
  if (router_.n_expert == 0) {
    config.integer("feed_forward_length", &c_.n_ff, 1, kMost);
    return;
  }
  c_.n_layer_dense = 0;
  config.optional_integer("leading_dense_block_count", &c_.n_layer_dense, 0, c_.n_layer);
  if (c_.n_layer_dense > 0) config.integer("feed_forward_length", &c_.n_ff, 1, kMost);
  config.integer("expert_used_count", &router_.n_used, 1, std::min(router_.n_expert, 256u));
  config.integer("expert_feed_forward_length", &c_.n_ff_expert, 1, kMost);
  config.optional_integer("expert_shared_count", &c_.n_expert_shared, 0, 1024);
  config.optional_integer("expert_group_count", &router_.n_group, 0, router_.n_expert);
  if (router_.n_group == 0) router_.n_group = 1;
  config.check(router_.n_expert % router_.n_group == 0, "expert_group_count", "a divisor of expert_count");
  router_.n_group_used = router_.n_group;
  config.optional_integer("expert_group_used_count", &router_.n_group_used, 1, router_.n_group);
  config.check(router_.n_used <= router_.n_expert / router_.n_group * router_.n_group_used, "expert_used_count",
               "no more than the experts of the groups used");
  config.optional_bool("expert_weights_norm", &router_.normalise);
  config.optional_real("expert_weights_scale", &router_.scale, 0, 1e6f);
  if (router_.scale == 0) router_.scale = 1;
  uint32_t gating = 0;
  config.optional_integer("expert_gating_func", &gating, 0, 2);
  // 0 or missing means softmax, but for early files of GLM-4.7-Flash, which differ in nothing else that could be asked
  const bool glm_flash = c_.n_layer == 47 && c_.n_embd == 2048 && c_.n_head == 20;
  router_.gating = gating == 2 || (gating == 0 && glm_flash) ? nn::Gating::kSigmoid : nn::Gating::kSoftmax;
}

void Deepseek2::bind_attention(Binder& t, Layer& l) const {
  const uint64_t q_rows = uint64_t{c_.n_head} * c_.key_dim();
  t.vector("attn_norm.weight", &l.attn_norm, c_.n_embd);
  if (c_.q_rank != 0) {
    t.matrix("attn_q_a.weight", &l.q_a, c_.n_embd, c_.q_rank);
    t.vector("attn_q_a_norm.weight", &l.q_a_norm, c_.q_rank);
    t.matrix("attn_q_b.weight", &l.q_b, c_.q_rank, q_rows);
  } else {
    t.matrix("attn_q.weight", &l.q, c_.n_embd, q_rows);
  }
  t.matrix("attn_kv_a_mqa.weight", &l.kv_a, c_.n_embd, c_.latent_row());
  t.vector("attn_kv_a_norm.weight", &l.kv_a_norm, c_.kv_rank);
  if (t.has("attn_kv_b.weight") && !t.has("attn_k_b.weight")) {
    nn::Matrix kv_b;
    t.matrix("attn_kv_b.weight", &kv_b, c_.kv_rank, uint64_t{c_.n_head} * (c_.n_nope + c_.n_value));
    const nn::Stack heads{kv_b.rows(0, c_.n_nope + c_.n_value), c_.n_head, (c_.n_nope + c_.n_value) * kv_b.row_bytes};
    l.key_rows = heads.rows(0, c_.n_nope);
    l.v_b = heads.rows(c_.n_nope, c_.n_value);
  } else {
    t.stack("attn_k_b.weight", &l.k_b, c_.n_nope, c_.kv_rank, c_.n_head);
    t.stack("attn_v_b.weight", &l.v_b, c_.kv_rank, c_.n_value, c_.n_head);
  }
  t.matrix("attn_output.weight", &l.output, uint64_t{c_.n_head} * c_.n_value, c_.n_embd);
}

void Deepseek2::bind_ffn(Binder& t, Layer& l, bool dense) const {
  t.vector("ffn_norm.weight", &l.ffn_norm, c_.n_embd);
  if (dense) {
    t.matrix("ffn_gate.weight", &l.dense.gate, c_.n_embd, c_.n_ff);
    t.matrix("ffn_up.weight", &l.dense.up, c_.n_embd, c_.n_ff);
    t.matrix("ffn_down.weight", &l.dense.down, c_.n_ff, c_.n_embd);
    return;
  }
  nn::Moe& m = l.moe;
  m.config = router_;
  t.float_matrix("ffn_gate_inp.weight", &m.router, c_.n_embd, router_.n_expert);
  t.optional_vector(t.has("exp_probs_b.bias") ? "exp_probs_b.bias" : "exp_probs_b.weight", &m.config.selection_bias,
                    router_.n_expert);
  // V3's groups are scored by their two best biased experts, V2's (without a bias) by the best
  m.config.group_score = m.config.selection_bias != nullptr ? nn::GroupScore::kTopTwoSum : nn::GroupScore::kMax;
  if (t.has("ffn_gate_up_exps.weight")) {
    nn::Stack both;
    t.stack("ffn_gate_up_exps.weight", &both, c_.n_embd, uint64_t{2} * c_.n_ff_expert, router_.n_expert);
    m.gate = both.rows(0, c_.n_ff_expert);
    m.up = both.rows(c_.n_ff_expert, c_.n_ff_expert);
  } else {
    t.stack("ffn_gate_exps.weight", &m.gate, c_.n_embd, c_.n_ff_expert, router_.n_expert);
    t.stack("ffn_up_exps.weight", &m.up, c_.n_embd, c_.n_ff_expert, router_.n_expert);
  }
  t.stack("ffn_down_exps.weight", &m.down, c_.n_ff_expert, c_.n_embd, router_.n_expert);
  if (c_.n_expert_shared == 0) return;
  const uint64_t n_ff_shared = uint64_t{c_.n_ff_expert} * c_.n_expert_shared;
  t.matrix("ffn_gate_shexp.weight", &m.shared.gate, c_.n_embd, n_ff_shared);
  t.matrix("ffn_up_shexp.weight", &m.shared.up, c_.n_embd, n_ff_shared);
  t.matrix("ffn_down_shexp.weight", &m.shared.down, n_ff_shared, c_.n_embd);
}

Status Deepseek2::init(const LoadContext& context) {
  COTERIE_RETURN_IF_ERROR(read_config(context.gguf));
  Binder t(context);
  t.in_layer(0);
  if (t.has("attn_q_a.weight")) {  // decided by the tensors: writers disagree about the key
    Config config(context.gguf, "deepseek2");
    config.integer("attention.q_lora_rank", &c_.q_rank, 1, kMost);
    COTERIE_RETURN_IF_ERROR(config.status());
  }
  trunk_.eps = c_.eps;
  trunk_.bind(t, context.gguf, c_.n_embd, &shape_.n_vocab);
  for (uint32_t il = 0; il < c_.n_layer && t.status().ok(); ++il) {
    t.in_layer(il);
    Layer layer;
    bind_attention(t, layer);
    bind_ffn(t, layer, il < c_.n_layer_dense);
    layers_.push_back(layer);
  }
  t.refuse_unknown(c_.n_layer);
  shape_.n_layer = c_.n_layer;
  shape_.n_embd = c_.n_embd;
  shape_.kv = {c_.n_layer, c_.latent_row(), 0};
  return t.status();
}

std::unique_ptr<Scratch> Deepseek2::carve(nn::Carver& carver, size_t n, size_t n_threads) const {
  auto s = std::make_unique<Deepseek2Scratch>();
  const size_t n_heads = n * c_.n_head;
  s->trunk.carve(carver, trunk_, n);
  s->rope = carver.take<float>(n * rope_.table_row());
  s->normed = carver.take<float>(n * c_.n_embd);
  s->delta = carver.take<float>(n * c_.n_embd);
  s->q_a = carver.take<float>(n * c_.q_rank);
  s->q = carver.take<float>(n_heads * c_.key_dim());
  s->q_nope = carver.take<float>(n_heads * c_.n_nope);
  s->q_latent = carver.take<float>(n_heads * c_.latent_row());
  s->kv = carver.take<float>(n * c_.latent_row());
  s->attended = carver.take<float>(n_heads * c_.kv_rank);
  s->values = carver.take<float>(n_heads * c_.n_value);
  s->row = carver.take<float>(n_threads * c_.kv_rank);
  s->x.carve(carver, n, c_.n_embd);
  s->q_a_in.carve(carver, n, c_.q_rank);
  s->q_nope_in.carve(carver, n_heads, c_.n_nope);
  s->attended_in.carve(carver, n_heads, c_.kv_rank);
  s->values_in.carve(carver, n, size_t{c_.n_head} * c_.n_value);
  s->attention.carve(carver, n_threads, c_.kv_rank);
  s->products = carver.take<nn::Product>(c_.n_head);
  const size_t n_ff_shared = size_t{c_.n_ff_expert} * c_.n_expert_shared;
  s->ffn.carve(carver, {c_.n_embd, c_.n_ff > n_ff_shared ? c_.n_ff : n_ff_shared, router_.n_expert, router_.n_used,
                        c_.n_ff_expert}, n);
  return s;
}

bool Deepseek2::run_stage(const nn::Context& context, Forward& f, Scratch& scratch) const {
  auto& s = static_cast<Deepseek2Scratch&>(scratch);
  if (f.stage == 0) {
    auto angles = [&](size_t i, size_t) { rope_.fill(s.rope + i * rope_.table_row(), f.pos + i); };
    return context.run_rows(f.n, angles) && embed(context, trunk_, f);
  }
  if (f.stage + 1 == n_stages()) return predict(context, trunk_, f, s.trunk);
  const size_t il = (f.stage - 1) / 2;
  const Layer& layer = layers_[il];
  return f.stage % 2 == 1 ? attention(context, layer, il, f, s) : feed_forward(context, layer, f, s);
}

// h += output * concat_h(v_b[h] * sum_t softmax_t(scale * q_h . row_t) * latent_t)
bool Deepseek2::attention(const nn::Context& context, const Layer& layer, size_t il, Forward& f, Deepseek2Scratch& s) const {
  const size_t n = f.n;
  if (!nn::rms_norm(context, s.normed, c_.n_embd, f.hidden, c_.n_embd, layer.attn_norm, n, c_.n_embd, c_.eps) ||
      !project(context, layer, s, n)) {
    return false;
  }
  auto place_token = [&](size_t i, size_t) { place(context, layer, il, f, s, i); };
  if (!context.run_rows(n, place_token) || !absorb_queries(context, layer, s, n)) return false;

  const nn::AttentionShape shape{c_.n_head, 1, c_.latent_row(), c_.kv_rank, c_.score_scale};
  if (!nn::attention(context, shape, s.attention, s.q_latent, f.kv->key(il, 0), f.kv->value(il, 0), f.kv->row_bytes(),
                     f.pos, n, s.attended) ||
      !per_head(context, layer.v_b, s, s.attended_in, s.attended, n, s.values, c_.n_value)) {
    return false;
  }
  if (!s.values_in.fill(context, s.values, n, layer.output.n_in, {layer.output}) ||
      !nn::matmul(context, {{layer.output, &s.values_in, n, s.delta, c_.n_embd}})) {
    return false;
  }
  nn::add_residual(context, f.hidden, s.delta, n, c_.n_embd);
  return true;
}

// q and kv from the normed hidden state.
bool Deepseek2::project(const nn::Context& context, const Layer& l, Deepseek2Scratch& s, size_t n) const {
  if (l.q) {
    return s.x.fill(context, s.normed, n, c_.n_embd, {l.q, l.kv_a}) &&
           nn::matmul(context, {{l.q, &s.x, n, s.q, l.q.n_out}, {l.kv_a, &s.x, n, s.kv, l.kv_a.n_out}});
  }
  return s.x.fill(context, s.normed, n, c_.n_embd, {l.q_a, l.kv_a}) &&
         nn::matmul(context, {{l.q_a, &s.x, n, s.q_a, c_.q_rank}, {l.kv_a, &s.x, n, s.kv, l.kv_a.n_out}}) &&
         nn::rms_norm(context, s.q_a, c_.q_rank, s.q_a, c_.q_rank, l.q_a_norm, n, c_.q_rank, c_.eps) &&
         s.q_a_in.fill(context, s.q_a, n, c_.q_rank, {l.q_b}) &&
         nn::matmul(context, {{l.q_b, &s.q_a_in, n, s.q, l.q_b.n_out}});
}

// Token i: norms the latent, rotates the shared key part and the queries, and writes the cache row.
void Deepseek2::place(const nn::Context& context, const Layer& layer, size_t il, const Forward& f, Deepseek2Scratch& s,
                      size_t i) const {
  const float* angles = s.rope + i * rope_.table_row();
  const size_t key_dim = c_.key_dim(), row = c_.latent_row();
  float* kv = s.kv + i * row;
  nn::rms_norm(context.kernels, kv, kv, layer.kv_a_norm, c_.kv_rank, c_.eps);
  nn::rotate_adjacent(kv + c_.kv_rank, angles, c_.n_rot);
  context.kernels.to_f16(f.kv->key(il, f.pos + i), kv, row);

  float temperature = 1;  // grows with the position, as in Llama 4 (attn_temperature_tuning)
  if (c_.temperature_scale != 0) {
    const double step = static_cast<double>((f.pos + i) / c_.temperature_length);
    temperature = static_cast<float>(1 + c_.temperature_scale * numerics::log(step + 1));
  }
  for (size_t h = i * c_.n_head; h < (i + 1) * c_.n_head; ++h) {
    float* q = s.q + h * key_dim;
    nn::rotate_adjacent(q + c_.n_nope, angles, c_.n_rot);
    if (c_.temperature_scale != 0) for (size_t j = 0; j < key_dim; ++j) q[j] *= temperature;
    std::copy(q, q + c_.n_nope, s.q_nope + h * c_.n_nope);
    std::copy(q + c_.n_nope, q + key_dim, s.q_latent + h * row + c_.kv_rank);
  }
}

// q_latent[h] = (transpose(W_UK[h]) * q_nope[h], q_rot[h]): scores against cache rows are then plain dot products.
bool Deepseek2::absorb_queries(const nn::Context& context, const Layer& l, Deepseek2Scratch& s, size_t n) const {
  if (l.k_b) return per_head(context, l.k_b, s, s.q_nope_in, s.q_nope, n, s.q_latent, c_.latent_row());
  auto head = [&](size_t h, size_t worker) {
    nn::matmul_transposed(context.kernels, l.key_rows[h], s.q_nope + h * c_.n_nope, size_t{c_.n_head} * c_.n_nope, n,
                          s.q_latent + h * c_.latent_row(), size_t{c_.n_head} * c_.latent_row(),
                          s.row + worker * c_.kv_rank);
  };
  return context.run(c_.n_head, head);
}

// out[i, h, :] = w[h] * x[i, h, :]; the heads of out are out_dim apart.
bool Deepseek2::per_head(const nn::Context& context, const nn::Stack& w, Deepseek2Scratch& s, nn::Activations& in,
                         const float* x, size_t n, float* out, size_t out_dim) const {
  if (!in.fill(context, x, n * c_.n_head, w.first.n_in, {w.first})) return false;
  for (size_t h = 0; h < c_.n_head; ++h) {
    s.products[h] = {w[h], &in, n, out + h * out_dim, c_.n_head * out_dim, {nullptr, h, c_.n_head}};
  }
  return nn::matmul(context, {s.products, c_.n_head});
}

bool Deepseek2::feed_forward(const nn::Context& context, const Layer& layer, Forward& f, Deepseek2Scratch& s) const {
  if (!nn::rms_norm(context, s.normed, c_.n_embd, f.hidden, c_.n_embd, layer.ffn_norm, f.n, c_.n_embd, c_.eps)) return false;
  const bool done = layer.dense ? nn::ffn(context, layer.dense, s.ffn, s.normed, f.n, s.delta)
                                : nn::moe(context, layer.moe, s.ffn, s.normed, f.n, s.delta);
  if (!done) return false;
  nn::add_residual(context, f.hidden, s.delta, f.n, c_.n_embd);
  return true;
}

}  // namespace

Status make_deepseek2(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  auto model = std::make_unique<Deepseek2>();
  COTERIE_RETURN_IF_ERROR(model->init(context));
  *out = std::move(model);
  return {};
}

}  // namespace coterie
