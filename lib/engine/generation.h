// Generation: one answer being written on a session. The host polls it; each call does as much work as the next event takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "chat/output_parser.h"
#include "engine/session.h"
#include "sampling/sampler.h"

namespace coterie {

struct Event {
  enum Type : int32_t { kPrompt = 1, kText = 2, kReasoning = 3, kEnd = 4, kToolCall = 5 };
  enum Reason : int32_t { kNone = 0, kStop = 1, kLength = 2, kCancelled = 3, kError = 4 };
  Type type = kEnd;
  Reason reason = kNone;
  std::string_view text;             // lives until the next event
  const ToolCall* call = nullptr;    // likewise, of kToolCall
  std::span<const int32_t> tokens;   // likewise: those chosen since the previous event
  size_t n_done = 0, n_total = 0;    // tokens of the prompt
};

class Generation {
 public:
  struct Options {
    SamplingOptions sampling;
    uint32_t max_tokens = 0;  // 0: until the model stops or the context is full
    bool chat = false;        // separate reasoning from answer
    std::string_view tools;   // JSON; with chat: separate calls of these
  };
  static Status create(Session& session, std::span<const int32_t> prompt, const Options& options,
                       std::unique_ptr<Generation>* out);
  ~Generation();

  Status next(Event* event);
  // From any thread: the running or next call of next() ends the generation.
  void request_cancel();

 private:
  Generation(Session& session, std::span<const int32_t> prompt, const Options& options, Tools tools);
  Status evaluate_prompt(Event* event);
  Status choose_token();  // samples one token and hands it to the parser
  void end(Event::Reason reason);
  // Turns a cancelled evaluation into the end of the generation; other errors end it and are reported.
  Status end_on(Status status);
  bool take_text(Event* event);

  Session& session_;
  std::vector<int32_t> prompt_;
  uint32_t n_left_;               // tokens that may still be chosen
  Sampler sampler_;
  OutputParser parser_;
  std::vector<uint8_t> banned_;   // [n_vocab] tokens that are never chosen
  bool prompt_done_ = false;
  int32_t pending_ = -1;          // chosen, not yet evaluated
  std::vector<int32_t> tokens_;   // chosen since the previous event
  std::vector<int32_t> reported_; // those of the last event
  Piece piece_;                   // text or call of the last event
  Event::Reason reason_ = Event::kNone;
  std::mutex end_mutex_;  // a cancel request and the end do not overlap, so that none outlives the generation
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> ended_{false};
};

}  // namespace coterie
