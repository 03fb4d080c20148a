// Small vocabularies for tests of chats: the markers of DeepSeek-V3, all bytes, a few merges, and what a test adds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/gguf_builder.h"
#include "text/tokenizer.h"

namespace coterie::test {

inline constexpr const char* kBos = "<｜begin▁of▁sentence｜>";
inline constexpr const char* kEos = "<｜end▁of▁sentence｜>";

inline std::unique_ptr<Tokenizer> make_tokenizer(const GgufBuilder& builder) {
  const Bytes file = builder.build();
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Tokenizer> tokenizer;
  Status status = Gguf::parse(file, "vocabulary", &gguf);
  if (status.ok()) status = Tokenizer::create(*gguf, Log(), &tokenizer);
  if (!status.ok()) throw std::runtime_error(status.message());
  return tokenizer;
}

// Bytes in the spelling of byte-level BPE (GPT-2's bytes_to_unicode).
inline std::string mapped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    const auto stands_for_itself = [](unsigned x) { return (x > 32 && x < 127) || (x > 160 && x != 173); };
    unsigned code = b;
    if (!stands_for_itself(b)) {
      code = 256;
      for (unsigned x = 0; x < b; ++x) code += !stands_for_itself(x);
    }
    if (code < 128) {
      text += static_cast<char>(code);
    } else {
      text += static_cast<char>(0xc0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 63));
    }
  }
  return text;
}

class SmallVocabulary {
 public:
  struct Options {
    bool markers = true;  // <｜User｜> and <｜Assistant｜>
    bool think = true;    // <think> and </think>
    TokenKind think_kind = TokenKind::kUserDefined;
    bool adds_bos = true;
    std::string chat_template = {};
    std::vector<std::string> controls = {};  // further control tokens
  };

  SmallVocabulary() : SmallVocabulary(Options()) {}
  explicit SmallVocabulary(const Options& options) : options_(options) {
    put(kBos, TokenKind::kControl);
    put(kEos, TokenKind::kControl);
    for (int b = 0; b < 256; ++b) add(std::string(1, static_cast<char>(b)));
    using Pair = std::pair<const char*, const char*>;
    for (const auto& [a, b] : {Pair("\n", "\n"), Pair(" ", "H"), Pair(" H", "i"), Pair("H", "i"), Pair(":", " ")}) {
      merge(a, b);
    }
    if (options.markers) {
      put("<｜User｜>", TokenKind::kControl);
      put("<｜Assistant｜>", TokenKind::kControl);
    }
    if (options.think) {
      put("<think>", options.think_kind);
      put("</think>", options.think_kind);
    }
    for (const std::string& text : options.controls) put(text, TokenKind::kControl);
  }

  // The normal token of these bytes, new if need be.
  int32_t add(std::string_view bytes) {
    const auto [at, is_new] = normal_.try_emplace(std::string(bytes), -1);
    if (is_new) at->second = put(mapped(bytes), TokenKind::kNormal);
    return at->second;
  }

  std::unique_ptr<Tokenizer> make() const {
    GgufBuilder b;
    b.kv("tokenizer.ggml.model", "gpt2").kv("tokenizer.ggml.pre", "deepseek-v3");
    b.kv("tokenizer.ggml.tokens", texts_).kv("tokenizer.ggml.token_type", kinds_).kv("tokenizer.ggml.merges", merges_);
    b.kv("tokenizer.ggml.bos_token_id", 0u).kv("tokenizer.ggml.eos_token_id", 1u);
    b.kv("tokenizer.ggml.add_bos_token", options_.adds_bos);
    if (!options_.chat_template.empty()) b.kv("tokenizer.chat_template", options_.chat_template);
    return make_tokenizer(b);
  }

 private:
  int32_t put(std::string text, TokenKind kind) {
    texts_.push_back(std::move(text));
    kinds_.push_back(static_cast<int32_t>(kind));
    return static_cast<int32_t>(texts_.size()) - 1;
  }
  void merge(const char* a, const char* b) {
    merges_.push_back(mapped(a) + " " + mapped(b));
    add(std::string(a) + b);
  }

  Options options_;
  std::vector<std::string> texts_, merges_;
  std::vector<int32_t> kinds_;
  std::map<std::string, int32_t> normal_;
};

}  // namespace coterie::test
