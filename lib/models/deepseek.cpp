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

Status make_deepseek(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Deepseek>(context, "deepseek", out);
}

}  // namespace coterie
