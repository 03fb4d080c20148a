// Gqa: grouped-query attention (arXiv 2305.13245) in steps.
// GqaDecoder: a decoder whose layers attend so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/decoder.h"
#include "nn/attention.h"
#include "nn/matmul.h"
#include "nn/norm.h"
#include "nn/rope.h"

namespace coterie {

struct GqaLayer {
  nn::Matrix q, k, v;  // [n_head * key_dim, n_embd], [n_head_kv * key_dim, n_embd], [n_head_kv * value_dim, n_embd]
  nn::Vector q_bias = nullptr, k_bias = nullptr, v_bias = nullptr;  // of the same rows; null: none
  nn::Vector q_norm = nullptr, k_norm = nullptr;  // [key_dim], or one weight for each row of q and of k
  nn::Matrix output;                              // [n_embd, n_head * value_dim]
  nn::Vector output_bias = nullptr;               // [n_embd]
};

struct GqaScratch : Scratch {
  float* rope = nullptr;    // [n, n_rot] cos and sin of each position
  float* q = nullptr;       // [n, n_head, key_dim]
  float* k = nullptr;       // [n, n_head_kv, key_dim]
  float* v = nullptr;       // [n, n_head_kv, value_dim]
  float* values = nullptr;  // [n, n_head, value_dim]
  nn::Activations x, values_in;
  nn::AttentionScratch attention;
};

// One evaluation of one layer's attention: out[n, n_embd] for x[n, n_embd].
struct GqaStep {
  const nn::Context& context;
  size_t il;
  const GqaLayer& layer;
  const Forward& f;
  const float* x;
  GqaScratch& s;
  float* out;
};

// Queries and keys of one token, between their projection and the cache.
class GqaToken {
 public:
  bool has_norms() const;
  // RMSNorm of every head by itself, or of all heads together, by layer.q_norm and layer.k_norm.
  void norm_heads() const;
  void norm_rows() const;
  // By the angles of the token's position: pairs of neighbours, or of the two halves of the rotated channels.
  void rotate_adjacent() const { rotate(nn::rotate_adjacent); }
  void rotate_half_split() const { rotate(nn::rotate_half_split); }

 private:
  friend class Gqa;
  GqaToken(const class Gqa& gqa, const GqaStep& step, size_t i);
  void rotate(void (*pairs)(float*, const float*, size_t)) const;

  const Gqa& gqa_;
  const GqaStep& step_;
  float *q_, *k_;  // [n_head, key_dim], [n_head_kv, key_dim]
  const float* angles_;
};

class Gqa {
 public:
  // Reads the keys attention.* and rope.*, and rope_freqs.weight. Sets shape->kv.
  void read(Config& config, Binder& t, float eps, ModelShape* shape);
  // The tensors attn_q, attn_k, attn_v or attn_qkv, and attn_output, with those biases that the file has.
  void bind(Binder& t, GqaLayer* layer) const;
  // attn_q_norm and attn_k_norm for GqaToken::norm_heads, norm_rows.
  void bind_head_norms(Binder& t, GqaLayer* layer) const;
  void bind_row_norms(Binder& t, GqaLayer* layer) const;

  void carve(nn::Carver& carver, size_t max_tokens, size_t n_threads, GqaScratch* s) const;
  // The angles of a batch's positions, once for all layers.
  bool prepare(const nn::Context& context, const Forward& f, GqaScratch& s) const;

  // q, k, v = W * x + bias
  bool project(const GqaStep& step) const;
  // Gives each token to on_token(const GqaToken&), then writes its keys and values to the cache.
  template <class F>
  bool place(const GqaStep& step, F on_token) const {
    auto task = [&](size_t i, size_t) {
      add_biases(step, i);
      on_token(GqaToken(*this, step, i));
      store(step, i);
    };
    return step.context.run_rows(step.f.n, task);
  }
  // values = sum_t softmax_t(scale * q . k_t) * v_t
  bool attend(const GqaStep& step, const nn::AttentionShape& shape) const;
  // out = output * values + bias
  bool combine(const GqaStep& step) const;

  // Heads and scale; the scale is 1 / sqrt(key_dim) unless an architecture sets another.
  nn::AttentionShape shape() const { return shape_; }
  void set_score_scale(float scale) { shape_.scale = scale; }

 private:
  friend class GqaToken;
  void add_biases(const GqaStep& step, size_t i) const;
  void store(const GqaStep& step, size_t i) const;
  size_t q_rows() const { return shape_.n_head * shape_.key_dim; }
  size_t k_rows() const { return shape_.n_head_kv * shape_.key_dim; }
  size_t v_rows() const { return shape_.n_head_kv * shape_.value_dim; }

  uint32_t n_embd_ = 0, n_rot_ = 0;
  float eps_ = 0;
  nn::AttentionShape shape_;
  nn::Rope rope_;
};

class GqaDecoder : public Decoder {
 protected:
  // The tensors of every layer: its norms, attention and networks. An architecture with more of them, or with another name
  // for the second norm, says so in a bind() of its own.
  void bind(Binder& t, DecoderLayer& layer, uint32_t il) override { bind_layer(t, layer, il, "ffn_norm.weight"); }
  GqaLayer* bind_layer(Binder& t, DecoderLayer& layer, uint32_t il, std::string_view ffn_norm);

  // What is done to the queries and keys of a token before they meet: norms and rotation.
  virtual void position(const GqaToken& token) const = 0;
  virtual nn::AttentionShape attention_shape(size_t) const { return gqa_.shape(); }  // of layer il

  Gqa gqa_;

 private:
  std::unique_ptr<Scratch> carve_attention(nn::Carver& carver, size_t max_tokens, size_t n_threads) const final;
  bool prepare(const nn::Context& context, const Forward& f, Scratch& s) const final;
  bool attention(const nn::Context& context, size_t il, const Forward& f, const float* x, Scratch& s, float* out) const final;

  std::vector<GqaLayer> attention_;
};

}  // namespace coterie
