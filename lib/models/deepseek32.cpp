// deepseek32: DeepSeek-V3.2 (arXiv 2512.02556): deepseek2 whose MLA attends, beyond a few thousand positions, only to those
// that an indexer chooses.
#include "models/architectures.h"
#include "models/decoder.h"
#include "models/indexer.h"
#include "models/mla.h"

namespace coterie {
namespace {

struct SparseMlaScratch : Scratch {
  MlaScratch mla;
  IndexerScratch indexer;
};

class Deepseek32 final : public Decoder {
  void read(Config& config, Binder& t) override {
    mla_.read(config, t, shape_.n_embd, shape_.n_ctx_train, trunk_.eps);
    indexer_.read(config, mla_, shape_.n_embd);
    shape_.kv = {shape_.n_layer, 1, mla_.latent_row(), 0, indexer_.dim(), mla_.cache_piece()};
    ffn_.read_deepseek(config, shape_.n_layer);
  }

  void bind(Binder& t, DecoderLayer& l, uint32_t il) override {
    t.vector("attn_norm.weight", &l.attn_norm, shape_.n_embd);
    mla_.bind(t, attention_.emplace_back());
    indexer_.bind(t, indexers_.emplace_back());
    t.vector("ffn_norm.weight", &l.ffn_norm, shape_.n_embd);
    ffn_.bind(t, shape_.n_embd, il, &l.dense, &l.moe);
  }

  std::unique_ptr<Scratch> carve_attention(nn::Carver& carver, size_t max_tokens, size_t n_threads) const override {
    auto s = std::make_unique<SparseMlaScratch>();
    mla_.carve(carver, s->mla, max_tokens, n_threads);
    indexer_.carve(carver, s->indexer, mla_, max_tokens, n_threads);
    return s;
  }

  bool prepare(const nn::Context& context, const Forward& f, Scratch& s) const override {
    // Positions are chosen for the absorbed form.
    const size_t n_call_dense = indexer_.n_dense(f.call_pos, f.call_n);
    const size_t n_expanded = mla_.expands(f.call_pos, n_call_dense) ? indexer_.n_dense(f.pos, f.n) : 0;
    return mla_.prepare(context, f, n_expanded, static_cast<SparseMlaScratch&>(s).mla);
  }

  bool attention(const nn::Context& context, size_t il, const Forward& f, const float* x, Scratch& scratch,
                 float* out) const override {
    auto& s = static_cast<SparseMlaScratch&>(scratch);
    return mla_.project(context, attention_[il], il, f, x, s.mla) &&
           indexer_.project(context, indexers_[il], il, f, x, s.mla, s.indexer) &&
           mla_.attend(context, attention_[il], il, f, indexer_.n_dense(f.pos, f.n), s.mla) &&
           indexer_.attend(context, mla_, il, f, s.mla, s.indexer) &&
           mla_.combine(context, attention_[il], f.n, s.mla, out);
  }

  Mla mla_;
  Indexer indexer_;
  std::vector<MlaLayer> attention_;
  std::vector<IndexerLayer> indexers_;
};

}  // namespace

Status make_deepseek32(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  return make_decoder<Deepseek32>(context, "deepseek32", out);
}

}  // namespace coterie
