// qwen3moe: Qwen3-30B-A3B, Qwen3-235B-A22B, Qwen3-Coder: Qwen3's attention, and in every layer a mixture of experts whose
// weights sum to one. Paper: arXiv 2505.09388.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Qwen3Moe final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.router.normalise = true;
    ffn_.read_router(config);
    config.integer("expert_feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    gqa_.bind_head_norms(t, bind_layer(t, l, il, "ffn_norm.weight"));
  }

  void position(const GqaToken& token) const override {
    token.norm_heads();
    token.rotate_half_split();
  }
};

}  // namespace

Status make_qwen3moe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Qwen3Moe>(context, "qwen3moe", out);
}

}  // namespace coterie
