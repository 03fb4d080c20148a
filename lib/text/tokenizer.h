// Tokenizer: text to ids and back, exactly as the model was trained with. Immutable and shared by threads.
// Byte-level BPE ("gpt2") and SentencePiece-style SPM ("llama") vocabularies from GGUF metadata.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "gguf/gguf.h"
#include "text/special_matcher.h"
#include "text/token_kind.h"

namespace coterie {

class Tokenizer {
 public:
  // Reads tokenizer.*; warnings (unknown token types, ids out of range) go to log. The Gguf may go afterwards.
  // Errors: kBadFile for lists that contradict each other, kUnsupported for an unknown model or pre-tokenizer.
  static Status create(const Gguf& gguf, const Log& log, std::unique_ptr<Tokenizer>* out);
  ~Tokenizer();

  // Appends the ids of text. add_special: BOS/EOS as the file asks. parse_special: control tokens are recognised in
  // text (user-defined ones always are), so pass it for templates and never for what users typed.
  // Bytes that are not UTF-8: byte-level BPE reads each as U+FFFD, SPM keeps it as a byte token.
  // Errors: kInvalidArgument for a text above 1 GiB. Time is n log n at most.
  Status tokenize(std::string_view text, bool add_special, bool parse_special, std::vector<int32_t>* out) const;

  // Appends where tokenize finds control tokens in text with parse_special, in order.
  void find_control(std::string_view text, std::vector<SpecialMatch>* out) const;

  // Appends the bytes of one token as it appears inside text (an SPM space stays). Ids out of range append nothing.
  void append_piece(int32_t id, bool render_special, std::string* out) const;
  // The text of ids: pieces joined; SPM drops the space that tokenize put first.
  std::string detokenize(const int32_t* ids, size_t n, bool render_special) const;
  // Whether detokenize drops the space with which the first token begins that is not a control token, if that is a
  // normal one (SPM with add_space_prefix).
  bool drops_leading_space() const;

  int32_t n_vocab() const;                          // tokens listed in the file
  int32_t find(std::string_view token_text) const;  // plain text of special and user-defined tokens, else raw text; -1
  TokenKind kind(int32_t id) const;                 // kUndefined for ids out of range
  bool is_end(int32_t id) const;                    // ends a generation
  int32_t bos() const;                              // -1: none
  int32_t eos() const;                              // -1: none
  bool adds_bos() const;
  std::string_view chat_template() const;  // Jinja source from the file, or empty

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace coterie
