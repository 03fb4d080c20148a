#include "models/indexer.h"

#include <algorithm>

#include "nn/norm.h"
#include "nn/rope.h"

namespace coterie {

namespace {

constexpr float kKeyNormEps = 1e-6f;  // of the keys' LayerNorm; files do not name it

}  // namespace

void Indexer::read(Config& config, const Mla& mla, uint32_t n_embd) {
  constexpr uint32_t kMostChosen = 1u << 16;
  n_embd_ = n_embd;
  q_rank_ = mla.q_rank();
  n_rot_ = mla.n_rot();
  config.check(q_rank_ != 0, "attention.q_lora_rank", "compressed queries (blk.0.attn_q_a.weight)");
  config.integer("attention.indexer.head_count", &n_head_, 1, 65536);
  config.integer("attention.indexer.key_length", &dim_, std::max(1u, n_rot_), kMost);
  config.integer("attention.indexer.top_k", &top_k_, 1, kMostChosen);
}

void Indexer::bind(Binder& t, IndexerLayer& l) const {
  t.matrix("indexer.attn_q_b.weight", &l.q_b, q_rank_, uint64_t{n_head_} * dim_);
  t.matrix("indexer.attn_k.weight", &l.k, n_embd_, dim_);
  t.vector("indexer.k_norm.weight", &l.k_norm, dim_);
  t.vector("indexer.k_norm.bias", &l.k_bias, dim_);
  t.matrix("indexer.proj.weight", &l.weights, n_embd_, n_head_);
}

void Indexer::carve(nn::Carver& carver, IndexerScratch& s, const Mla& mla, size_t n, size_t n_threads) const {
  s.q = carver.take<float>(n * n_head_ * dim_);
  s.k = carver.take<float>(n * dim_);
  s.weights = carver.take<float>(n * n_head_);
  s.x.carve(carver, n, n_embd_);
  s.q_in.carve(carver, n, q_rank_);
  s.index.carve(carver, shape(), n_threads);
  s.chosen = carver.take<int32_t>(s.index.group() * top_k_);
  s.gathered = carver.take<std::byte>(top_k_ * mla.latent_row() * sizeof(float));
}

size_t Indexer::n_dense(size_t pos, size_t n) const { return pos >= top_k_ ? 0 : std::min<size_t>(n, top_k_ - pos); }

bool Indexer::project(const nn::Context& context, const IndexerLayer& l, size_t il, const Forward& f, const float* x,
                      const MlaScratch& mla, IndexerScratch& s) const {
  const size_t n = f.n, first = n_dense(f.pos, n);
  if (!s.x.fill(context, x, n, n_embd_, {l.k, l.weights}) ||
      !nn::matmul(context, {{l.k, &s.x, n, s.k, dim_}, {l.weights, &s.x, n, s.weights, n_head_}})) {
    return false;
  }
  auto place = [&](size_t i, size_t) { place_key(context, l, il, f, mla, s, i); };
  if (!context.run_rows(n, place)) return false;
  if (first == n) return true;
  if (!s.q_in.fill(context, mla.q_a, n, q_rank_, {l.q_b}) ||
      !nn::matmul(context, {{l.q_b, &s.q_in, n, s.q, l.q_b.n_out}})) {
    return false;
  }
  auto rotate = [&](size_t i, size_t) {
    for (size_t h = i * n_head_; h < (i + 1) * n_head_; ++h) nn::rotate_half_split(s.q + h * dim_, mla.rope + i * n_rot_, n_rot_);
  };
  return context.run_rows(n, rotate);
}

// In the indexer the rotated part comes first, in halves; in MLA it comes last, in adjacent pairs.
void Indexer::place_key(const nn::Context& context, const IndexerLayer& l, size_t il, const Forward& f,
                        const MlaScratch& mla, IndexerScratch& s, size_t i) const {
  float* k = s.k + i * dim_;
  nn::layer_norm(context.kernels, k, k, l.k_norm, l.k_bias, dim_, kKeyNormEps);
  nn::rotate_half_split(k, mla.rope + i * n_rot_, n_rot_);
  const KvRows rows = f.kv->index(il);
  context.kernels.encode[static_cast<uint32_t>(rows.type)](rows.keys.at(0, f.pos + i), k, dim_);
}

bool Indexer::attend(const nn::Context& context, const Mla& mla, size_t il, const Forward& f, MlaScratch& m,
                     IndexerScratch& s) const {
  const nn::AttentionShape attention = mla.attention_shape();
  for (size_t i = n_dense(f.pos, f.n); i < f.n;) {
    const size_t n = std::min(f.n - i, s.index.group());
    if (!nn::choose_positions(context, shape(), s.index, s.q + i * n_head_ * dim_, s.weights + i * n_head_,
                              f.kv->index(il), f.pos + i, n, s.chosen)) {
      return false;
    }
    for (size_t token = 0; token < n; ++token, ++i) {
      if (!nn::attend_chosen(context, attention, m.attention, m.q_latent + i * attention.n_head * attention.key_dim,
                             f.kv->layer(il), s.chosen + token * top_k_, top_k_, s.gathered,
                             m.attended + i * attention.n_head * attention.value_dim)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace coterie
