// Malformed and malicious vocabularies and texts: each ends in a status that names the culprit, or works.
#include <gtest/gtest.h>

#include "small_vocab.h"

namespace coterie::test {
namespace {

using Ids = std::vector<int32_t>;

void expect_error(const Loaded& loaded, Code code, const char* part) {
  EXPECT_EQ(loaded.status.code(), code) << loaded.status.message();
  EXPECT_NE(loaded.status.message().find(part), std::string::npos) << loaded.status.message();
  EXPECT_EQ(loaded.tokenizer, nullptr);
}

// A BPE vocabulary of two letters whose keys can be left out or replaced.
struct Keys {
  GgufBuilder builder;
  Keys& tokens() { return builder.kv("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"}), *this; }
  Keys& model(const char* name) { return builder.kv("tokenizer.ggml.model", name), *this; }
  Keys& merges() { return builder.kv("tokenizer.ggml.merges", std::vector<std::string>{"a b"}), *this; }
  template <class T>
  Keys& kv(const char* key, const T& value) {
    return builder.kv(key, value), *this;
  }
  Loaded load() const { return test::load(builder.build()); }
};

TEST(HostileVocab, MissingParts) {
  expect_error(Keys().load(), Code::kBadFile, "tokenizer.ggml.model");
  expect_error(Keys().model("gpt2").load(), Code::kBadFile, "tokenizer.ggml.tokens");
  expect_error(Keys().model("gpt2").tokens().load(), Code::kBadFile, "tokenizer.ggml.merges");
  expect_error(Keys().model("llama").tokens().load(), Code::kBadFile, "tokenizer.ggml.scores");
  EXPECT_TRUE(Keys().model("gpt2").tokens().merges().load().status.ok());
}

TEST(HostileVocab, UnknownModelsAndPretokenizers) {
  expect_error(Keys().model("bert").tokens().load(), Code::kUnsupported, "bert");
  expect_error(Keys().model("none").load(), Code::kUnsupported, "none");
  expect_error(Keys().model(std::string(100'000, 'x').c_str()).load(), Code::kUnsupported, "xxx");
  expect_error(Keys().model("gpt2").tokens().merges().kv("tokenizer.ggml.pre", "deepseek-v9").load(),
               Code::kUnsupported, "deepseek-v9");
}

TEST(HostileVocab, MissingPretokenizerIsTheDefaultWithAWarning) {
  const Loaded t = Keys().model("gpt2").tokens().merges().load();
  ASSERT_TRUE(t.status.ok());
  ASSERT_EQ(t.log.size(), 1u);
  EXPECT_NE(t.log[0].find("tokenizer.ggml.pre"), std::string::npos);
}

TEST(HostileVocab, ListsOfDifferentLengths) {
  const Keys bpe = Keys().model("gpt2").tokens().merges(), spm = Keys().model("llama").tokens();
  for (const size_t n : {0, 1, 3, 1000}) {
    const std::vector<int32_t> types(n, 1);
    const std::vector<float> scores(n);
    expect_error(Keys(bpe).kv("tokenizer.ggml.token_type", types).load(), Code::kBadFile, "tokenizer.ggml.token_type");
    expect_error(Keys(spm).kv("tokenizer.ggml.scores", scores).load(), Code::kBadFile, "tokenizer.ggml.scores");
  }
}

TEST(HostileVocab, ListsOfAnotherType) {
  const std::vector<std::string> strings = {"1", "2"};
  const std::vector<float> floats = {1, 2};
  const Keys bpe = Keys().model("gpt2").tokens().merges(), spm = Keys().model("llama").tokens();
  expect_error(Keys(bpe).kv("tokenizer.ggml.token_type", strings).load(), Code::kBadFile, "tokenizer.ggml.token_type");
  expect_error(Keys(bpe).kv("tokenizer.ggml.token_type", floats).load(), Code::kBadFile, "tokenizer.ggml.token_type");
  expect_error(Keys(bpe).kv("tokenizer.ggml.token_type", 1u).load(), Code::kBadFile, "tokenizer.ggml.token_type");
  expect_error(Keys(spm).kv("tokenizer.ggml.scores", strings).load(), Code::kBadFile, "tokenizer.ggml.scores");
  expect_error(Keys(spm).kv("tokenizer.ggml.scores", 1.0f).load(), Code::kBadFile, "tokenizer.ggml.scores");
  expect_error(Keys().model("gpt2").kv("tokenizer.ggml.tokens", floats).load(), Code::kBadFile,
               "tokenizer.ggml.tokens");
  expect_error(Keys().model("gpt2").kv("tokenizer.ggml.tokens", "ab").load(), Code::kBadFile, "tokenizer.ggml.tokens");
  expect_error(Keys().model("gpt2").kv("tokenizer.ggml.tokens", std::vector<std::string>()).load(), Code::kBadFile,
               "tokenizer.ggml.tokens");
  expect_error(Keys().model("gpt2").tokens().kv("tokenizer.ggml.merges", floats).load(), Code::kBadFile,
               "tokenizer.ggml.merges");
  expect_error(Keys().kv("tokenizer.ggml.model", 7u).load(), Code::kBadFile, "tokenizer.ggml.model");
  expect_error(Keys(bpe).kv("tokenizer.ggml.pre", 7u).load(), Code::kBadFile, "tokenizer.ggml.pre");
  expect_error(Keys(bpe).kv("tokenizer.ggml.add_bos_token", 7u).load(), Code::kBadFile, "tokenizer.ggml.add_bos_token");
  expect_error(Keys(bpe).kv("tokenizer.chat_template", strings).load(), Code::kBadFile, "tokenizer.chat_template");
  expect_error(Keys(bpe).kv("tokenizer.ggml.bos_token_id", "1").load(), Code::kBadFile, "tokenizer.ggml.bos_token_id");
  expect_error(Keys(bpe).kv("tokenizer.ggml.eot_token_id", floats).load(), Code::kBadFile,
               "tokenizer.ggml.eot_token_id");
  // Other widths of integers and floats are as good.
  EXPECT_TRUE(Keys(bpe).kv("tokenizer.ggml.token_type", std::vector<uint8_t>{1, 1}).load().status.ok());
  EXPECT_TRUE(Keys(bpe).kv("tokenizer.ggml.token_type", std::vector<int64_t>{1, 1}).load().status.ok());
  EXPECT_TRUE(Keys(spm).kv("tokenizer.ggml.scores", std::vector<double>{1, 1}).load().status.ok());
}

TEST(HostileVocab, TypesAndScoresWithoutMeaning) {
  const Loaded types = Keys().model("gpt2").tokens().merges().kv("tokenizer.ggml.pre", "gpt-2")
                           .kv("tokenizer.ggml.token_type", std::vector<int32_t>{-5, 1 << 30}).load();
  ASSERT_TRUE(types.status.ok());
  EXPECT_EQ(types.log.size(), 1u);
  EXPECT_EQ(types->kind(0), TokenKind::kUndefined);

  SmallVocab v = small_spm();
  for (const char* text : {"▁", "a", "aa", "aaa", "b"}) v.add(text, TokenKind::kNormal, std::nanf(""));
  v.scores.back() = std::numeric_limits<float>::infinity();
  const Loaded scores = load(v);
  ASSERT_TRUE(scores.status.ok());
  EXPECT_EQ(scores.log.size(), 1u);
  EXPECT_EQ(scores.text(scores.ids("aaaabbaaaaaaa")), "aaaabbaaaaaaa");
}

TEST(HostileVocab, ByteTokensThatNameNoByte) {
  SmallVocab v = small_spm();
  Ids bad;
  for (const char* text : {"<0x-1>", "<0xZZ>", "<0x100>", "<0x1>", "<0x", "", "0x0A", "<0x0A"}) {
    bad.push_back(v.add(text, TokenKind::kByte));
  }
  const Loaded t = load(v);
  ASSERT_TRUE(t.status.ok());
  EXPECT_EQ(t.log.size(), 1u);
  EXPECT_EQ(t.text(bad), "");
  EXPECT_EQ(t.ids("\n").back(), 3 + 0x0A);
}

TEST(HostileVocab, IdsOutOfRangeAreIgnoredWithAWarning) {
  for (const uint32_t id : {2u, 1000u, UINT32_MAX}) {
    const Loaded t = Keys().model("gpt2").tokens().merges().kv("tokenizer.ggml.pre", "gpt-2")
                         .kv("tokenizer.ggml.bos_token_id", id).kv("tokenizer.ggml.eos_token_id", id)
                         .kv("tokenizer.ggml.eot_token_id", id).kv("tokenizer.ggml.add_bos_token", true).load();
    ASSERT_TRUE(t.status.ok()) << t.status.message();
    EXPECT_EQ(t.log.size(), 3u);
    EXPECT_EQ(t->bos(), -1);
    EXPECT_EQ(t->eos(), -1);
    EXPECT_EQ(t.ids("ab", true).size(), 2u);
  }
  Keys keys = Keys().model("gpt2").tokens().merges();
  EXPECT_EQ(Keys(keys).kv("tokenizer.ggml.bos_token_id", int64_t{-1}).load()->bos(), -1);
  EXPECT_EQ(Keys(keys).kv("tokenizer.ggml.bos_token_id", UINT64_MAX).load()->bos(), -1);
  EXPECT_EQ(keys.load()->bos(), -1);  // the default, 11, is no token here
}

TEST(HostileVocab, SpmWithoutByteAndUnknownTokens) {
  SmallVocab v;
  v.model = "llama";
  v.other.kv("tokenizer.ggml.unknown_token_id", UINT32_MAX);
  v.add("a");
  const Loaded none = load(v);
  ASSERT_TRUE(none.status.ok());
  EXPECT_EQ(none.ids("xay"), Ids({0}));  // what has no token is dropped
  v.other = GgufBuilder();
  v.add("<unk>", TokenKind::kUnknown);
  v.other.kv("tokenizer.ggml.unknown_token_id", 1u);
  EXPECT_EQ(load(v).ids("xa"), Ids({1, 1, 1, 1, 0}));  // the space mark has three bytes
}

TEST(HostileVocab, TokenTexts) {
  SmallVocab v = small_bpe();
  v.add("");
  v.add("", TokenKind::kControl);
  v.add("", TokenKind::kUserDefined);
  v.add("\xFF\xC0\x80", TokenKind::kUserDefined);
  v.add("\xFF\xE4");
  v.add(std::string("a\0b", 3));
  const int32_t first = v.add("<d>", TokenKind::kControl), second = v.add("<d>", TokenKind::kControl);
  const Loaded t = load(v);
  ASSERT_TRUE(t.status.ok()) << t.status.message();
  EXPECT_EQ(t.ids("<d>", false, true), Ids({second}));
  EXPECT_EQ(t->find("<d>"), second);
  EXPECT_EQ(t.text({first, second}, true), "<d><d>");
  EXPECT_EQ(t->find(""), -1);
  EXPECT_EQ(t.ids("abc"), Ids({'a', 'b', 'c'}));
}

TEST(HostileVocab, HugeTokens) {
  SmallVocab v = small_bpe();
  v.add(std::string(10'000'000, 'a'));
  EXPECT_EQ(load(v).ids(std::string(1'000'000, 'a')).size(), 1'000'000u);
  SmallVocab s = small_spm();
  s.add(std::string(10'000'000, 'a'));
  EXPECT_EQ(load(s).ids(std::string(100'000, 'a')).size(), 100'003u);
}

// Finding special tokens takes memory in proportion to their text, so there is a limit to it.
TEST(HostileVocab, HugeSpecialTokens) {
  for (const TokenKind kind : {TokenKind::kUserDefined, TokenKind::kControl, TokenKind::kUnknown}) {
    SmallVocab v = small_bpe();
    const int32_t id = v.add(std::string(1'000'000, 'a'), kind);
    EXPECT_EQ(load(v).ids(std::string(1'500'000, 'a'), false, true).size(), 500'001u);
    v.tokens[id] = std::string(10'000'000, 'a');
    expect_error(load(v), Code::kUnsupported, "10000000 bytes");
  }
}

TEST(HostileVocab, Merges) {
  for (const char* rule : {"ab", "", "a", " a", " "}) {
    SmallVocab v = small_bpe();
    v.merges = {"a b", rule};
    expect_error(load(v), Code::kBadFile, "rule 1 ");
  }
  SmallVocab v = small_bpe();
  v.merges = {"zz yy", "a b", "b a", "ab a", "a ba", "aba b", "  ", "a ", "\xFF \xC0", "中 文", "a b c", "a b"};
  const Loaded t = load(v);
  ASSERT_TRUE(t.status.ok()) << t.status.message();
  EXPECT_EQ(t.ids("ababab"), Ids({'a', 'b', 'a', 'b', 'a', 'b'}));
}

TEST(HostileVocab, TextThatIsTooLong) {
  const Loaded t = load(small_bpe());
  const std::string small = "x";
  std::vector<int32_t> ids;
  // Only the length is looked at.
  const Status status = t->tokenize(std::string_view(small.data(), (size_t{1} << 30) + 1), false, false, &ids);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(ids.empty());
}

TEST(HostileVocab, RandomBytes) {
  SmallVocab v = small_bpe("deepseek-v3");
  v.add("ü", TokenKind::kUserDefined);
  SmallVocab s = small_spm();
  s.add("▁");
  const Loaded bpe = load(v), spm = load(s);
  std::mt19937 rng(3);
  for (int i = 0; i < 2000; ++i) {
    std::string text(rng() % 40, '\0');
    for (char& c : text) c = static_cast<char>(rng() % 3 == 0 ? 0xC0 + rng() % 64 : rng());
    EXPECT_GE(bpe.ids(text, true, true).size(), text.empty() ? 0u : 1u);
    EXPECT_EQ(spm.text(spm.ids(text)), text);  // bytes without a meaning are bytes still
  }
}

}  // namespace
}  // namespace coterie::test
