#include "engine/session.h"

#include <algorithm>
#include <cstring>

#include "base/float_mode.h"

namespace coterie {

Status Session::create(const Model& model, const Options& options, std::unique_ptr<Session>* out) {
  constexpr uint32_t kDefaultContext = 4096, kMostContext = 1u << 28;
  constexpr uint32_t kDefaultChunk = 512, kMostChunk = 2048;
  std::unique_ptr<Session> s(new Session(model));
  const ModelShape& shape = model.shape();
  s->n_ctx_ = options.n_ctx != 0 ? options.n_ctx : std::min(shape.n_ctx_train, kDefaultContext);
  if (s->n_ctx_ > kMostContext) {
    return Error(Code::kInvalidArgument, "n_ctx: %u, expected at most %u", s->n_ctx_, kMostContext);
  }
  if (s->n_ctx_ > shape.n_ctx_train) {
    model.engine().log().write(LogLevel::kWarning, "n_ctx %u is beyond the %u tokens the model was trained for", s->n_ctx_,
                               shape.n_ctx_train);
  }
  s->n_chunk_ = std::min({options.n_chunk != 0 ? options.n_chunk : kDefaultChunk, kMostChunk, s->n_ctx_});
  COTERIE_RETURN_IF_ERROR(KvCache::create(shape.kv, options.kv_type, s->n_ctx_, &s->kv_));

  auto carve = [&](std::byte* base, size_t* used) {
    nn::Carver carver(base);
    s->last_logits_ = carver.take<float>(shape.n_vocab);
    s->forward_tokens_ = carver.take<int32_t>(s->n_chunk_);
    s->forward_.hidden = carver.take<float>(size_t{s->n_chunk_} * shape.n_embd);
    s->scratch_ = model.architecture().carve(carver, s->n_chunk_, model.engine().arena().n_threads());
    *used = carver.used();
  };
  size_t bytes;
  carve(nullptr, &bytes);
  COTERIE_RETURN_IF_ERROR(Buffer::allocate(bytes, "session scratch", &s->memory_));
  carve(s->memory_.data(), &bytes);
  s->tokens_.reserve(s->n_ctx_);
  s->forward_.tokens = s->forward_tokens_;
  s->forward_.kv = &s->kv_;
  model.engine().log().write(LogLevel::kInfo, "session: %u tokens of context, %zu bytes of scratch, %zu bytes of cache a token",
                             s->n_ctx_, bytes, s->kv_.bytes_per_token());
  *out = std::move(s);
  return {};
}

Status Session::check(std::span<const int32_t> tokens, size_t n_held) const {
  if (tokens.empty()) return Error(Code::kInvalidArgument, "tokens: none, expected at least one");
  if (tokens.size() > n_ctx_ - n_held) {
    return Error(Code::kContextFull, "%zu tokens and %zu held do not fit into a context of %u", tokens.size(), n_held, n_ctx_);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || static_cast<uint32_t>(tokens[i]) >= model_.shape().n_vocab) {
      return Error(Code::kInvalidArgument, "token %zu: id %d, expected 0 to %u", i, tokens[i], model_.shape().n_vocab - 1);
    }
  }
  return {};
}

Status Session::sync(std::span<const int32_t> tokens) {
  size_t done = 0;
  do COTERIE_RETURN_IF_ERROR(sync_chunk(tokens, &done));
  while (done < tokens.size());
  return {};
}

Status Session::sync_chunk(std::span<const int32_t> tokens, size_t* done) {
  COTERIE_RETURN_IF_ERROR(check(tokens, 0));
  size_t shared = static_cast<size_t>(
      std::mismatch(tokens.begin(), tokens.end(), tokens_.begin(), tokens_.end()).first - tokens.begin());
  const bool complete = shared == tokens.size() && tokens_.size() == shared && has_logits_;
  if (!complete && shared == tokens.size()) --shared;  // its logits are gone: evaluate the last token again
  if (shared < tokens_.size()) call_ = {};
  tokens_.resize(shared);
  if (!complete) {
    const auto chunk = next_chunk(tokens.subspan(shared));
    const bool last = shared + chunk.size() == tokens.size();
    has_logits_ = false;
    COTERIE_RETURN_IF_ERROR(evaluate(chunk, tokens.size(), last ? 1 : 0, last_logits_));
    has_logits_ = last;
  }
  *done = tokens_.size();
  return {};
}

Status Session::append(std::span<const int32_t> tokens, float* logits) {
  COTERIE_RETURN_IF_ERROR(check(tokens, tokens_.size()));
  const size_t n_vocab = model_.shape().n_vocab, end = tokens_.size() + tokens.size();
  for (size_t i = 0; i < tokens.size();) {
    const auto chunk = next_chunk(tokens.subspan(i));
    i += chunk.size();
    const bool last = i == tokens.size();
    const size_t n_logits = logits != nullptr ? chunk.size() : last ? 1 : 0;
    has_logits_ = false;
    COTERIE_RETURN_IF_ERROR(evaluate(chunk, end, n_logits, logits != nullptr ? logits : last_logits_));
    if (logits != nullptr) {
      logits += n_logits * n_vocab;
      if (last) std::memcpy(last_logits_, logits - n_vocab, n_vocab * sizeof(float));
    }
    has_logits_ = last;
  }
  return {};
}

std::span<const int32_t> Session::next_chunk(std::span<const int32_t> tokens) const {
  const size_t n_chunks = (tokens.size() + n_chunk_ - 1) / n_chunk_;
  return tokens.first((tokens.size() + n_chunks - 1) / n_chunks);
}

bool Session::resumes(std::span<const int32_t> chunk, size_t n_logits, const float* logits) const {
  const Forward& f = forward_;
  return f.stage != 0 && f.pos == tokens_.size() && f.call_pos == call_.begin &&
         f.call_n == call_.end - call_.begin && f.n_logits == n_logits && f.logits == logits &&
         std::equal(chunk.begin(), chunk.end(), f.tokens, f.tokens + f.n);
}

Status Session::evaluate(std::span<const int32_t> chunk, size_t end, size_t n_logits, float* logits) {
  if (call_.end != end) call_ = {tokens_.size(), end};
  Forward& f = forward_;
  if (!resumes(chunk, n_logits, logits)) {
    std::copy(chunk.begin(), chunk.end(), forward_tokens_);
    f.n = chunk.size();
    f.pos = tokens_.size();
    f.call_pos = call_.begin;
    f.call_n = call_.end - call_.begin;
    f.n_logits = n_logits;
    f.logits = logits;
    f.stage = 0;
  }
  const FloatMode mode;
  const nn::Context context{model_.engine().kernels(), model_.engine().arena(), &cancel_};
  const size_t n_stages = model_.architecture().n_stages() - (n_logits == 0 ? 1 : 0);  // without logits, no output head
  for (; f.stage < n_stages; ++f.stage) {
    if (cancel_.load(std::memory_order_relaxed) || !model_.architecture().run_stage(context, f, *scratch_)) {
      clear_cancel();
      return Error(Code::kCancelled, "cancelled with %zu tokens held", tokens_.size());
    }
  }
  f.stage = 0;
  tokens_.insert(tokens_.end(), chunk.begin(), chunk.end());
  if (tokens_.size() == end) call_ = {};
  return {};
}

}  // namespace coterie
