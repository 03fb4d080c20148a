#include "text/tokenizer.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "small_vocab.h"

namespace coterie::test {
namespace {

using Ids = std::vector<int32_t>;

TEST(Bpe, LowestRankFirst) {
  SmallVocab v = small_bpe();
  const int32_t bc = v.merge("b", "c"), ab = v.merge("a", "b"), bcd = v.merge("bc", "d");
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("abc"), Ids({'a', bc}));
  EXPECT_EQ(t.ids("ab"), Ids({ab}));
  EXPECT_EQ(t.ids("abcd"), Ids({'a', bcd}));
}

TEST(Bpe, TiesAreResolvedFromTheLeft) {
  SmallVocab v = small_bpe();
  const int32_t aa = v.merge("a", "a");
  EXPECT_EQ(load(v).ids("aaaaa"), Ids({aa, aa, 'a'}));
}

TEST(Bpe, ARuleGivenTwiceCountsWhereItStandsFirst) {
  SmallVocab v = small_bpe();
  const int32_t ab = v.merge("a", "b");
  v.merge("b", "c");
  v.merges.push_back("a b");
  EXPECT_EQ(load(v).ids("abc"), Ids({ab, 'c'}));
}

// "ab" is a step on the way to "abc", but no token.
TEST(Bpe, SymbolsThatAreNoTokenFallApartIntoBytes) {
  SmallVocab v = small_bpe();
  v.merges = {"a b", "ab c"};
  const int32_t abc = v.add("abc");
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("abc"), Ids({abc}));
  EXPECT_EQ(t.ids("abd"), Ids({'a', 'b', 'd'}));
}

TEST(Bpe, BytesWithoutATokenAreDropped) {
  SmallVocab v = small_bpe();
  v.tokens['x'] = "elsewhere";
  EXPECT_EQ(load(v).ids("axb"), Ids({'a', 'b'}));
}

TEST(Bpe, MergesStayInsidePieces) {
  SmallVocab v = small_bpe();
  v.merge("a", " ");
  const int32_t b = v.merge(" ", "b");
  EXPECT_EQ(load(v).ids("a b"), Ids({'a', b}));
}

TEST(Bpe, WholePiecesCanIgnoreMerges) {
  SmallVocab v = small_bpe("llama-bpe");
  const int32_t whole = v.add("abc");
  EXPECT_EQ(load(v).ids("abc abc"), Ids({whole, ' ', 'a', 'b', 'c'}));
  v = small_bpe("gpt-2");
  v.add("abc");
  EXPECT_EQ(load(v).ids("abc"), Ids({'a', 'b', 'c'}));
}

TEST(Bpe, InvalidBytesAreReadAsReplacements) {
  const Loaded t = load(small_bpe());
  EXPECT_EQ(t.ids("\xE4\xB8" "a"), Ids({0xEF, 0xBF, 0xBD, 0xEF, 0xBF, 0xBD, 'a'}));
  EXPECT_EQ(t.ids("\xC0\x80"), t.ids("\uFFFD\uFFFD"));  // overlong
  EXPECT_EQ(t.ids(std::string_view("a\0b", 3)), Ids({'a', 0, 'b'}));
}

TEST(Bpe, AgreesWithTheDefinition) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 rng(seed);
    SmallVocab v = small_bpe();
    std::vector<std::string> parts = {"a", "b", "c"};
    std::map<std::pair<std::string, std::string>, size_t> ranks;
    std::map<std::string, int32_t> tokens = {{"a", 'a'}, {"b", 'b'}, {"c", 'c'}};
    for (size_t n = rng() % 12; n > 0; --n) {
      const std::string left = parts[rng() % parts.size()], right = parts[rng() % parts.size()];
      ranks.emplace(std::pair(left, right), v.merges.size());
      const int32_t id = v.merge(left, right);
      tokens[left + right] = id;  // the last of equal texts
      parts.push_back(left + right);
    }
    std::string text(rng() % 60, 'a');
    for (char& c : text) c = static_cast<char>('a' + rng() % 3);

    std::vector<std::string> symbols;
    for (const char c : text) symbols.emplace_back(1, c);
    while (true) {
      size_t best = SIZE_MAX, at = 0;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        const auto rule = ranks.find({symbols[i], symbols[i + 1]});
        if (rule != ranks.end() && rule->second < best) best = rule->second, at = i;
      }
      if (best == SIZE_MAX) break;
      symbols[at] += symbols[at + 1];
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    Ids expected;
    for (const std::string& s : symbols) expected.push_back(tokens[s]);
    EXPECT_EQ(load(v).ids(text), expected) << "seed " << seed << ": " << text;
  }
}

