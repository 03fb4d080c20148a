// deepseek2: DeepSeek-V2, V2-Lite, V2.5, V3, R1, V3.1 and relatives (Kimi-K2, Moonlight, GigaChat3, GLM-4.7-Flash,
// Mistral-Large-3): multi-head latent attention (MLA) and a mixture of experts with shared experts.
// Papers: arXiv 2405.04434 (V2), 2412.19437 (V3).
#include "models/architectures.h"
#include "models/decoder.h"
#include "models/mla.h"

namespace coterie {
namespace {

class Deepseek2 final : public Decoder {
  void read(Config& config, Binder& t) override {
    mla_.read(config, t, shape_.n_embd, shape_.n_ctx_train, trunk_.eps);
    shape_.kv = {shape_.n_layer, 1, mla_.latent_row(), 0, 0, mla_.cache_piece()};
    uint32_t n_expert = 0;
    config.optional_integer("expert_count", &n_expert, 0, UINT32_MAX);
    if (n_expert == 0) ffn_.read_dense(config, shape_.n_layer);
    else ffn_.read_deepseek(config, shape_.n_layer);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    t.vector("attn_norm.weight", &l.attn_norm, shape_.n_embd);
    mla_.bind(t, attention_.emplace_back());
    t.vector("ffn_norm.weight", &l.ffn_norm, shape_.n_embd);
    ffn_.bind(t, shape_.n_embd, il, &l.dense, &l.moe);
  }

  std::unique_ptr<Scratch> carve_attention(nn::Carver& carver, size_t max_tokens, size_t n_threads) const override {
    auto s = std::make_unique<MlaScratch>();
    mla_.carve(carver, *s, max_tokens, n_threads);
    return s;
  }

  bool prepare(const nn::Context& context, const Forward& f, Scratch& s) const override {
    const size_t n_expanded = mla_.expands(f.call_pos, f.call_n) ? f.n : 0;
    return mla_.prepare(context, f, n_expanded, static_cast<MlaScratch&>(s));
  }

  bool attention(const nn::Context& context, size_t il, const Forward& f, const float* x, Scratch& scratch,
                 float* out) const override {
    auto& s = static_cast<MlaScratch&>(scratch);
    return mla_.project(context, attention_[il], il, f, x, s) && mla_.attend(context, attention_[il], il, f, f.n, s) &&
           mla_.combine(context, attention_[il], f.n, s, out);
  }

  Mla mla_;
  std::vector<MlaLayer> attention_;
};

}  // namespace

Status make_deepseek2(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Deepseek2>(context, "deepseek2", out);
}

}  // namespace coterie
