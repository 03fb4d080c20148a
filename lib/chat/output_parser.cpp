#include "chat/output_parser.h"

#include <algorithm>
#include <utility>

#include "chat/markers.h"

namespace coterie {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr size_t kUnlimited = static_cast<size_t>(-1);

// The end of the prompt as text without trailing white space; long enough for every tag in single letters.
std::string ending_of(const Tokenizer& tokenizer, std::span<const int32_t> prompt) {
  std::string text;
  for (int32_t token : prompt.last(std::min<size_t>(prompt.size(), 32))) tokenizer.append_piece(token, true, &text);
  text.erase(text.find_last_not_of(kWhiteSpace) + 1);
  return text;
}

bool begins_like_r1_zero(const Tokenizer& tokenizer, std::span<const int32_t> prompt) {
  const std::string_view expected = kR1ZeroIntroduction.substr(0, kR1ZeroIntroduction.find(kThink));
  std::string text;
  for (int32_t token : prompt) {
    tokenizer.append_piece(token, false, &text);
    if (text.size() > expected.size()) break;  // one more than needed: SPM puts a space first
  }
  return std::string_view(text).substr(text.starts_with(' ')).starts_with(expected);
}

}  // namespace

OutputParser::OutputParser(const Tokenizer& tokenizer, bool chat, std::span<const int32_t> prompt)
    : tokenizer_(tokenizer),
      think_(tokenizer.find(kThink)),
      think_end_(tokenizer.find(kThinkEnd)),
      state_(chat ? State::kUndecided : State::kVerbatim),
      drop_space_(drops_space_after(prompt)) {
  if (!chat) return;
  is_r1_zero_ = begins_like_r1_zero(tokenizer, prompt);
  const std::string ending = ending_of(tokenizer, prompt);
  if (ending.ends_with(kAssistantPrefix)) leave_out(" ", 1);
  if (ending.ends_with(kThink)) {
    state_ = State::kReasoning;
    leave_out("\n", 2);
  }
}

void OutputParser::push(int32_t token) {
  const bool is_tag = state_ != State::kVerbatim && (token == think_ || token == think_end_);
  bytes_.clear();
  tokenizer_.append_piece(token, is_tag, &bytes_);
  const bool begins_with_space = bytes_.starts_with(' ') && tokenizer_.kind(token) == TokenKind::kNormal;
  if (drop_space_ && begins_with_space) bytes_.erase(0, 1);
  drop_space_ = is_marker(token) && (drop_space_ || (state_ != State::kVerbatim && tokenizer_.drops_leading_space()));
  utf8_.push(bytes_, &text_);
  parse(false);
}

void OutputParser::finish() {
  utf8_.finish(&text_);
  parse(true);
}

bool OutputParser::take(Piece* out) {
  if (pieces_.empty()) return false;
  *out = std::move(pieces_.front());
  pieces_.pop_front();
  return true;
}

// Tokens that split text for the tokenizer.
bool OutputParser::is_marker(int32_t token) const {
  const TokenKind kind = tokenizer_.kind(token);
  const bool is_tag = state_ != State::kVerbatim && (token == think_ || token == think_end_);
  return is_tag || kind == TokenKind::kControl || kind == TokenKind::kUnknown;
}

// Plain text goes on after words, and begins only after control tokens alone. In a chat every marker begins a new text.
bool OutputParser::drops_space_after(std::span<const int32_t> prompt) const {
  if (!tokenizer_.drops_leading_space()) return false;
  if (state_ != State::kVerbatim) return prompt.empty() || is_marker(prompt.back());
  return std::all_of(prompt.begin(), prompt.end(), [&](int32_t token) { return is_marker(token); });
}

void OutputParser::parse(bool at_end) {
  bool goes_on = true;
  while (goes_on && !text_.empty()) {
    switch (state_) {
      case State::kVerbatim: emit(text_.size()); break;
      case State::kUndecided: goes_on = decide(at_end); break;
      case State::kReasoning:
      case State::kAnswer: goes_on = scan(at_end); break;
    }
  }
}

// Is what the model begins with <think>? Returns false while that is open.
bool OutputParser::decide(bool at_end) {
  const size_t begin = std::min(text_.find_first_not_of(kWhiteSpace), text_.size());
  const std::string_view rest = std::string_view(text_).substr(begin);
  if (rest.starts_with(kThink)) {
    text_.erase(0, begin + kThink.size());
    state_ = State::kReasoning;
    leave_out("\n", 2);
  } else if (at_end || !kThink.starts_with(rest)) {
    state_ = State::kAnswer;
  } else {
    return false;
  }
  return true;
}

// Emits text up to the first tag and passes that, or up to what may become one. Returns whether it passed a tag.
bool OutputParser::scan(bool at_end) {
  static constexpr std::string_view kTags[] = {kThinkEnd, kAnswerTag, kAnswerTagEnd};
  const std::span<const std::string_view> tags(kTags, is_r1_zero_ && state_ == State::kAnswer ? 3 : 1);
  for (size_t at = text_.find('<'); at != text_.npos; at = text_.find('<', at + 1)) {
    const std::string_view rest = std::string_view(text_).substr(at);
    for (std::string_view tag : tags) {
      if (rest.starts_with(tag)) {
        emit(at);
        text_.erase(0, tag.size());
        pass_tag();
        return true;
      }
      if (!at_end && tag.starts_with(rest)) {
        emit(at);
        return false;
      }
    }
  }
  emit(text_.size());
  return false;
}

void OutputParser::pass_tag() {
  state_ = State::kAnswer;
  if (answer_begun_) return;
  if (is_r1_zero_) {
    leave_out(kWhiteSpace, kUnlimited);
  } else {
    leave_out("\n", 2);
  }
}

void OutputParser::leave_out(std::string_view characters, size_t at_most) {
  left_out_ = characters;
  n_left_out_ = at_most;
}

// Moves the first n_bytes of text_ to the pieces, less what is left out at a beginning.
void OutputParser::emit(size_t n_bytes) {
  std::string_view text = std::string_view(text_).substr(0, n_bytes);
  while (n_left_out_ > 0 && !text.empty() && left_out_.find(text[0]) != left_out_.npos) {
    text.remove_prefix(1);
    --n_left_out_;
  }
  if (!text.empty()) {
    const Piece::Kind kind = state_ == State::kReasoning ? Piece::kReasoning : Piece::kAnswer;
    n_left_out_ = 0;
    answer_begun_ |= kind == Piece::kAnswer;
    if (pieces_.empty() || pieces_.back().kind != kind) pieces_.push_back({kind, {}});
    pieces_.back().text += text;
  }
  text_.erase(0, n_bytes);
}

}  // namespace coterie
