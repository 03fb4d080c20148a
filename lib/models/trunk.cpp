#include "models/trunk.h"

#include "nn/norm.h"
#include "nn/weights.h"

namespace coterie {

void Trunk::bind(Binder& binder, const Gguf& gguf, uint32_t n_embd, uint32_t* n_vocab) {
  constexpr uint64_t kMostTokens = uint64_t{1} << 26;
  const Tensor* embedding = gguf.tensor("token_embd.weight");
  uint64_t rows = embedding != nullptr ? embedding->ne[1] : 1;
  if (rows > kMostTokens) rows = kMostTokens;  // the shape check below then fails
  *n_vocab = static_cast<uint32_t>(rows);
  binder.outside_layers();
  binder.matrix("token_embd.weight", &token_embd, n_embd, rows);
  binder.vector("output_norm.weight", &output_norm, n_embd);
  if (binder.has("output.weight")) binder.matrix("output.weight", &output, n_embd, rows);
  else output = token_embd;
  binder.optional_vector("output.bias", &output_bias, rows);
}

void TrunkScratch::carve(nn::Carver& carver, const Trunk& trunk, size_t max_tokens) {
  normed = carver.take<float>(max_tokens * trunk.token_embd.n_in);
  input.carve(carver, max_tokens, trunk.token_embd.n_in);
}

bool embed(const nn::Context& context, const Trunk& trunk, const Forward& f) {
  const nn::Matrix& w = trunk.token_embd;
  auto row = [&](size_t i, size_t) {
    nn::dequantise_row(context.kernels, w, f.tokens[i], f.hidden + i * w.n_in);
    if (trunk.embedding_scale == 1) return;
    for (size_t j = 0; j < w.n_in; ++j) f.hidden[i * w.n_in + j] *= trunk.embedding_scale;
  };
  return context.run_rows(f.n, row);
}

bool predict(const nn::Context& context, const Trunk& trunk, const Forward& f, TrunkScratch& s) {
  const size_t n_embd = trunk.output.n_in, n_vocab = trunk.output.n_out, n = f.n_logits;
  const float* hidden = f.hidden + (f.n - n) * n_embd;
  if (!nn::rms_norm(context, s.normed, n_embd, hidden, n_embd, trunk.output_norm, n, n_embd, trunk.eps) ||
      !s.input.fill(context, s.normed, n, n_embd, {trunk.output}) ||
      !nn::matmul(context, {{trunk.output, &s.input, n, f.logits, n_vocab}})) {
    return false;
  }
  if (trunk.output_bias != nullptr) {
    for (size_t i = 0; i < n; ++i) context.kernels.add(f.logits + i * n_vocab, trunk.output_bias, n_vocab);
  }
  if (trunk.logit_divisor != 1) {
    for (size_t i = 0; i < n * n_vocab; ++i) f.logits[i] /= trunk.logit_divisor;
  }
  return true;
}

}  // namespace coterie
