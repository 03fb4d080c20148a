// Long texts of one kind must take time in proportion, with every pre-tokenizer: the bound is generous for linear time
// (a megabyte takes 0.1 to 0.6 s) and out of reach for quadratic.
#include <ctime>

#include <gtest/gtest.h>

#include "small_vocab.h"

namespace coterie::test {
namespace {

constexpr size_t kLength = 250'000;  // bytes
#ifdef COTERIE_CHECKED
constexpr double kMaxSeconds = 15;
#else
constexpr double kMaxSeconds = 1.5;
#endif

std::string repeat(std::string_view unit) {
  std::string text;
  while (text.size() < kLength) text += unit;
  return text;
}

std::string mixed() {
  static constexpr const char* kUnits[] = {" ", "\n", "\t", "a", "Z", "é", "ü", "中", "タ", "0", "9", "=", "-", ".", "😀"};
  std::mt19937 rng(1);
  std::string text;
  while (text.size() < kLength) text += kUnits[rng() % std::size(kUnits)];
  return text;
}

struct Text {
  const char* name;
  std::string text;
};

const std::vector<Text>& texts() {
  static const std::vector<Text> all = {
      {"a", repeat("a")}, {"A", repeat("A")}, {"spaces", repeat(" ")}, {"digits", repeat("1")},
      {"equals signs", repeat("=")}, {"newlines", repeat("\n")}, {"tabs", repeat("\t")}, {"CRLF", repeat("\r\n")},
      {"Han", repeat("中")}, {"marks", repeat("\u0301")}, {"emoji", repeat("😀")}, {"controls", repeat("\x01")},
      {"invalid", repeat("\xFF")}, {"user-defined", repeat("ü")}, {"space and newline", repeat(" \n")},
      {"spaces, then a letter", repeat(" ") + "x"}, {"spaces, then a digit", repeat(" ") + "1"},
      {"spaces, then Thai", repeat(" ") + "\u0E01"}, {"marks, then a sign", repeat("\u0301") + "="},
      {"capitals, then a sign", repeat("A") + "="}, {"almost special", repeat("<｜User")}, {"mixed", mixed()},
  };
  return all;
}

// Every power of two of the common characters is a token, so that merging goes deep.
void add_doublings(SmallVocab* v, bool bpe) {
  for (const char* c : {"a", "A", " ", "=", "\n", "1", "\xE4\xB8\xAD"}) {
    if (!bpe && *c == ' ') c = "▁";
    if (!bpe) v->add(c, TokenKind::kNormal, -1);
    if (bpe && c[1] != 0) v->merge("\xE4", "\xB8"), v->merge("\xE4\xB8", "\xAD");
    for (std::string s = c; s.size() <= 64; s += s) {
      if (bpe) v->merge(s, s);
      else v->add(s + s, TokenKind::kNormal, static_cast<float>(s.size()));
    }
  }
  v->add("<｜User｜>", TokenKind::kUserDefined);
  v->add("ü", TokenKind::kUserDefined);
}

void expect_fast(const Loaded& t, const std::string& who) {
  for (const Text& text : texts()) {
    std::vector<int32_t> ids;
    const std::clock_t start = std::clock();
    ASSERT_TRUE(t->tokenize(text.text, true, true, &ids).ok());
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LT(seconds, kMaxSeconds) << who << ", " << text.name;
    EXPECT_FALSE(ids.empty());
  }
}

class LongText : public testing::TestWithParam<const char*> {};

TEST_P(LongText, BpeIsLinear) {
  SmallVocab v = small_bpe(GetParam());
  add_doublings(&v, true);
  const Loaded t = load(v);
  ASSERT_TRUE(t.status.ok()) << t.status.message();
  expect_fast(t, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Pretokenizers, LongText,
                         testing::Values("deepseek-llm", "deepseek-coder", "deepseek-v3", "qwen2", "qwen35",
                                         "llama-bpe", "gpt-4o", "kimi-k2", "tekken", "gpt-2", "starcoder", "falcon",
                                         "seed-coder", "bailingmoe", "youtu", "default"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

TEST(LongText, SpmIsLinear) {
  SmallVocab v = small_spm();
  add_doublings(&v, false);
  expect_fast(load(v), "spm");
}

}  // namespace
}  // namespace coterie::test
