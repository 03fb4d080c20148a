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

OutputParser::OutputParser(const Tokenizer& tokenizer, bool chat, std::span<const int32_t> prompt, Tools tools)
    : tokenizer_(tokenizer),
      think_(tokenizer.find(kThink)),
      think_end_(tokenizer.find(kThinkEnd)),
      tools_(std::move(tools)),
      state_(chat ? State::kUndecided : State::kVerbatim),
      drop_space_(drops_space_after(prompt)) {
  if (!chat) return;
  const ToolSyntax syntax = recognise_tool_syntax(tokenizer);
  if (!tools_.empty() || syntax == ToolSyntax::kHarmony) syntax_ = syntax;
  for (std::string_view marker : markers_of(syntax_).tokens) {
    if (const int32_t id = tokenizer.find(marker); id >= 0) markers_.push_back(id);
  }
  if (syntax_ == ToolSyntax::kHarmony) {
    state_ = State::kHeader;
    return;
  }
  is_r1_zero_ = begins_like_r1_zero(tokenizer, prompt);
  const std::string ending = ending_of(tokenizer, prompt);
  if (ending.ends_with(kAssistantPrefix)) leave_out(" ", 1);
  if (ending.ends_with(kThink)) {
    state_ = State::kReasoning;
    leave_out("\n", 2);
  }
}

void OutputParser::push(int32_t token) {
  bytes_.clear();
  tokenizer_.append_piece(token, is_tag(token), &bytes_);
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

// Tokens that the parser knows by their text.
bool OutputParser::is_tag(int32_t token) const {
  return state_ != State::kVerbatim && (token == think_ || token == think_end_ ||
                                        std::find(markers_.begin(), markers_.end(), token) != markers_.end());
}

// Tokens that split text for the tokenizer.
bool OutputParser::is_marker(int32_t token) const {
  const TokenKind kind = tokenizer_.kind(token);
  return is_tag(token) || kind == TokenKind::kControl || kind == TokenKind::kUnknown;
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
      case State::kAnswer: goes_on = syntax_ == ToolSyntax::kHarmony ? read_message(at_end) : scan(at_end); break;
      case State::kCalls: goes_on = syntax_ == ToolSyntax::kHarmony ? read_message(at_end) : take_calls(at_end); break;
      case State::kHeader: goes_on = read_header(at_end); break;
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
  std::span<const std::string_view> begins;  // of calls
  if (state_ == State::kAnswer && syntax_ == ToolSyntax::kLlama) {
    bool is_open = false;
    if (begins_llama_call(at_end, &is_open)) state_ = State::kCalls;
    if (is_open || state_ == State::kCalls) return !is_open;
  } else if (state_ == State::kAnswer) {
    begins = markers_of(syntax_).begins;
  }
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
        emit(size_to_emit(at, at_end));
        return false;
      }
    }
    for (std::string_view begin : begins) {
      if (!rest.starts_with(begin) && (at_end || !begin.starts_with(rest))) continue;
      const bool is_whole = rest.starts_with(begin);
      emit(size_to_emit(at, false));
      if (is_whole) state_ = State::kCalls;
      return is_whole;
    }
  }
  emit(size_to_emit(text_.size(), at_end));
  return false;
}

// Text up to an end, without the white space before it if that may stand before a region of calls.
size_t OutputParser::size_to_emit(size_t end, bool at_end) const {
  if (at_end || state_ != State::kAnswer || tools_.empty() || syntax_ == ToolSyntax::kNone) return end;
  return std::string_view(text_).substr(0, end).find_last_not_of(kWhiteSpace) + 1;
}

// Whether an answer that has not begun yet begins like a call; *is_open while that cannot be told.
bool OutputParser::begins_llama_call(bool at_end, bool* is_open) const {
  if (answer_begun_) return false;
  const std::string_view rest =
      std::string_view(text_).substr(std::min(text_.find_first_not_of(kWhiteSpace), text_.size()));
  for (std::string_view begin : markers_of(syntax_).begins) {
    if (rest.starts_with(begin)) return true;
    *is_open |= !at_end && begin.starts_with(rest);
  }
  return false;
}

