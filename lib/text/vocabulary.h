// Vocabulary: the tokens of tokenizer.ggml.*, what each is, and the ids with a meaning. Knows no algorithm.
// Metadata keys and token types: ggml docs/gguf.md. Texts are copied, so the Gguf may go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "gguf/gguf.h"
#include "text/token_kind.h"

namespace coterie {

enum class VocabularyModel : uint8_t { kBpe, kSpm };  // tokenizer.ggml.model "gpt2" and "llama"

class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(const Vocabulary&) = delete;  // the indexes point into the texts
  Vocabulary& operator=(const Vocabulary&) = delete;

  Status read(const Gguf& gguf, const Log& log);

  VocabularyModel model() const { return model_; }
  int32_t size() const { return static_cast<int32_t>(kinds_.size()); }
  TokenKind kind(int32_t id) const { return valid(id) ? kinds_[id] : TokenKind::kUndefined; }
  std::string_view text(int32_t id) const { return slice(texts_, text_ends_, id); }  // as the file has it
  float score(int32_t id) const { return scores_[id]; }                              // SPM only

  // Bytes that the token stands for inside text: what detokenising prints, for control and unknown tokens when asked.
  std::string_view piece(int32_t id) const { return slice(pieces_, piece_ends_, id); }

  // The token that merging symbols into text can give, -1 if none. Tokens that are only ever matched as a whole
  // (control, user-defined, unknown) or stand for something else (byte, unused) are not among them.
  int32_t find_mergeable(std::string_view text) const { return lookup(mergeable_, text); }
  bool is_mergeable(int32_t id) const { return kind(id) == TokenKind::kNormal || kind(id) == TokenKind::kUndefined; }

  int32_t find(std::string_view text) const;

  bool is_end(int32_t id) const { return valid(id) && ends_[id]; }
  int32_t byte_token(uint8_t byte) const { return byte_tokens_[byte]; }  // -1: none
  int32_t bos = -1, eos = -1, unknown = -1;                              // -1: none

 private:
  using TextIndex = std::unordered_map<std::string_view, int32_t>;

  bool valid(int32_t id) const { return id >= 0 && id < size(); }
  std::string_view slice(const std::string& all, const std::vector<uint32_t>& ends, int32_t id) const;
  static int32_t lookup(const TextIndex& index, std::string_view text);

  Status read_model(const Gguf& gguf);
  Status read_texts(const Gguf& gguf);
  Status read_kinds(const Gguf& gguf, const Log& log);
  Status read_scores(const Gguf& gguf, const Log& log);
  Status read_special_ids(const Gguf& gguf, const Log& log);
  Status read_special_id(const Gguf& gguf, const Log& log, const char* key, int32_t fallback, int32_t* id) const;
  Status mark_ends(const Gguf& gguf, const Log& log);
  void mark_harmony_ends();
  void index_texts();
  void make_pieces(const Log& log);
  void append_piece(int32_t id, int32_t byte);

  VocabularyModel model_ = VocabularyModel::kBpe;
  std::string texts_, pieces_;                    // one after the other
  std::vector<uint32_t> text_ends_, piece_ends_;  // [size]
  std::vector<TokenKind> kinds_;                  // [size]
  std::vector<float> scores_;                     // [size], BPE: empty
  std::vector<bool> ends_;                        // [size]
  int32_t byte_tokens_[256];
  TextIndex mergeable_, others_;  // keys point into texts_; of equal texts the last token counts
};

}  // namespace coterie
