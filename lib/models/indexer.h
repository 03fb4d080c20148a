// Indexer: the "lightning indexer" of DeepSeek-V3.2 (arXiv 2512.02556, section 2.1): from small keys and queries of its own it
// chooses the positions that MLA attends to. A token that sees no more positions than are chosen attends to all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/binder.h"
#include "models/mla.h"
#include "models/model.h"
#include "nn/matmul.h"
#include "nn/sparse.h"

namespace coterie {

struct IndexerLayer {
  nn::Matrix q_b;                 // [n_head * dim, q_rank], for the compressed queries of MLA
  nn::Matrix k;                   // [dim, n_embd]
  nn::Vector k_norm = nullptr;    // [dim]
  nn::Vector k_bias = nullptr;    // [dim]
  nn::Matrix weights;             // [n_head, n_embd]
};

struct IndexerScratch {
  float* q = nullptr;             // [n, n_head, dim]
  float* k = nullptr;             // [n, dim]
  float* weights = nullptr;       // [n, n_head]
  int32_t* chosen = nullptr;      // [group, top_k]
  std::byte* gathered = nullptr;  // [top_k] latent rows
  nn::Activations x, q_in;
  nn::IndexScratch index;
};

class Indexer {
 public:
  // Reads the keys attention.indexer.*.
  void read(Config& config, const Mla& mla, uint32_t n_embd);
  // The tensors indexer.* of the binder's layer.
  void bind(Binder& binder, IndexerLayer& layer) const;
  void carve(nn::Carver& carver, IndexerScratch& scratch, const Mla& mla, size_t max_tokens, size_t n_threads) const;

  // How many of n tokens from position pos on see no more than top_k positions: the first ones.
  size_t n_dense(size_t pos, size_t n) const;
  // Behind Mla::project for the same batch: the indexer's keys go into the cache; where positions must be chosen, queries and
  // weights are ready. x[n, n_embd]: the normed hidden states.
  bool project(const nn::Context& context, const IndexerLayer& layer, size_t il, const Forward& f, const float* x,
               const MlaScratch& mla, IndexerScratch& s) const;
  // In place of Mla::attend for the tokens of a batch from n_dense on.
  bool attend(const nn::Context& context, const Mla& mla, size_t il, const Forward& f, MlaScratch& m,
              IndexerScratch& s) const;

  uint32_t dim() const { return dim_; }

 private:
  void place_key(const nn::Context& context, const IndexerLayer& layer, size_t il, const Forward& f, const MlaScratch& mla,
                 IndexerScratch& s, size_t i) const;
  nn::IndexShape shape() const { return {n_head_, dim_, top_k_}; }

  uint32_t n_head_ = 0, dim_ = 0, top_k_ = 0;
  uint32_t n_embd_ = 0, q_rank_ = 0, n_rot_ = 0;
};

}  // namespace coterie
