#include "engine/model.h"

#include "base/float_mode.h"

namespace coterie {

Status Model::load(const Engine& engine, const std::string& path, std::unique_ptr<Model>* out) {
  const FloatMode mode;  // set-up computes constants of the forward pass
  std::unique_ptr<Model> model(new Model(engine));
  COTERIE_RETURN_IF_ERROR(Gguf::open(path, &model->gguf_));
  COTERIE_RETURN_IF_ERROR(make_architecture({*model->gguf_, engine.kernels()}, &model->architecture_));
  COTERIE_RETURN_IF_ERROR(Tokenizer::create(*model->gguf_, engine.log(), &model->tokenizer_));
  const int32_t n_tokens = model->tokenizer_->n_vocab();
  if (n_tokens > static_cast<int64_t>(model->shape().n_vocab)) {
    return Error(Code::kBadFile, "tensor token_embd.weight: %u rows, expected at least the %d tokens of the vocabulary",
                 model->shape().n_vocab, n_tokens);
  }
  *out = std::move(model);
  return {};
}

}  // namespace coterie
