// Architecture: the forward pass of one model family. One file per family; registry.cpp is the one list of them.
// An evaluation is a Forward: a batch of tokens that passes through stages (embedding, two per layer, output head). It can
// stop between stages and within one, and going on later gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "gguf/gguf.h"
#include "kv/kv_cache.h"
#include "nn/context.h"

namespace coterie {

struct ModelShape {
  uint32_t n_layer = 0, n_embd = 0, n_vocab = 0, n_ctx_train = 0;
  KvShape kv;
};

// Working memory of an architecture for one session; each family derives its own.
struct Scratch {
  virtual ~Scratch() = default;
};

// One batch on its way through the model.
struct Forward {
  const int32_t* tokens = nullptr;  // [n] at positions pos .. pos + n - 1
  size_t n = 0, pos = 0;
  size_t call_pos = 0, call_n = 0;  // the call that the batch is a part of: its first position, its number of tokens
  const KvCache* kv = nullptr;
  float* hidden = nullptr;  // [n, n_embd], carried from stage to stage
  float* logits = nullptr;  // [n_logits, n_vocab]: of the last n_logits tokens
  size_t n_logits = 1;
  size_t stage = 0;         // the next to run
};

class Architecture {
 public:
  virtual ~Architecture() = default;
  const ModelShape& shape() const { return shape_; }
  size_t n_stages() const { return 2 + 2 * size_t{shape_.n_layer}; }

  // Lays out the working memory for batches of up to max_tokens; planning and use share the code (nn::Carver).
  virtual std::unique_ptr<Scratch> carve(nn::Carver& carver, size_t max_tokens, size_t n_threads) const = 0;

  // Runs stage forward.stage. False: cancelled; everything a stage reads is unchanged, so it can be run again.
  virtual bool run_stage(const nn::Context& context, Forward& forward, Scratch& scratch) const = 0;

 protected:
  ModelShape shape_;
};

struct LoadContext {
  const Gguf& gguf;
  const Kernels& kernels;
};

// Makes the architecture that general.architecture names. Errors: kUnsupported, listing what is supported; kBadFile.
Status make_architecture(const LoadContext& context, std::unique_ptr<Architecture>* out);

}  // namespace coterie
