// deepseek2: DeepSeek-V2, V2-Lite, V2.5, V3, R1, V3.1 and relatives: multi-head latent attention (MLA) and a mixture of
// experts with shared experts. Papers: arXiv 2405.04434 (V2), 2412.19437 (V3).
#include <algorithm>
#include <vector>

#include "models/architectures.h"
#include "models/mla.h"
#include "models/trunk.h"
#include "nn/ffn.h"
#include "nn/norm.h"

namespace coterie {
namespace {

struct Sizes {
  uint32_t n_layer = 0, n_layer_dense = 0;
  uint32_t n_embd = 0;
  uint32_t n_ff = 0, n_ff_expert = 0, n_expert_shared = 0;
  uint32_t gating = 0;  // of the router, as the file names it; 0: it does not
  float eps = 1e-6f;
};

struct Layer {
  nn::Vector attn_norm = nullptr;  // [n_embd]
  MlaLayer mla;
  nn::Vector ffn_norm = nullptr;  // [n_embd]
  nn::Ffn dense;                  // empty in layers with experts
  nn::Moe moe;
};

struct Deepseek2Scratch : Scratch {
  TrunkScratch trunk;
  float* normed = nullptr;  // [n, n_embd]
  float* delta = nullptr;   // [n, n_embd] what a stage adds to the hidden state
  MlaScratch mla;
  nn::FfnScratch ffn;
};

class Deepseek2 final : public Architecture {
 public:
  Status init(const LoadContext& context);
  std::unique_ptr<Scratch> carve(nn::Carver& carver, size_t max_tokens, size_t n_threads) const override;
  bool run_stage(const nn::Context& context, Forward& forward, Scratch& scratch) const override;

 private:
  Status read_config(const Gguf& gguf, Binder& t);
  void read_router(Config& config);
  void bind_ffn(Binder& t, Layer& layer, bool dense) const;

  bool attention(const nn::Context& context, const Layer& layer, size_t il, Forward& f, Deepseek2Scratch& s) const;
  bool feed_forward(const nn::Context& context, const Layer& layer, Forward& f, Deepseek2Scratch& s) const;

  Sizes c_;
  nn::RouterConfig router_;
  Mla mla_;
  Trunk trunk_;
  std::vector<Layer> layers_;
};

Status Deepseek2::read_config(const Gguf& gguf, Binder& t) {
  Config config(gguf, "deepseek2");
  uint32_t n_block = 0, n_prediction = 0;
  config.integer("block_count", &n_block, 1, 100000);
  config.optional_integer("nextn_predict_layers", &n_prediction, 0, n_block == 0 ? 0 : n_block - 1);
  c_.n_layer = n_block - n_prediction;  // prediction layers come last and take no part in the main model
  config.integer("embedding_length", &c_.n_embd, 1, kMost);
  shape_.n_ctx_train = 4096;
  config.optional_integer("context_length", &shape_.n_ctx_train, 1, UINT32_MAX);
  config.optional_real("attention.layer_norm_rms_epsilon", &c_.eps, 0, 1);
  mla_.read(config, t, c_.n_embd, shape_.n_ctx_train, c_.eps);
  read_router(config);
  return config.status();
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
  config.optional_integer("expert_gating_func", &c_.gating, 0, 2);
  router_.gating = c_.gating == 2 ? nn::Gating::kSigmoid : nn::Gating::kSoftmax;
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
  // Early files of V2 (softmax) and of GLM-4.7-Flash (sigmoid) leave the function out; only sigmoid routers have a bias.
  if (c_.gating == 0 && m.config.selection_bias != nullptr) m.config.gating = nn::Gating::kSigmoid;
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
  Binder t(context);
  COTERIE_RETURN_IF_ERROR(read_config(context.gguf, t));
  trunk_.eps = c_.eps;
  trunk_.bind(t, context.gguf, c_.n_embd, &shape_.n_vocab);
  for (uint32_t il = 0; il < c_.n_layer && t.status().ok(); ++il) {
    t.in_layer(il);
    Layer layer;
    t.vector("attn_norm.weight", &layer.attn_norm, c_.n_embd);
    mla_.bind(t, layer.mla);
    bind_ffn(t, layer, il < c_.n_layer_dense);
    layers_.push_back(layer);
  }
  t.refuse_unknown(c_.n_layer);
  shape_.n_layer = c_.n_layer;
  shape_.n_embd = c_.n_embd;
  shape_.kv = {c_.n_layer, mla_.latent_row(), 0};
  return t.status();
}

std::unique_ptr<Scratch> Deepseek2::carve(nn::Carver& carver, size_t n, size_t n_threads) const {
  auto s = std::make_unique<Deepseek2Scratch>();
  s->trunk.carve(carver, trunk_, n);
  s->normed = carver.take<float>(n * c_.n_embd);
  s->delta = carver.take<float>(n * c_.n_embd);
  mla_.carve(carver, s->mla, n, n_threads);
  const size_t n_ff_shared = size_t{c_.n_ff_expert} * c_.n_expert_shared;
  s->ffn.carve(carver, {c_.n_embd, c_.n_ff > n_ff_shared ? c_.n_ff : n_ff_shared, router_.n_expert, router_.n_used,
                        c_.n_ff_expert}, n);
  return s;
}

bool Deepseek2::run_stage(const nn::Context& context, Forward& f, Scratch& scratch) const {
  auto& s = static_cast<Deepseek2Scratch&>(scratch);
  if (f.stage == 0) return mla_.prepare(context, f, s.mla) && embed(context, trunk_, f);
  if (f.stage + 1 == n_stages()) return predict(context, trunk_, f, s.trunk);
  const size_t il = (f.stage - 1) / 2;
  const Layer& layer = layers_[il];
  return f.stage % 2 == 1 ? attention(context, layer, il, f, s) : feed_forward(context, layer, f, s);
}

bool Deepseek2::attention(const nn::Context& context, const Layer& layer, size_t il, Forward& f, Deepseek2Scratch& s) const {
  if (!nn::rms_norm(context, s.normed, c_.n_embd, f.hidden, c_.n_embd, layer.attn_norm, f.n, c_.n_embd, c_.eps) ||
      !mla_.project(context, layer.mla, il, f, s.normed, s.mla) || !mla_.attend(context, il, f, f.n, s.mla) ||
      !mla_.combine(context, layer.mla, f.n, s.mla, s.delta)) {
    return false;
  }
  nn::add_residual(context, f.hidden, s.delta, f.n, c_.n_embd);
  return true;
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
