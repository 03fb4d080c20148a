// Model: a loaded file: its mapping, its tokenizer and its architecture. Immutable, shared by threads.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "gguf/gguf.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace coterie {

class Model {
 public:
  static Status load(const Engine& engine, const std::string& path, std::unique_ptr<Model>* out);

  const Engine& engine() const { return engine_; }
  const Gguf& gguf() const { return *gguf_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const Architecture& architecture() const { return *architecture_; }
  const ModelShape& shape() const { return architecture_->shape(); }

 private:
  explicit Model(const Engine& engine) : engine_(engine) {}
  const Engine& engine_;
  std::unique_ptr<Gguf> gguf_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Architecture> architecture_;
};

}  // namespace coterie
