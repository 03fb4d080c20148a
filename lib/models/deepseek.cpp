// deepseek: DeepSeekMoE-16B and relatives: attention with rotated adjacent pairs, and the first mixture of many small
// experts beside shared ones. Paper: arXiv 2401.06066.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Deepseek final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_deepseek(config, shape_.n_layer);
  }

  void position(const GqaToken& token) const override { token.rotate_adjacent(); }
};

}  // namespace

Status make_deepseek(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Deepseek>(context, "deepseek", out);
}

}  // namespace coterie
