// granitemoe: Granite 3.x 1B-A400M and 3B-A800M: Mixtral's layers with four multipliers, on embeddings, attention scores,
// what a layer adds, and logits; some files have a shared expert. Paper: Granite 3.0 Language Models (IBM, 2024);
// multipliers after Power Scheduler, arXiv 2408.13359.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class GraniteMoe final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    multiplier(config, "embedding_scale", &trunk_.embedding_scale);
    multiplier(config, "residual_scale", &residual_scale_);
    multiplier(config, "logit_scale", &trunk_.logit_divisor);
    float score_scale = gqa_.shape().scale;
    multiplier(config, "attention.scale", &score_scale);
    gqa_.set_score_scale(score_scale);

    ffn_.router.normalise = true;
    ffn_.read_router(config);
    config.integer("feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
    uint32_t n_ff_shared = 0;
    config.optional_integer("expert_shared_feed_forward_length", &n_ff_shared, 0, kMost);
    ffn_.n_ff_shared = n_ff_shared;
  }

  // A missing key and 0 leave *value alone.
  static void multiplier(Config& config, const char* key, float* value) {
    float found = 0;
    config.optional_real(key, &found, 0, 1e6f);
    if (found != 0) *value = found;
  }

  void position(const GqaToken& token) const override { token.rotate_adjacent(); }
};

}  // namespace

Status make_granitemoe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<GraniteMoe>(context, "granitemoe", out);
}

}  // namespace coterie
