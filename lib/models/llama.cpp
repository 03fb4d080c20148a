// llama: Llama 1 to 3.x, Mistral, Mixtral, Yi, DeepSeek-LLM, DeepSeek-Coder 1.x, R1-Distill-Llama: grouped-query attention
// with rotated adjacent pairs; a SwiGLU network, or (Mixtral) a few of several, their weights summing to one.
// Papers: arXiv 2302.13971, 2407.21783, 2401.04088 (Mixtral).
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Llama final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_dense(config, shape_.n_layer);
    uint32_t n_expert = 0;
    config.optional_integer("expert_count", &n_expert, 0, UINT32_MAX);
    if (n_expert == 0) return;
    ffn_.n_layer_dense = 0;
    ffn_.n_ff_expert = ffn_.n_ff;
    ffn_.router.normalise = true;
    ffn_.read_router(config);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    t.vector("attn_norm.weight", &l.attn_norm, shape_.n_embd);
    bind_attention(t);
    t.vector("ffn_norm.weight", &l.ffn_norm, shape_.n_embd);
    ffn_.bind(t, shape_.n_embd, il, &l.dense, &l.moe);
  }

  bool attention(const GqaStep& step) const override {
    auto position = [](const GqaToken& token) { token.rotate_adjacent(); };
    return gqa_.project(step) && gqa_.place(step, position) && gqa_.attend(step) && gqa_.combine(step);
  }
};

}  // namespace

Status make_llama(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Llama>(context, "llama", out);
}

}  // namespace coterie