TEST(Bpe, RoundTrip) {
  for (const char* pre : {"deepseek-v3", "deepseek-llm", "deepseek-coder", "gpt-2", "llama-bpe", "qwen2", "gpt-4o",
                          "kimi-k2", "tekken", "falcon", "default"}) {
    SmallVocab v = small_bpe(pre);
    v.merge("a", "b");
    v.merge(" ", " ");
    v.merge("\xC3", "\xA9");
    v.merge(" ", "ab");
    v.add("<x>", TokenKind::kUserDefined);
    const Loaded t = load(v);
    std::mt19937 rng(1);
    for (int i = 0; i < 300; ++i) {
      const std::string text = random_text(rng, rng() % 50) + (i % 3 == 0 ? "ab  ab<x> é" : "");
      ASSERT_EQ(t.text(t.ids(text)), text) << pre << " " << i;
    }
  }
}

TEST(Spm, HighestScoreFirst) {
  SmallVocab v = small_spm();
  const int32_t space = v.add("▁", TokenKind::kNormal, -10), a = v.add("a", TokenKind::kNormal, -11);
  const int32_t b = v.add("b", TokenKind::kNormal, -12), ab = v.add("ab", TokenKind::kNormal, -3);
  const int32_t ba = v.add("ba", TokenKind::kNormal, -2), sab = v.add("▁ab", TokenKind::kNormal, -4);
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("ab"), Ids({sab}));
  EXPECT_EQ(t.ids("aba"), Ids({space, a, ba}));
  EXPECT_EQ(t.ids("a b"), Ids({space, a, space, b}));
  EXPECT_EQ(t.ids("bab"), Ids({space, ba, b}));
  EXPECT_EQ(t.ids("abb"), Ids({sab, b}));
  EXPECT_EQ(t.ids("b▁ab"), Ids({space, b, sab}));  // the mark itself is a space
  EXPECT_EQ(t.ids(""), Ids());
  EXPECT_EQ(t.ids("", true), Ids({1}));
  (void)ab;
}

TEST(Spm, TiesAreResolvedFromTheLeft) {
  SmallVocab v = small_spm();
  v.other.kv("tokenizer.ggml.add_space_prefix", false);
  const int32_t a = v.add("a"), aa = v.add("aa");
  EXPECT_EQ(load(v).ids("aaaaa"), Ids({aa, aa, a}));
}

TEST(Spm, CharactersFallBackToBytes) {
  SmallVocab v = small_spm();
  v.other.kv("tokenizer.ggml.add_space_prefix", false);
  v.add("a");
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("\n"), Ids({3 + 0x0A}));
  EXPECT_EQ(t.ids("é"), Ids({3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(t.ids("\xC3\xE4\xB8"), Ids({3 + 0xC3, 3 + 0xE4, 3 + 0xB8}));  // invalid bytes stay what they are
  EXPECT_EQ(t.text({3 + 0xE4, 3 + 0xB8, 3 + 0xAD}), "中");
}

TEST(Spm, AgreesWithTheDefinition) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 rng(seed);
    SmallVocab v = small_spm();
    v.other.kv("tokenizer.ggml.add_space_prefix", false);
    std::map<std::string, int32_t> tokens;
    for (const char* c : {"a", "b", "é"}) tokens[c] = v.add(c);
    std::vector<std::string> parts = {"a", "b", "é"};
    for (size_t n = rng() % 12; n > 0; --n) {
      const std::string text = parts[rng() % parts.size()] + parts[rng() % parts.size()];
      if (tokens.contains(text)) continue;
      tokens[text] = v.add(text, TokenKind::kNormal, -static_cast<float>(rng() % 4));
      parts.push_back(text);
    }
    std::string text;
    std::vector<std::string> symbols;
    for (size_t n = rng() % 60; n > 0; --n) text += symbols.emplace_back(parts[rng() % 3]);
    while (true) {
      float best = -1e9f;
      size_t at = SIZE_MAX;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        const auto token = tokens.find(symbols[i] + symbols[i + 1]);
        if (token != tokens.end() && v.scores[token->second] > best) best = v.scores[token->second], at = i;
      }
      if (at == SIZE_MAX) break;
      symbols[at] += symbols[at + 1];
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    Ids expected;
    for (const std::string& s : symbols) expected.push_back(tokens[s]);
    const Loaded t = load(v);
    EXPECT_EQ(t.ids(text), expected) << "seed " << seed << ": " << text;
    EXPECT_EQ(t.text(t.ids(text)), text);
  }
}

