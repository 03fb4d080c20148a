// minimax-m2: MiniMax-M2: grouped-query attention whose queries and keys are normed over all heads together and rotated in
// part, and in every layer a mixture of experts behind a sigmoid router with a selection bias. Source: the model's
// configuration and code as published (modeling_minimax_m2.py).
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class MinimaxM2 final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.router.gating = nn::Gating::kSigmoid;
    ffn_.router.normalise = true;
    ffn_.read_router(config);
    config.integer("expert_feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    gqa_.bind_row_norms(t, bind_layer(t, l, il, "ffn_norm.weight"));
  }

  void position(const GqaToken& token) const override {
    token.norm_rows();
    token.rotate_half_split();
  }
};

}  // namespace

Status make_minimax_m2(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<MinimaxM2>(context, "minimax-m2", out);
}

}  // namespace coterie
