// Mla: multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1). The cache holds (latent, rotated key) rows
// only. Attention over them runs in one of two forms (rule 6 of docs/arithmetic.md):
//   absorbed  queries are taken into the latent space, and the rows are read once for all heads
//   expanded  the rows become keys and values of each head, block by block: less work for many tokens at once
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>

#include "models/binder.h"
#include "models/model.h"
#include "nn/attention.h"
#include "nn/matmul.h"
#include "nn/rope.h"

namespace coterie {

struct MlaLayer {
  nn::Matrix q;                    // [n_head * key_dim, n_embd]; empty with q_a
  nn::Matrix q_a, q_b;             // [q_rank, n_embd], [n_head * key_dim, q_rank]
  nn::Vector q_a_norm = nullptr;   // [q_rank]
  nn::Matrix kv_a;                 // [kv_rank + n_rot, n_embd]: latent, then the key part that all heads share
  nn::Vector kv_a_norm = nullptr;  // [kv_rank]
  nn::Stack k_b;                   // [n_head][kv_rank, n_nope]; empty in files with kv_b
  nn::Stack v_b;                   // [n_head][n_value, kv_rank]
  nn::Stack key_rows;              // [n_head][n_nope, kv_rank]: k_b the other way round, from kv_b of older files
  nn::Matrix output;               // [n_embd, n_head * n_value]
};

// A block of kKeyBlock rows of the cache on its way to keys and values.
struct MlaExpansion {
  float* latents = nullptr;          // [kKeyBlock, kv_rank]
  float* rotated = nullptr;          // [n_rot, kKeyBlock] the key part that all heads share
  float* weights = nullptr;          // [n_threads, kv_rank, n_nope] k_b of a head
  float* rows = nullptr;             // [n_threads, kKeyBlock, n_nope] a head's own part of the keys
  float* keys = nullptr;             // [n_threads, key_dim, kKeyBlock]
  float* values = nullptr;           // [n_threads, kKeyBlock, n_value]
  nn::Running* running = nullptr;    // [n_head, n]
  nn::Activations latents_in;
};

struct MlaScratch : Scratch {
  size_t n_expanded = 0;      // so many first tokens of the batch attend in the expanded form
  float* rope = nullptr;      // [n, n_rot] cos and sin of each position
  float* q_a = nullptr;       // [n, q_rank] the compressed queries, normed
  float* q = nullptr;         // [n, n_head, key_dim]
  float* q_nope = nullptr;    // [n, n_head, n_nope]
  float* q_latent = nullptr;  // [n, n_head, kv_rank + n_rot]
  float* kv = nullptr;        // [n, kv_rank + n_rot]
  float* attended = nullptr;  // [n, n_head, kv_rank] weighted sums of latents
  float* values = nullptr;    // [n, n_head, n_value]
  float* row = nullptr;       // [n_threads, kv_rank + n_rot]
  nn::Activations x, q_a_in, q_nope_in, attended_in, values_in;
  nn::Product* products = nullptr;  // [n_head]
  nn::AttentionScratch attention;
  MlaExpansion expansion;
};

class Mla {
 public:
  // Reads the keys attention.* and rope.*. Whether queries are compressed is asked of the tensors of layer 0, as writers
  // disagree about the key.
  void read(Config& config, Binder& binder, uint32_t n_embd, uint32_t n_ctx_train, float eps);
  // The tensors attn_* of the binder's layer but attn_norm.
  void bind(Binder& binder, MlaLayer& layer) const;
  void carve(nn::Carver& carver, MlaScratch& scratch, size_t max_tokens, size_t n_threads) const;

  // The form for a call of n tokens behind pos others: whether expanding pays.
  bool expands(size_t pos, size_t n) const;

  // What is the same for all layers: the form of the batch's first n_expanded tokens, and the angles of its positions.
  bool prepare(const nn::Context& context, const Forward& f, size_t n_expanded, MlaScratch& s) const;
  // From x[n, n_embd], the normed hidden states of a batch: its queries, and its rows of the cache of layer il.
  bool project(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, const float* x,
               MlaScratch& s) const;
  // Attention of the first n tokens of the batch, n_expanded or, if that is 0, any number, each over the positions up to its
  // own. Absorbed: attended = sum_t softmax_t(scale * q . row_t) * latent_t. Expanded: values = v_b * attended.
  bool attend(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, size_t n,
              MlaScratch& s) const;
  // out[n, n_embd] = output * concat_h(values[h]), where values[h] = v_b[h] * attended[h] for tokens of the absorbed form.
  bool combine(const nn::Context& context, const MlaLayer& layer, size_t n, MlaScratch& s, float* out) const;

  size_t latent_row() const { return size_t{kv_rank_} + n_rot_; }
  size_t cache_piece() const { return std::gcd(size_t{kv_rank_}, latent_row()); }  // KvShape::piece
  uint32_t n_rot() const { return n_rot_; }
  uint32_t q_rank() const { return q_rank_; }  // 0: queries are not compressed
  nn::AttentionShape attention_shape() const { return {n_head_, 1, latent_row(), kv_rank_, score_scale_}; }

 private:
  void read_rope(Config& config, uint32_t n_ctx_train);
  bool project_rows(const nn::Context& context, const MlaLayer& layer, const float* x, size_t n, MlaScratch& s) const;
  void place(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f, MlaScratch& s, size_t i) const;
  bool attend_expanded(const nn::Context& context, const MlaLayer& layer, size_t il, const Forward& f,
                       MlaScratch& s) const;
  bool load_block(const nn::Context& context, const MlaLayer& layer, const KvRows& rows, size_t pos, size_t n,
                  MlaScratch& s) const;
  nn::KeyValueBlock expand(const nn::Context& context, const MlaLayer& layer, size_t head, size_t n, MlaScratch& s,
                           size_t worker) const;
  bool absorb_queries(const nn::Context& context, const MlaLayer& layer, size_t n, MlaScratch& s) const;
  bool per_head(const nn::Context& context, const nn::Stack& w, MlaScratch& s, nn::Activations& in, const float* x,
                size_t first, size_t n, float* out, size_t out_dim) const;
  size_t key_dim() const { return size_t{n_nope_} + n_rot_; }

  uint32_t n_embd_ = 0, n_head_ = 0;
  uint32_t n_nope_ = 0, n_rot_ = 0, n_value_ = 0;  // of a head: unrotated and rotated part of a key, value
  uint32_t q_rank_ = 0, kv_rank_ = 0;
  float eps_ = 0;
  float score_scale_ = 1;
  float temperature_scale_ = 0;  // queries grow with the logarithm of the position; 0: they do not
  uint32_t temperature_length_ = 8192;
  nn::Rope rope_;
};

}  // namespace coterie
