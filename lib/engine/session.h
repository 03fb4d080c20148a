// Session: one timeline: cache, tokens held and logits. One thread at a time, but for request_cancel().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/memory.h"
#include "engine/model.h"
#include "kv/kv_cache.h"

namespace coterie {

class Session {
 public:
  struct Options {
    uint32_t n_ctx = 0;    // 0: the model's training context, at most 4096
    uint32_t n_chunk = 0;  // 0: 512
    TensorType kv_type = TensorType::F16;
  };
  static Status create(const Model& model, const Options& options, std::unique_ptr<Session>* out);

  // Holds exactly tokens afterwards, with the logits after the last: keeps the shared prefix, evaluates the rest.
  Status sync(std::span<const int32_t> tokens);
  // The same by at most one chunk of evaluation; *done is the number of tokens held that the session shares with tokens.
  // Finished when *done == tokens.size().
  Status sync_chunk(std::span<const int32_t> tokens, size_t* done);
  // Appends tokens; logits (null or [n, n_vocab]) receives a row per token.
  Status append(std::span<const int32_t> tokens, float* logits);

  const float* logits() const { return has_logits_ ? last_logits_ : nullptr; }
  std::span<const int32_t> tokens() const { return tokens_; }
  uint32_t n_ctx() const { return n_ctx_; }
  const Model& model() const { return model_; }

  // From any thread: the evaluation under way, or else the next, returns kCancelled.
  void request_cancel() { cancel_.store(true, std::memory_order_relaxed); }
  void clear_cancel() { cancel_.store(false, std::memory_order_relaxed); }

 private:
  explicit Session(const Model& model) : model_(model) {}
  // A call behind the tokens held: it makes the session hold `end` tokens. What is computed may depend on where it begins
  // and ends (rule 6 of docs/arithmetic.md), and what was computed must not depend on a cancellation: a call that brings an
  // interrupted one to its end is a part of that one.
  struct Call {
    size_t begin = 0, end = 0;  // end 0: none
  };
  Status check(std::span<const int32_t> tokens, size_t n_held) const;
  // The next chunk of tokens still to be evaluated, which belong to one call: all of its chunks are about equally long.
  std::span<const int32_t> next_chunk(std::span<const int32_t> tokens) const;
  // Evaluates one chunk of the call that ends with `end` tokens held, and takes it into them. logits: rows for the last
  // n_logits tokens.
  Status evaluate(std::span<const int32_t> chunk, size_t end, size_t n_logits, float* logits);
  bool resumes(std::span<const int32_t> chunk, size_t n_logits, const float* logits) const;

  const Model& model_;
  uint32_t n_ctx_ = 0, n_chunk_ = 0;
  KvCache kv_;
  Buffer memory_;
  std::unique_ptr<Scratch> scratch_;
  float* last_logits_ = nullptr;     // [n_vocab]
  bool has_logits_ = false;          // last_logits_ are those after the last token held
  std::vector<int32_t> tokens_;      // held; capacity n_ctx
  Call call_;                        // under way or interrupted
  Forward forward_;                  // the evaluation under way; stage 0: none
  int32_t* forward_tokens_ = nullptr;  // [n_chunk] its tokens
  std::atomic<bool> cancel_{false};
};

}  // namespace coterie
