// Small vocabularies as GGUF in memory, for tests of the tokenizer.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gguf/gguf_builder.h"
#include "text/tokenizer.h"

namespace coterie::test {

inline std::string utf8(char32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

// Bytes as GPT-2 writes them in token texts. Built here from the definition, apart from the library's table.
inline std::string mapped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto itself = [](int b) { return (b > 0x20 && b < 0x7F) || (b > 0xA0 && b < 0xAD) || b > 0xAD; };
    const int byte = static_cast<uint8_t>(c);
    char32_t code_point = byte;
    if (!itself(byte)) {
      code_point = 256;
      for (int b = 0; b < byte; ++b) code_point += !itself(b);
    }
    out += utf8(code_point);
  }
  return out;
}

// The lists of a vocabulary; change them at will before file().
struct SmallVocab {
  std::string model;
  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
  std::vector<float> scores;
  GgufBuilder other;  // further keys

  int32_t add(std::string text, TokenKind kind = TokenKind::kNormal, float score = 0) {
    tokens.push_back(std::move(text));
    types.push_back(static_cast<int32_t>(kind));
    scores.push_back(score);
    return static_cast<int32_t>(tokens.size()) - 1;
  }
  // A rule of BPE, and the token it makes. Returns its id.
  int32_t merge(std::string_view left, std::string_view right) {
    merges.push_back(mapped(left) + " " + mapped(right));
    return add(mapped(left) + mapped(right));
  }
  Bytes file() const {
    GgufBuilder b = other;
    b.kv("tokenizer.ggml.model", model).kv("tokenizer.ggml.tokens", tokens).kv("tokenizer.ggml.token_type", types);
    if (model == "gpt2") b.kv("tokenizer.ggml.merges", merges);
    if (model == "llama") b.kv("tokenizer.ggml.scores", scores);
    return b.build();
  }
};

// Byte-level BPE: ids 0 to 255 are the bytes.
inline SmallVocab small_bpe(std::string_view pre = "gpt-2") {
  SmallVocab v;
  v.model = "gpt2";
  for (int byte = 0; byte < 256; ++byte) v.add(mapped(std::string(1, static_cast<char>(byte))));
  v.other.kv("tokenizer.ggml.pre", pre);
  return v;
}

// SPM as Llama's: <unk> 0, <s> 1, </s> 2, byte tokens 3 to 258.
inline SmallVocab small_spm() {
  SmallVocab v;
  v.model = "llama";
  v.add("<unk>", TokenKind::kUnknown);
  v.add("<s>", TokenKind::kControl);
  v.add("</s>", TokenKind::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    v.add(text, TokenKind::kByte);
  }
  return v;
}

// The tokenizer of a file, and what it logged on the way.
struct Loaded {
  Status status;
  std::unique_ptr<Tokenizer> tokenizer;
  std::vector<std::string> log;

  const Tokenizer* operator->() const { return tokenizer.get(); }

  std::vector<int32_t> ids(std::string_view text, bool add_special = false, bool parse_special = false) const {
    std::vector<int32_t> out;
    const Status status = tokenizer->tokenize(text, add_special, parse_special, &out);
    EXPECT_TRUE(status.ok()) << status.message();
    return out;
  }
  std::string text(const std::vector<int32_t>& ids, bool render_special = false) const {
    return tokenizer->detokenize(ids.data(), ids.size(), render_special);
  }
};

inline Loaded load(const Bytes& file) {
  Loaded loaded;
  std::unique_ptr<Gguf> gguf;
  loaded.status = Gguf::parse(file, "test", &gguf);
  const auto sink = [](void* lines, int32_t, const char* line) {
    static_cast<std::vector<std::string>*>(lines)->push_back(line);
  };
  const Log log{sink, &loaded.log};
  if (loaded.status.ok()) loaded.status = Tokenizer::create(*gguf, log, &loaded.tokenizer);
  return loaded;
}
inline Loaded load(const SmallVocab& vocab) { return load(vocab.file()); }

// n code points from all that UTF-8 can express, most of them short.
inline std::string random_text(std::mt19937& rng, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    static constexpr char32_t kBelow[] = {0x80, 0x80, 0x80, 0x100, 0x800, 0x3100, 0xD800, 0x110000};
    char32_t c = rng() % kBelow[rng() % std::size(kBelow)];
    if (c >= 0xD800 && c < 0xE000) c = ' ';
    text += utf8(c);
  }
  return text;
}

}  // namespace coterie::test
