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

  void position(const GqaToken& token) const override { token.rotate_adjacent(); }
};

}  // namespace

Status make_llama(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Llama>(context, "llama", out);
}

}  // namespace coterie
