// glm4moe: GLM-4.5, GLM-4.5-Air, GLM-4.6: grouped-query attention with biases on queries, keys and values, rotated in part,
// in the larger models with queries and keys normed head by head; experts as in DeepSeek-V3. Paper: arXiv 2508.06471.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Glm4Moe final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.router.gating = nn::Gating::kSigmoid;
    ffn_.router.normalise = true;
    ffn_.read_deepseek(config, shape_.n_layer);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    GqaLayer* attention = bind_layer(t, l, il, "post_attention_norm.weight");
    if (t.has("attn_q_norm.weight") || t.has("attn_k_norm.weight")) gqa_.bind_head_norms(t, attention);
  }

  void position(const GqaToken& token) const override {
    if (token.has_norms()) token.norm_heads();
    token.rotate_half_split();
  }
};

}  // namespace

Status make_glm4moe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Glm4Moe>(context, "glm4moe", out);
}

}  // namespace coterie
