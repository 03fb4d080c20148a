#include "models/feed_forward.h"

#include <algorithm>

namespace coterie {

void FeedForward::read_dense(Config& config, uint32_t n_layer) {
  config.integer("feed_forward_length", &n_ff, 1, kMost);
  n_layer_dense = n_layer;
}

void FeedForward::read_router(Config& config) {
  config.integer("expert_count", &router.n_expert, 1, 1u << 16);
  config.integer("expert_used_count", &router.n_used, 1, std::min(std::max(router.n_expert, 1u), 256u));
  config.optional_integer("expert_group_count", &router.n_group, 0, router.n_expert);
  if (router.n_group == 0) router.n_group = 1;
  config.check(router.n_expert % router.n_group == 0, "expert_group_count", "a divisor of expert_count");
  router.n_group_used = router.n_group;
  config.optional_integer("expert_group_used_count", &router.n_group_used, 1, router.n_group);
  config.check(router.n_used <= router.n_expert / router.n_group * router.n_group_used, "expert_used_count",
               "no more than the experts of the groups used");
  config.optional_bool("expert_weights_norm", &router.normalise);
  config.optional_real("expert_weights_scale", &router.scale, 0, 1e6f);
  if (router.scale == 0) router.scale = 1;
  uint32_t gating = 0;
  config.optional_integer("expert_gating_func", &gating, 0, 3);
  gating_named_ = gating != 0;
  if (gating_named_) router.gating = static_cast<nn::Gating>(gating);
}

void FeedForward::read_deepseek(Config& config, uint32_t n_layer) {
  config.optional_integer("leading_dense_block_count", &n_layer_dense, 0, n_layer);
  if (n_layer_dense > 0) config.integer("feed_forward_length", &n_ff, 1, kMost);
  config.integer("expert_feed_forward_length", &n_ff_expert, 1, kMost);
  uint32_t n_shared = 0;
  config.optional_integer("expert_shared_count", &n_shared, 0, 1024);
  n_ff_shared = uint64_t{n_ff_expert} * n_shared;
  read_router(config);
}

void FeedForward::bind(Binder& t, uint32_t n_embd, uint32_t il, nn::Ffn* dense, nn::Moe* moe) const {
  if (il < n_layer_dense) bind_dense(t, n_embd, dense);
  else bind_experts(t, n_embd, moe);
}

void FeedForward::bind_dense(Binder& t, uint32_t n_embd, nn::Ffn* w) const {
  t.matrix("ffn_gate.weight", &w->gate, n_embd, n_ff);
  t.matrix("ffn_up.weight", &w->up, n_embd, n_ff);
  t.matrix("ffn_down.weight", &w->down, n_ff, n_embd);
  t.optional_vector("ffn_gate.bias", &w->gate_bias, n_ff);
  t.optional_vector("ffn_up.bias", &w->up_bias, n_ff);
  t.optional_vector("ffn_down.bias", &w->down_bias, n_embd);
}

void FeedForward::bind_experts(Binder& t, uint32_t n_embd, nn::Moe* w) const {
  const uint32_t n = router.n_expert;
  w->config = router;
  t.float_matrix("ffn_gate_inp.weight", &w->router, n_embd, n);
  for (const char* name : {"exp_probs_b.bias", "exp_probs_b.weight", "exp_probs_b"}) {
    t.optional_vector(name, &w->config.selection_bias, n);
  }
  const bool biased = w->config.selection_bias != nullptr;
  // Early files of V2 (softmax) and of GLM-4.7-Flash (sigmoid) leave the function out; only sigmoid routers have a bias.
  if (!gating_named_ && biased) w->config.gating = nn::Gating::kSigmoid;
  // V3's groups are scored by their two best biased experts, V2's (without a bias) by the best.
  w->config.group_score = biased ? nn::GroupScore::kTopTwoSum : nn::GroupScore::kMax;

  if (t.has("ffn_gate.0.weight")) {
    t.numbered_stack("ffn_gate", &w->gate, n_embd, n_ff_expert, n);
    t.numbered_stack("ffn_up", &w->up, n_embd, n_ff_expert, n);
    t.numbered_stack("ffn_down", &w->down, n_ff_expert, n_embd, n);
  } else {
    if (t.has("ffn_gate_up_exps.weight")) {
      nn::Stack both;
      t.stack("ffn_gate_up_exps.weight", &both, n_embd, uint64_t{2} * n_ff_expert, n);
      w->gate = both.rows(0, n_ff_expert);
      w->up = both.rows(n_ff_expert, n_ff_expert);
    } else {
      t.stack("ffn_gate_exps.weight", &w->gate, n_embd, n_ff_expert, n);
      t.stack("ffn_up_exps.weight", &w->up, n_embd, n_ff_expert, n);
    }
    t.stack("ffn_down_exps.weight", &w->down, n_ff_expert, n_embd, n);
  }
  if (n_ff_shared == 0) return;
  t.matrix("ffn_gate_shexp.weight", &w->shared.gate, n_embd, n_ff_shared);
  t.matrix("ffn_up_shexp.weight", &w->shared.up, n_embd, n_ff_shared);
  t.matrix("ffn_down_shexp.weight", &w->shared.down, n_ff_shared, n_embd);
}

nn::FfnSizes FeedForward::scratch_sizes(uint32_t n_embd) const {
  return {n_embd, std::max<size_t>(n_ff, n_ff_shared), router.n_expert, router.n_used, n_ff_expert};
}

}  // namespace coterie
