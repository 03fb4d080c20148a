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

namespace coterie {

enum class TokenKind : uint8_t { kUndefined = 0, kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

class Tokenizer {
 public:
  // Reads tokenizer.ggml.*; warnings (unknown optional keys, ids out of range) go to log.
  // Errors: kBadFile for lists that contradict each other, kUnsupported for an unknown model or pre-tokenizer.
  static Status create(const Gguf& gguf, const Log& log, std::unique_ptr<Tokenizer>* out);
  virtual ~Tokenizer() = default;

  // Appends the ids of text. add_special: BOS/EOS as the file asks. parse_special: control tokens are recognised in
  // text (user-defined ones always are). Invalid UTF-8: each bad byte counts as U+FFFD for splitting.
  Status tokenize(std::string_view text, bool add_special, bool parse_special, std::vector<int32_t>* out) const;

  // Appends the bytes of one token as it appears inside text (an SPM space stays). Ids out of range append nothing.
  void append_piece(int32_t id, bool render_special, std::string* out) const;
  // The text of ids: pieces joined; SPM drops the space that tokenize put first.
  std::string detokenize(const int32_t* ids, size_t n, bool render_special) const;
  // Whether detokenize drops a leading space after the given prefix of control tokens (SPM with add_space_prefix).
  bool drops_leading_space() const;

  int32_t n_vocab() const;                         // tokens listed in the file
  int32_t find(std::string_view token_text) const;  // by plain text of special and user-defined tokens, else raw text; -1
  TokenKind kind(int32_t id) const;
  bool is_end(int32_t id) const;                   // ends a generation
  int32_t bos() const;                             // -1: none
  int32_t eos() const;
  bool adds_bos() const;
  std::string_view chat_template() const;          // Jinja source from the file, or empty
};

}  // namespace coterie
