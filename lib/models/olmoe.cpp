// olmoe: OLMoE-1B-7B: attention whose queries and keys are normed over all heads together, and in every layer a mixture of
// experts whose weights are plain softmax values. Paper: arXiv 2409.02060.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Olmoe final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_router(config);
    config.integer("feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
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

Status make_olmoe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Olmoe>(context, "olmoe", out);
}

}  // namespace coterie
