// OutputParser: the tokens of an answer, one by one, to text: whole UTF-8 characters, reasoning apart from the answer.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "text/utf8_stream.h"

namespace coterie {

struct Piece {
  enum Kind : uint8_t { kAnswer, kReasoning } kind = kAnswer;
  std::string text;  // never empty
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
class OutputParser {
 public:
  OutputParser(const Tokenizer& tokenizer, bool chat, std::span<const int32_t> prompt);  // keeps the tokenizer only

  void push(int32_t token);
  void finish();  // the answer is over: what was held back is text; half a character becomes U+FFFD

  // Takes all text of one kind that is ready, oldest first; false if there is none.
  bool take(Piece* out);

 private:
  enum class State : uint8_t { kVerbatim, kUndecided, kReasoning, kAnswer };

  bool is_marker(int32_t token) const;
  bool drops_space_after(std::span<const int32_t> prompt) const;
  void parse(bool at_end);
  bool decide(bool at_end);
  bool scan(bool at_end);
  void leave_out(std::string_view characters, size_t at_most);
  void pass_tag();
  void emit(size_t n_bytes);

  const Tokenizer& tokenizer_;
  const int32_t think_, think_end_;  // ids, -1: none
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
