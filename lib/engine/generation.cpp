#include "engine/generation.h"

#include "base/float_mode.h"

namespace coterie {
namespace {

// Unused slots of the vocabulary, and rows of the output head beyond it.
std::vector<uint8_t> banned_tokens(const Model& model) {
  std::vector<uint8_t> banned(model.shape().n_vocab, 1);
  const Tokenizer& tokenizer = model.tokenizer();
  for (int32_t id = 0; id < tokenizer.n_vocab(); ++id) banned[id] = tokenizer.kind(id) == TokenKind::kUnused;
  return banned;
}

}  // namespace

Status Generation::create(Session& session, std::span<const int32_t> prompt, const Options& options,
                          std::unique_ptr<Generation>* out) {
  if (prompt.empty()) return Error(Code::kInvalidArgument, "prompt: no tokens, expected at least one");
  COTERIE_RETURN_IF_ERROR(validate(options.sampling));
  Tools tools;
  COTERIE_RETURN_IF_ERROR(Tools::parse(options.tools, &tools));
  if (!tools.empty() && !options.chat) {
    return Error(Code::kInvalidArgument, "tools: with output text, expected output chat");
  }
  const FloatMode mode;
  out->reset(new Generation(session, prompt, options, std::move(tools)));
  return {};
}

Generation::Generation(Session& session, std::span<const int32_t> prompt, const Options& options, Tools tools)
    : session_(session),
      prompt_(prompt.begin(), prompt.end()),
      n_left_(options.max_tokens == 0 ? UINT32_MAX : options.max_tokens),
      sampler_(options.sampling, session.model().shape().n_vocab),
      parser_(session.model().tokenizer(), options.chat, prompt, std::move(tools)),
      banned_(banned_tokens(session.model())) {}

Generation::~Generation() {
  if (!ended_ && cancelled_) session_.clear_cancel();
}

void Generation::request_cancel() {
  const std::lock_guard lock(end_mutex_);
  if (ended_) return;
  cancelled_ = true;
  session_.request_cancel();
}

void Generation::end(Event::Reason reason) {
  parser_.finish();
  reason_ = reason;
  const std::lock_guard lock(end_mutex_);
  ended_ = true;
  if (cancelled_) session_.clear_cancel();
}

Status Generation::end_on(Status status) {
  if (status.ok()) return status;
  const bool cancelled = status.code() == Code::kCancelled;
  end(cancelled ? Event::kCancelled : Event::kError);
  return cancelled ? Status() : status;
}

bool Generation::take_text(Event* event) {
  if (!parser_.take(&piece_)) return false;
  event->type = piece_.kind == Piece::kReasoning  ? Event::kReasoning
                : piece_.kind == Piece::kToolCall ? Event::kToolCall
                                                  : Event::kText;
  event->text = piece_.text;
  if (piece_.kind == Piece::kToolCall) event->call = &piece_.call;
  return true;
}

Status Generation::evaluate_prompt(Event* event) {
  size_t done = 0;
  COTERIE_RETURN_IF_ERROR(end_on(session_.sync_chunk(prompt_, &done)));
  if (ended_) return {};
  prompt_done_ = done == prompt_.size();
  event->type = Event::kPrompt;
  event->n_done = done;
  event->n_total = prompt_.size();
  return {};
}

Status Generation::choose_token() {
  if (pending_ >= 0) {
    if (session_.tokens().size() == session_.n_ctx()) {
      end(Event::kLength);
      return {};
    }
    COTERIE_RETURN_IF_ERROR(end_on(session_.append({&pending_, 1}, nullptr)));
    if (ended_) return {};
    pending_ = -1;
  }
  if (session_.logits() == nullptr) {
    return end_on(Error(Code::kInvalidArgument, "session: used otherwise while a generation ran on it"));
  }
  const int32_t token = sampler_.sample(session_.logits(), session_.tokens(), banned_);
  if (token < 0) {
    return end_on(Error(Code::kInternal, "logits after %zu tokens: not one is a number", session_.tokens().size()));
  }
  tokens_.push_back(token);
  pending_ = token;
  if (session_.model().tokenizer().is_end(token)) {
    end(Event::kStop);
    return {};
  }
  parser_.push(token);
  if (--n_left_ == 0) end(Event::kLength);
  return {};
}

Status Generation::next(Event* event) {
  *event = Event();
  reported_.clear();
  if (!ended_ && cancelled_) end(Event::kCancelled);
  if (!ended_ && !prompt_done_) {
    COTERIE_RETURN_IF_ERROR(evaluate_prompt(event));
    if (!ended_) return {};
  }
  while (!take_text(event)) {
    if (ended_) {
      event->type = Event::kEnd;
      event->reason = reason_;
      break;
    }
    COTERIE_RETURN_IF_ERROR(choose_token());
  }
  reported_.swap(tokens_);
  event->tokens = reported_;
  return {};
}

}  // namespace coterie
