// Trunk: what every decoder has around its layers: token embedding at the start, norm and output head at the end.
#pragma once

#include "models/binder.h"
#include "models/model.h"
#include "nn/matmul.h"

namespace coterie {

struct Trunk {
  nn::Matrix token_embd;    // [n_vocab, n_embd]
  nn::Matrix output;        // [n_vocab, n_embd]; the embedding when the file ties them
  nn::Vector output_norm = nullptr;  // [n_embd]
  nn::Vector output_bias = nullptr;  // [n_vocab]; null: none
  float eps = 0;
  float embedding_scale = 1, logit_divisor = 1;  // embeddings are multiplied, logits divided

  // Also finds n_vocab, the rows of the embedding.
  void bind(Binder& binder, const Gguf& gguf, uint32_t n_embd, uint32_t* n_vocab);
};

struct TrunkScratch {
  float* normed = nullptr;  // [max_tokens, n_embd]
  nn::Activations input;

  void carve(nn::Carver& carver, const Trunk& trunk, size_t max_tokens);
};

// hidden = embedding_scale * rows of the embedding.
bool embed(const nn::Context& context, const Trunk& trunk, const Forward& forward);
// logits = (output * RMSNorm(hidden) + bias) / logit_divisor for the last n_logits tokens.
bool predict(const nn::Context& context, const Trunk& trunk, const Forward& forward, TrunkScratch& scratch);

}  // namespace coterie
