#include "models/decoder.h"

#include "nn/norm.h"

namespace coterie {
namespace {

struct DecoderScratch : Scratch {
  TrunkScratch trunk;
  float* normed = nullptr;  // [n, n_embd]
  float* delta = nullptr;   // [n, n_embd] what a stage adds to the hidden state
  nn::FfnScratch ffn;
  std::unique_ptr<Scratch> attention;
};

}  // namespace

Status Decoder::load(const LoadContext& context, std::string_view name) {
  Config config(context.gguf, name);
  Binder t(context);
  uint32_t n_block = 0, n_prediction = 0;
  config.integer("block_count", &n_block, 1, 100000);
  config.optional_integer("nextn_predict_layers", &n_prediction, 0, n_block == 0 ? 0 : n_block - 1);
  shape_.n_layer = n_block - n_prediction;
  config.integer("embedding_length", &shape_.n_embd, 1, kMost);
  config.integer("context_length", &shape_.n_ctx_train, 1, UINT32_MAX);
  config.real("attention.layer_norm_rms_epsilon", &trunk_.eps, 0, 1);
  COTERIE_RETURN_IF_ERROR(config.status());
  read(config, t);
  COTERIE_RETURN_IF_ERROR(config.status());

  trunk_.bind(t, context.gguf, shape_.n_embd, &shape_.n_vocab);
  for (uint32_t il = 0; il < shape_.n_layer && t.status().ok(); ++il) {
    t.in_layer(il);
    bind(t, layers_.emplace_back(), il);
  }
  t.refuse_unknown(shape_.n_layer, n_block);
  return t.status();
}

std::unique_ptr<Scratch> Decoder::carve(nn::Carver& carver, size_t n, size_t n_threads) const {
  auto s = std::make_unique<DecoderScratch>();
  s->trunk.carve(carver, trunk_, n);
  s->normed = carver.take<float>(n * shape_.n_embd);
  s->delta = carver.take<float>(n * shape_.n_embd);
  s->ffn.carve(carver, ffn_.scratch_sizes(shape_.n_embd), n);
  s->attention = carve_attention(carver, n, n_threads);
  return s;
}

bool Decoder::run_stage(const nn::Context& context, Forward& f, Scratch& scratch) const {
  auto& s = static_cast<DecoderScratch&>(scratch);
  if (f.stage == 0) return prepare(context, f, *s.attention) && embed(context, trunk_, f);
  if (f.stage + 1 == n_stages()) return predict(context, trunk_, f, s.trunk);
  const size_t n_embd = shape_.n_embd, il = (f.stage - 1) / 2;
  const DecoderLayer& layer = layers_[il];
  const bool attends = f.stage % 2 == 1;
  if (!nn::rms_norm(context, s.normed, n_embd, f.hidden, n_embd, attends ? layer.attn_norm : layer.ffn_norm, f.n, n_embd,
                    trunk_.eps)) {
    return false;
  }
  const bool done = attends       ? attention(context, il, f, s.normed, *s.attention, s.delta)
                    : layer.dense ? nn::ffn(context, layer.dense, s.ffn, s.normed, f.n, s.delta)
                                  : nn::moe(context, layer.moe, s.ffn, s.normed, f.n, s.delta);
  if (!done) return false;
  nn::add_residual(context, f.hidden, s.delta, f.n, n_embd, residual_scale_);
  return true;
}

}  // namespace coterie
