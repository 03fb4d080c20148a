// qwen3: Qwen3, R1-0528-Qwen3-8B: grouped-query attention whose queries and keys are normed head by head, dense SwiGLU.
// Paper: arXiv 2505.09388.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Qwen3 final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_dense(config, shape_.n_layer);
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

Status make_qwen3(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Qwen3>(context, "qwen3", out);
}

}  // namespace coterie
