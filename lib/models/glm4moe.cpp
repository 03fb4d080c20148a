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
    t.vector("attn_norm.weight", &l.attn_norm, shape_.n_embd);
    GqaLayer* attention = bind_attention(t);
    if (t.has("attn_q_norm.weight") || t.has("attn_k_norm.weight")) gqa_.bind_head_norms(t, attention);
    t.vector("post_attention_norm.weight", &l.ffn_norm, shape_.n_embd);
    ffn_.bind(t, shape_.n_embd, il, &l.dense, &l.moe);
  }

  bool attention(const GqaStep& step) const override {
    auto position = [&](const GqaToken& token) {
      if (step.layer.q_norm != nullptr) token.norm_heads();
      token.rotate_half_split();
    };
    return gqa_.project(step) && gqa_.place(step, position) && gqa_.attend(step) && gqa_.combine(step);
  }
};

}  // namespace

Status make_glm4moe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Glm4Moe>(context, "glm4moe", out);
}

}  // namespace coterie
