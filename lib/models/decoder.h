// Decoder: the skeleton of the architectures here. h = the embedding of a token; every layer adds to h its attention of
// the normed h, then its feed-forward network of the normed h; logits = output * norm(h). An architecture reads its keys,
// binds its tensors and says what its attention is.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "models/binder.h"
#include "models/feed_forward.h"
#include "models/model.h"
#include "models/trunk.h"

namespace coterie {

struct DecoderLayer {
  nn::Vector attn_norm = nullptr, ffn_norm = nullptr;  // [n_embd]
  nn::Ffn dense;  // empty in layers with experts
  nn::Moe moe;
};

class Decoder : public Architecture {
 public:
  // Everything from the file; the keys begin with name. Layers of next-token prediction, which come last, are left alone.
  Status load(const LoadContext& context, std::string_view name);
  std::unique_ptr<Scratch> carve(nn::Carver& carver, size_t max_tokens, size_t n_threads) const final;
  bool run_stage(const nn::Context& context, Forward& forward, Scratch& scratch) const final;

 protected:
  // The keys of the architecture, when shape_ and trunk_.eps have theirs. Sets shape_.kv and ffn_. t is there to ask what
  // the file holds.
  virtual void read(Config& config, Binder& t) = 0;
  // The tensors of layer il, which is t's.
  virtual void bind(Binder& t, DecoderLayer& layer, uint32_t il) = 0;

  // Working memory of attention, and what is done once for all layers.
  virtual std::unique_ptr<Scratch> carve_attention(nn::Carver& carver, size_t max_tokens, size_t n_threads) const = 0;
  virtual bool prepare(const nn::Context& context, const Forward& forward, Scratch& attention) const = 0;
  // out = attention of layer il over x[n, n_embd], the normed hidden states. May be called again after a cancelled call.
  virtual bool attention(const nn::Context& context, size_t il, const Forward& forward, const float* x, Scratch& attention,
                         float* out) const = 0;

  Trunk trunk_;
  FeedForward ffn_;
  float residual_scale_ = 1;  // of what layers add to h

 private:
  std::vector<DecoderLayer> layers_;
};

// The maker of a decoder for architectures.h.
template <class D>
Status make_decoder(const LoadContext& context, std::string_view name, std::unique_ptr<Architecture>* out) {
  auto model = std::make_unique<D>();
  COTERIE_RETURN_IF_ERROR(model->load(context, name));
  *out = std::move(model);
  return {};
}

}  // namespace coterie