TEST(Spm, LeadingSpace) {
  SmallVocab v = small_spm();
  const int32_t space = v.add("▁"), a = v.add("a"), x = v.add("<x>", TokenKind::kUserDefined);
  const Loaded t = load(v);
  EXPECT_TRUE(t->drops_leading_space());
  EXPECT_EQ(t.ids("a"), Ids({space, a}));
  EXPECT_EQ(t.ids(" a"), Ids({space, space, a}));
  EXPECT_EQ(t.ids("a<x>a"), Ids({space, a, x, space, a}));  // every raw stretch gets its space
  EXPECT_EQ(t.text({space, a}), "a");
  EXPECT_EQ(t.text({space, space, a}), " a");
  EXPECT_EQ(t.text({1, space, a}), "a");
  EXPECT_EQ(t.text({1, space, a, 2}, true), "<s>a</s>");
  EXPECT_EQ(t.text({a, space, a}), "a a");
  std::string piece;
  t->append_piece(space, false, &piece);
  EXPECT_EQ(piece, " ");

  v.other.kv("tokenizer.ggml.add_space_prefix", false);
  const Loaded without = load(v);
  EXPECT_FALSE(without->drops_leading_space());
  EXPECT_EQ(without.ids("a"), Ids({a}));
  EXPECT_EQ(without.text({space, a}), " a");
}

// What is put first belongs to raw text only: a user-defined token keeps its own space.
TEST(Spm, SpaceOfAUserDefinedTokenStays) {
  SmallVocab v = small_spm();
  const int32_t two = v.add("  ", TokenKind::kUserDefined);
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("  "), Ids({two}));
  EXPECT_EQ(t.text({two}), "  ");
}

TEST(Special, ControlTokensOnlyWhereAllowed) {
  SmallVocab v = small_bpe();
  const int32_t control = v.add("<c>", TokenKind::kControl), user = v.add("<u>", TokenKind::kUserDefined);
  v.add("<p>", TokenKind::kUnused);
  v.merge("<", "c");
  v.merge("<c", ">");  // makes a normal token of the same text, which merging may give
  const Loaded t = load(v);
  EXPECT_EQ(t.ids("a<c><u>b", false, true), Ids({'a', control, user, 'b'}));
  const Ids plain = t.ids("a<c><u>b");
  EXPECT_EQ(std::count(plain.begin(), plain.end(), control), 0);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), user), 1);
  EXPECT_EQ(t.ids("<p>", false, true), Ids({'<', 'p', '>'}));
  EXPECT_EQ(t->find("<c>"), control);
  EXPECT_EQ(t->find("<u>"), user);
  EXPECT_EQ(t->find(mapped(" ")), ' ');
  EXPECT_EQ(t->find("nowhere"), -1);
}

// Merging never gives a control token, though its text is built from rules: users cannot type one.
TEST(Special, ControlTokensCannotBeMergedInto) {
  SmallVocab v = small_bpe();
  v.merges = {"< c", "<c >"};
  v.add("<c>", TokenKind::kControl);
  EXPECT_EQ(load(v).ids("<c>"), Ids({'<', 'c', '>'}));

  SmallVocab s = small_spm();
  s.other.kv("tokenizer.ggml.add_space_prefix", false);
  s.add("<s");
  const Ids ids = load(s).ids("<s>");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 0);
}

TEST(Special, Rendering) {
  SmallVocab v = small_bpe();
  const int32_t control = v.add("<｜c｜>", TokenKind::kControl), user = v.add("<u> é", TokenKind::kUserDefined);
  const int32_t unused = v.add("[PAD1]", TokenKind::kUnused), unknown = v.add("<unk>", TokenKind::kUnknown);
  const Loaded t = load(v);
  const Ids ids = {'a', control, user, unused, unknown, 'b', -1, 1 << 30};
  EXPECT_EQ(t.text(ids), "a<u> éb");
  EXPECT_EQ(t.text(ids, true), "a<｜c｜><u> é<unk>b");
  EXPECT_EQ(t->kind(control), TokenKind::kControl);
  EXPECT_EQ(t->kind(-1), TokenKind::kUndefined);
  EXPECT_EQ(t->kind(t->n_vocab()), TokenKind::kUndefined);
}

