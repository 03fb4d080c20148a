// Long texts of one kind must take time in proportion, with every pre-tokenizer: four times the text may take ten times as
// long, which leaves room for noise, and none for time that grows with the square.
#include <algorithm>
#include <ctime>

#include <gtest/gtest.h>

#include "small_vocab.h"

namespace coterie::test {
namespace {

constexpr double kMostGrowth = 10, kLeastSeconds = 0.01;  // what takes less is as good as nothing
constexpr int kAttempts = 3;                              // a machine may be busy with something else
#ifdef COTERIE_CHECKED
constexpr size_t kMegabyte = size_t{1} << 18;
#else
constexpr size_t kMegabyte = size_t{1} << 20;
#endif

struct Text {
  const char* name;
  std::string_view unit;  // repeated; empty: a mix of all kinds
  std::string_view tail = "";
  size_t n_bytes = kMegabyte / 8;

  std::string make(size_t n) const {
    static constexpr const char* kMixed[] = {" ", "\n", "\t", "a", "Z", "é", "ü", "中", "タ", "0", "9", "=", "-", ".", "😀"};
    std::mt19937 rng(1);
    std::string text;
    while (text.size() < n) text += unit.empty() ? kMixed[rng() % std::size(kMixed)] : unit;
    return text.append(tail);
  }
};

constexpr Text kTexts[] = {
    {"a", "a", "", kMegabyte},
    {"spaces", " ", "", kMegabyte},
    {"digits", "1", "", kMegabyte},
    {"newlines", "\n", "", kMegabyte},
    {"marks", "\u0301", "", kMegabyte},
    {"Han", "中"},
    {"equals signs", "="},
    {"invalid", "\xFF"},
    {"A", "A"},
    {"tabs", "\t"},
    {"CRLF", "\r\n"},
    {"emoji", "😀"},
    {"controls", "\x01"},
    {"user-defined", "ü"},
    {"space and newline", " \n"},
    {"spaces, then a letter", " ", "x"},
    {"spaces, then a digit", " ", "1"},
    {"spaces, then Thai", " ", "\u0E01"},
    {"marks, then a sign", "\u0301", "="},
    {"capitals, then a sign", "A", "="},
    {"almost special", "<｜User"},
    {"mixed", ""},
};

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

double seconds(const Loaded& t, const std::string& text) {
  std::vector<int32_t> ids;
  const std::clock_t start = std::clock();
  EXPECT_TRUE(t->tokenize(text, true, true, &ids).ok());
  EXPECT_FALSE(ids.empty());
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void expect_linear(const Loaded& t, const std::string& who) {
  for (const Text& text : kTexts) {
    const std::string quarter = text.make(text.n_bytes / 4), whole = text.make(text.n_bytes);
    double growth = 0;
    for (int i = 0; i < kAttempts && (i == 0 || growth > kMostGrowth); ++i) {
      const double least = std::max(seconds(t, quarter), kLeastSeconds);
      growth = seconds(t, whole) / least;
    }
    EXPECT_LT(growth, kMostGrowth) << who << ", " << text.name << ", " << text.n_bytes << " bytes";
  }
}

class LongText : public testing::TestWithParam<const char*> {};

TEST_P(LongText, BpeIsLinear) {
  SmallVocab v = small_bpe(GetParam());
  add_doublings(&v, true);
  const Loaded t = load(v);
  ASSERT_TRUE(t.status.ok()) << t.status.message();
  expect_linear(t, GetParam());
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
  expect_linear(load(v), "spm");
}

}  // namespace
}  // namespace coterie::test
