// OutputParser: the tokens of an answer, one by one, to what they say: whole UTF-8 characters of reasoning and answer,
// and calls of tools.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "chat/tool_calls.h"
#include "text/tokenizer.h"
#include "text/utf8_stream.h"

namespace coterie {

struct Piece {
  enum Kind : uint8_t { kAnswer, kReasoning, kToolCall } kind = kAnswer;
  std::string text = {};  // never empty, but for a call
  ToolCall call = {};
};

// With chat = false everything is answer text as it stands; control tokens have no text.
//
// With chat = true the format is read off the prompt and the answer itself:
//   - Reasoning begins with the answer if the prompt ends in <think>, or at a <think> before anything but white space.
//   - It ends at the first </think>, as a token or as letters. A later </think> is left out.
//   - Up to two newlines after <think> and </think> are left out.
//   - After a prompt that ends in "Assistant:" (V2, R1-Zero) one space at the beginning is left out.
//   - After a prompt of R1-Zero the tags <answer> and </answer> are left out, and the white space before the answer.
// Text that may yet become a tag is held back until it is clear.
// For gpt-oss, which writes messages to channels: "analysis" is reasoning, all others are answer.
//
// With tools, calls in the notation of the model's chat template are read out of the answer (not out of reasoning):
//   - A call is reported when the region of calls that it stands in has ended. White space around regions is left out.
//   - What is no call stays: a region is answer text, markers included, from where no whole call with a name and a JSON
//     object can be read; also when the answer ends inside of it. Calls before that place are reported.
//   - Where a whole answer may be a call (Llama 3) it is held back until its end if it begins like one, and is a call
//   if it
//     names one of the tools.
class OutputParser {
 public:
  // Keeps the tokenizer. Tools are for chats only.
  OutputParser(const Tokenizer& tokenizer, bool chat, std::span<const int32_t> prompt, Tools tools = {});

  void push(int32_t token);
  void finish();  // the answer is over: what was held back is text; half a character becomes U+FFFD

  // Takes a call, or all text of one kind, that is ready, oldest first; false if there is none.
  bool take(Piece* out);

 private:
  enum class State : uint8_t { kVerbatim, kUndecided, kReasoning, kAnswer, kCalls, kHeader };

  bool is_tag(int32_t token) const;
  bool is_marker(int32_t token) const;
  bool drops_space_after(std::span<const int32_t> prompt) const;
  void parse(bool at_end);
  bool decide(bool at_end);
  bool scan(bool at_end);
  bool begins_llama_call(bool at_end, bool* is_open) const;
  bool take_calls(bool at_end);
  bool read_header(bool at_end);
  bool read_message(bool at_end);
  void end_message(size_t n_bytes);
  size_t size_to_emit(size_t end, bool at_end) const;
  void leave_out(std::string_view characters, size_t at_most);
  void pass_tag();
  void emit(size_t n_bytes);

  const Tokenizer& tokenizer_;
  const int32_t think_, think_end_;  // ids, -1: none
  const Tools tools_;
  ToolSyntax syntax_ = ToolSyntax::kNone;  // in which calls are read; kHarmony also without tools
  std::vector<int32_t> markers_;           // ids whose text the syntax needs
  std::string recipient_;                  // of a message of kHarmony
  State state_;
  bool is_r1_zero_ = false;
  bool drop_space_;  // SPM: the next token's leading space is the one that tokenising puts first
  bool answer_begun_ = false;
  std::string_view left_out_;  // characters that are left out at the beginning of the text to come,
  size_t n_left_out_ = 0;      // at most so many

  std::string bytes_;  // of the token being pushed
  Utf8Stream utf8_;
  std::string text_;  // whole characters not yet emitted
  std::deque<Piece> pieces_;
};

}  // namespace coterie