// A region of calls stands in front of the text. Returns false while it is open.
bool OutputParser::take_calls(bool at_end) {
  size_t size = at_end ? text_.size() : text_.npos;
  for (std::string_view end : markers_of(syntax_).ends) {
    const size_t at = text_.find(end);
    if (at != text_.npos) size = std::min(size, at + end.size());
  }
  if (size == text_.npos) return false;
  std::vector<ToolCall> calls;
  const size_t understood = parse_tool_calls(syntax_, tools_, std::string_view(text_).substr(0, size), &calls);
  for (ToolCall& call : calls) pieces_.push_back({Piece::kToolCall, {}, std::move(call)});
  text_.erase(0, understood);
  state_ = State::kAnswer;
  answer_begun_ = true;
  n_left_out_ = 0;
  if (understood < size) emit(size - understood);
  if (understood == size) leave_out(kWhiteSpace, kUnlimited);
  return true;
}

// What stands before a message of gpt-oss: "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json",
// in this order or with the recipient before the channel; at the beginning of an answer the prompt holds the first
// part.
bool OutputParser::read_header(bool at_end) {
  static constexpr std::string_view kMessage = "<|message|>", kChannel = "<|channel|>", kRecipient = " to=";
  const size_t end = text_.find(kMessage);
  if (end == text_.npos && !at_end) return false;
  const std::string_view header = std::string_view(text_).substr(0, end);
  const auto word_after = [&](std::string_view mark) {
    const size_t at = header.find(mark);
    if (at == header.npos) return std::string_view();
    const std::string_view rest = header.substr(at + mark.size());
    return rest.substr(0, rest.find_first_of("< \n"));
  };
  const bool is_text = end == text_.npos && header.find("<|") == header.npos;  // no header at all
  recipient_ = word_after(kRecipient);
  state_ = word_after(kChannel) == "analysis" && recipient_.empty() ? State::kReasoning : State::kAnswer;
  if (state_ == State::kAnswer && !recipient_.empty() && !tools_.empty()) state_ = State::kCalls;
  if (!is_text) text_.erase(0, end == text_.npos ? end : end + kMessage.size());
  return true;
}

// The text of a message of gpt-oss, up to what ends it. That of a call is read as a whole.
bool OutputParser::read_message(bool at_end) {
  static constexpr std::string_view kEnds[] = {"<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>"};
  for (size_t at = text_.find("<"); at != text_.npos; at = text_.find("<", at + 1)) {
    const std::string_view rest = std::string_view(text_).substr(at);
    for (std::string_view end : kEnds) {
      if (rest.starts_with(end)) {
        end_message(at);
        if (end != "<|start|>" && end != "<|channel|>") text_.erase(0, end.size());
        state_ = State::kHeader;
        return true;
      }
      if (!at_end && end.starts_with(rest)) {
        if (state_ != State::kCalls) emit(at);
        return false;
      }
    }
  }
  if (at_end) {
    end_message(text_.size());
  } else if (state_ != State::kCalls) {
    emit(text_.size());
  }
  return false;
}

void OutputParser::end_message(size_t n_bytes) {
  ToolCall call;
  if (state_ == State::kCalls && parse_harmony_call(recipient_, std::string_view(text_).substr(0, n_bytes), &call)) {
    pieces_.push_back({Piece::kToolCall, {}, std::move(call)});
    text_.erase(0, n_bytes);
    return;
  }
  if (state_ == State::kCalls) state_ = State::kAnswer;
  emit(n_bytes);
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
    if (pieces_.empty() || pieces_.back().kind != kind) pieces_.push_back({kind});
    pieces_.back().text += text;
  }
  text_.erase(0, n_bytes);
}

}  // namespace coterie
