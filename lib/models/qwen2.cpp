// qwen2: Qwen2, Qwen2.5, R1-Distill-Qwen: grouped-query attention with biases on queries, keys and values, dense SwiGLU.
// Papers: arXiv 2407.10671, 2412.15115.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Qwen2 final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_dense(config, shape_.n_layer);
  }

  void position(const GqaToken& token) const override { token.rotate_half_split(); }
};

}  // namespace

Status make_qwen2(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Qwen2>(context, "qwen2", out);
}

}  // namespace coterie