TEST(Special, BosAndEos) {
  SmallVocab v = small_bpe();
  v.other.kv("tokenizer.ggml.bos_token_id", 65u).kv("tokenizer.ggml.eos_token_id", 66u);
  Loaded t = load(v);
  EXPECT_FALSE(t->adds_bos());
  EXPECT_EQ(t.ids("a", true), Ids({'a'}));
  EXPECT_EQ(t->bos(), 65);
  EXPECT_EQ(t->eos(), 66);
  v.other.kv("tokenizer.ggml.add_bos_token", true).kv("tokenizer.ggml.add_eos_token", true);
  t = load(v);
  EXPECT_TRUE(t->adds_bos());
  EXPECT_EQ(t.ids("a", true), Ids({65, 'a', 66}));
  EXPECT_EQ(t.ids("a", false), Ids({'a'}));
}

TEST(Special, DefaultsOfBos) {
  EXPECT_EQ(load(small_bpe())->bos(), 11);
  EXPECT_TRUE(load(small_bpe("llama-bpe"))->adds_bos());
  EXPECT_EQ(load(small_bpe("glm4"))->bos(), -1);
  EXPECT_TRUE(load(small_spm())->adds_bos());
  EXPECT_EQ(load(small_spm())->bos(), 1);
  EXPECT_EQ(load(small_spm())->eos(), 2);
}

TEST(Special, EndsOfGeneration) {
  SmallVocab v = small_bpe();
  const std::vector<std::string> texts = {
      "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>",
      "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>",
      "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>"};
  for (const std::string& text : texts) v.add(text);
  const int32_t other = v.add("<｜User｜>", TokenKind::kControl);
  v.other.kv("tokenizer.ggml.eos_token_id", 65u).kv("tokenizer.ggml.eot_token_id", 66u);
  v.other.kv("tokenizer.ggml.eom_token_id", 67u).kv("tokenizer.ggml.fim_pad_token_id", 68u);
  v.other.kv("tokenizer.ggml.fim_pre_token_id", 69u).kv("tokenizer.ggml.bos_token_id", 70u);
  const Loaded t = load(v);
  for (const std::string& text : texts) {
    const int32_t id = t->find(text);
    ASSERT_GE(id, 256) << text;
    EXPECT_TRUE(t->is_end(id)) << text;
    EXPECT_EQ(t->kind(id), TokenKind::kControl) << text;
  }
  for (const int32_t id : {65, 66, 67, 68}) EXPECT_TRUE(t->is_end(id)) << id;
  for (const int32_t id : {69, 70, other, -1, t->n_vocab()}) EXPECT_FALSE(t->is_end(id)) << id;
}

TEST(Special, HarmonyMessagesEndWithoutEndingTheTurn) {
  SmallVocab v = small_bpe();
  const std::vector<const char*> ends = {"<|return|>", "<|call|>"};
  const std::vector<const char*> marks = {"<|end|>", "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};
  for (const char* text : ends) v.add(text, TokenKind::kControl);
  for (const char* text : marks) v.add(text, TokenKind::kControl);
  const Loaded t = load(v);
  for (const char* text : ends) EXPECT_TRUE(t->is_end(t->find(text))) << text;
  for (const char* text : marks) {
    EXPECT_FALSE(t->is_end(t->find(text))) << text;
    EXPECT_EQ(t->kind(t->find(text)), TokenKind::kUserDefined) << text;
  }
}

TEST(Special, ChatTemplate) {
  SmallVocab v = small_bpe();
  EXPECT_EQ(load(v)->chat_template(), "");
  v.other.kv("tokenizer.chat_template", "{{ bos_token }}");
  EXPECT_EQ(load(v)->chat_template(), "{{ bos_token }}");
}

TEST(Tokenizer, AppendsToWhatIsThere) {
  const Loaded t = load(small_bpe());
  Ids ids = {1, 2};
  ASSERT_TRUE(t->tokenize("ab", false, false, &ids).ok());
  EXPECT_EQ(ids, Ids({1, 2, 'a', 'b'}));
}

TEST(Tokenizer, ThreadsShareOne) {
  SmallVocab v = small_bpe("deepseek-llm");
  v.merge("a", "b");
  v.merge(" ", "ab");
  v.add("ü", TokenKind::kUserDefined);
  const Loaded t = load(v);
  std::mt19937 rng(7);
  std::string text;
  for (int i = 0; i < 200; ++i) text += random_text(rng, 20) + " ab ab1ü";
  const Ids expected = t.ids(text);
  std::vector<int> n_wrong(4);
  std::vector<std::thread> threads;
  for (int& wrong : n_wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) wrong += t.ids(text) != expected || t.text(expected) != text;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace coterie::test
