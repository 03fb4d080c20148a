// qwen2moe: Qwen1.5-MoE-A2.7B, Qwen2-57B-A14B: Qwen2's attention, and in every layer a mixture of experts beside a shared
// one that a sigmoid gates. Paper: arXiv 2407.10671, section 2.2.2.
#include "models/architectures.h"
#include "models/gqa.h"

namespace coterie {
namespace {

class Qwen2Moe final : public GqaDecoder {
  void read(Config& config, Binder& t) override {
    gqa_.read(config, t, trunk_.eps, &shape_);
    ffn_.read_router(config);
    if (!config.status().ok()) return;
    // The first files have neither of the experts' widths.
    uint32_t n_ff = 0;
    config.integer("feed_forward_length", &n_ff, 1, kMost);
    uint32_t n_ff_shared = n_ff;
    ffn_.n_ff_expert = n_ff / ffn_.router.n_used;
    config.optional_integer("expert_feed_forward_length", &ffn_.n_ff_expert, 1, kMost);
    config.optional_integer("expert_shared_feed_forward_length", &n_ff_shared, 1, kMost);
    ffn_.n_ff_shared = n_ff_shared;
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    bind_layer(t, l, il, "ffn_norm.weight");
    t.float_matrix("ffn_gate_inp_shexp.weight", &l.moe.shared_gate, shape_.n_embd, 1);
  }

  void position(const GqaToken& token) const override { token.rotate_half_split(); }
};

}  // namespace

Status make_qwen2moe(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Qwen2Moe>(context, "qwen2moe", out);
}

}  // namespace coterie
