// FeedForward: sizes, router and tensors of the feed-forward networks of a model, dense ones and mixtures of experts.
// An architecture sets what it is defined by and reads the keys that its files have.
#pragma once

#include "models/binder.h"
#include "nn/ffn.h"

namespace coterie {

struct FeedForward {
  uint32_t n_ff = 0;           // of dense layers
  uint32_t n_layer_dense = 0;  // these come first, those with experts after them
  uint32_t n_ff_expert = 0;
  uint64_t n_ff_shared = 0;    // of the shared expert; 0: there is none
  nn::RouterConfig router;     // n_expert is 0 in models of dense layers only

  // All n_layer are dense: feed_forward_length.
  void read_dense(Config& config, uint32_t n_layer);
  // expert_count, expert_used_count, and whatever else of the router's keys is in the file; the rest keeps its value.
  void read_router(Config& config);
  // Some dense layers, then layers with experts and shared ones, as in DeepSeekMoE (arXiv 2401.06066): the widths and
  // counts; then the router's keys.
  void read_deepseek(Config& config, uint32_t n_layer);

  // The tensors ffn_* of layer il but its norm. Experts may be stacked in one tensor, with gate and up apart or fused, or
  // have tensors of their own (files of before April 2024).
  void bind(Binder& t, uint32_t n_embd, uint32_t il, nn::Ffn* dense, nn::Moe* moe) const;

  nn::FfnSizes scratch_sizes(uint32_t n_embd) const;

 private:
  void bind_dense(Binder& t, uint32_t n_embd, nn::Ffn* w) const;
  void bind_experts(Binder& t, uint32_t n_embd, nn::Moe* w) const;
  bool gating_named_ = false;  // by the file
};

}  // namespace coterie
