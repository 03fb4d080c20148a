// gpt-oss: gpt-oss-20b and -120b: grouped-query attention with sinks, every other layer in a sliding window, biases
// everywhere, and experts with a clamped SwiGLU, chosen by their logits and weighted by the softmax of the chosen ones.
// Model card: arXiv 2508.10925.
#include <vector>

#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class GptOss final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    config.integer("attention.sliding_window", &window_, 1, UINT32_MAX);
    ffn_.router.gating = nn::Gating::kSelectedSoftmax;
    ffn_.read_router(config);
    config.integer("expert_feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    const uint32_t n_expert = ffn_.router.n_expert;
    bind_layer(t, l, il, "post_attention_norm.weight");
    t.vector("attn_sinks.weight", &sinks_.emplace_back(nullptr), gqa_.shape().n_head);
    t.vector("ffn_gate_inp.bias", &l.moe.config.bias, n_expert);
    t.vectors("ffn_gate_exps.bias", &l.moe.gate_bias, ffn_.n_ff_expert, n_expert);
    t.vectors("ffn_up_exps.bias", &l.moe.up_bias, ffn_.n_ff_expert, n_expert);
    t.vectors("ffn_down_exps.bias", &l.moe.down_bias, shape_.n_embd, n_expert);
    l.moe.activation = nn::Activation::kSwigluOai;
  }

  void position(const GqaToken& token) const override { token.rotate_half_split(); }

  nn::AttentionShape attention_shape(size_t il) const override {
    nn::AttentionShape shape = gqa_.shape();
    shape.window = il % 2 == 0 ? window_ : 0;
    shape.sinks = sinks_[il];
    return shape;
  }

  uint32_t window_ = 0;
  std::vector<nn::Vector> sinks_;  // [n_head] of each layer
};

}  // namespace

Status make_gpt_oss(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<GptOss>(context, "gpt-oss", out);
}

}  // namespace coterie
