#include "text/pretokenizer.h"

#include <string>

#include <gtest/gtest.h>

#include "small_vocab.h"

namespace coterie::test {
namespace {

std::vector<std::string> words(std::string_view list, char separator) {
  std::vector<std::string> all(1);
  for (const char c : list) c == separator ? (void)all.emplace_back() : all.back().push_back(c);
  return all;
}

std::vector<std::string> split(std::string_view name, std::string_view text) {
  std::unique_ptr<Pretokenizer> pretokenizer;
  const Status status = Pretokenizer::create(name, &pretokenizer);
  EXPECT_TRUE(status.ok()) << status.message();
  if (!status.ok()) return {};
  std::vector<uint32_t> ends;
  pretokenizer->split(text, &ends);
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (const uint32_t end : ends) {
    EXPECT_GT(end, begin);
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, text.size());
  return pieces;
}

using Pieces = std::vector<std::string>;

// Made with the models' regular expressions by Python's regex module; pieces are separated by bars.
constexpr struct {
  const char* names;
  const char* pieces;
} kGolden[] = {
    {"deepseek-llm",
     "Hello|,| world|!| I|'|m| |12345|\n|\n| | x|=|1|;"},
    {"deepseek-coder",
     "Hello|,| world|!| I|'|m| |1|2|3|4|5|\n|\n| | x|=|1|;"},
    {"deepseek-v3 llama-bpe",
     "Hello|,| world|!| I|'m| |123|45|\n\n| | x|=|1|;"},
    {"qwen2 deepseek-r1-qwen",
     "Hello|,| world|!| I|'m| |1|2|3|4|5|\n\n| | x|=|1|;"},
    {"gpt-4o kimi-k2",
     "Hello|,| world|!| I'm| |123|45|\n\n| | x|=|1|;"},
    {"gpt-2",
     "Hello|,| world|!| I|'m| 12345|\n\n | x|=|1|;"},
    {"starcoder",
     "Hello|,| world|!| I|'m| |1|2|3|4|5|\n\n | x|=|1|;"},
    {"deepseek-llm",
     "東京タワー|333|m|,| Caf|é| DON|'|T| iPhone|15"},
    {"deepseek-coder starcoder",
     "東京タワー|3|3|3|m|,| Café| DON|'|T| iPhone|1|5"},
    {"deepseek-v3 llama-bpe",
     "東京タワー|333|m|,| Café| DON|'T| iPhone|15"},
    {"qwen2 deepseek-r1-qwen",
     "東京タワー|3|3|3|m|,| Café| DON|'T| iPhone|1|5"},
    {"gpt-4o",
     "東京タワー|333|m|,| Café| DON'T| i|Phone|15"},
    {"kimi-k2",
     "東京|タワー|333|m|,| Café| DON'T| i|Phone|15"},
    {"gpt-2",
     "東京タワー|333|m|,| Café| DON|'|T| iPhone|15"},
    {"deepseek-llm deepseek-coder",
     "a|\t|\tb|  |\r|\n| c| | ?"},
    {"deepseek-v3 qwen2 deepseek-r1-qwen llama-bpe gpt-4o kimi-k2",
     "a|\t|\tb|  \r\n| c| | ?"},
    {"gpt-2 starcoder",
     "a|\t|\t|b|  \r\n| c| | ?"},
    {"deepseek-llm deepseek-coder",
     "x|  |\n|\n|\n| | y|\n"},
    {"deepseek-v3 qwen2 deepseek-r1-qwen llama-bpe gpt-4o kimi-k2",
     "x|  \n\n\n| | y|\n"},
    {"gpt-2 starcoder",
     "x|  \n\n\n | y|\n"},
    {"deepseek-llm",
     "foo|_|bar|->|baz|();| //| |3|.|14|  "},
    {"deepseek-coder",
     "foo|_|bar|-|>|baz|();| //| |3|.|1|4|  "},
    {"deepseek-v3 llama-bpe gpt-4o kimi-k2",
     "foo|_bar|->|baz|();| //| |3|.|14|  "},
    {"qwen2 deepseek-r1-qwen",
     "foo|_bar|->|baz|();| //| |3|.|1|4|  "},
    {"gpt-2",
     "foo|_|bar|->|baz|();| //| 3|.|14|  "},
    {"starcoder",
     "foo|_|bar|->|baz|();| //| |3|.|1|4|  "},
    {"gpt-4o",
     "人々x|〇|α|Ω| a\u0301b|15"},
    {"tekken",
     "人々x|〇|α|Ω| a\u0301b|1|5"},
    {"kimi-k2",
     "人々|x|〇|α|Ω| a\u0301b|15"},
};

TEST(Pretokenizer, Golden) {
  for (const auto& golden : kGolden) {
    const Pieces expected = words(golden.pieces, '|');
    std::string text;
    for (const std::string& piece : expected) text += piece;
    for (const std::string& name : words(golden.names, ' ')) EXPECT_EQ(split(name, text), expected) << name;
  }
}

TEST(Pretokenizer, EveryNameOfTheTableWorks) {
  constexpr const char* kNames =
      "deepseek-v3 hunyuan-dense joyai-llm deepseek-llm deepseek-coder deepseek-r1-qwen qwen2 megrez kormo openpangu "
      "f2llmv2 hunyuan stablelm2 solar-open qwen35 llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 "
      "jina-v5-nano laguna glm4 chatglm-bpe dbrx smaug-bpe gpt-4o llama4 kanana2 minimax-m2 kimi-k2 tekken gpt-2 phi-2 "
      "gigachat mellum modern-bert a.x-4.0 exaone4 jina-v2-es jina-v2-de olmo mpt jais trillion granite-docling "
      "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2 falcon seed-coder grok-2 bailingmoe "
      "bailingmoe2 llada-moe youtu default";
  for (const std::string& name : words(kNames, ' ')) EXPECT_EQ(split(name, "a b"), Pieces({"a", " b"})) << name;
}

TEST(Pretokenizer, UnknownNamesAreRefusedByName) {
  std::unique_ptr<Pretokenizer> pretokenizer;
  for (const char* name : {"deepseek-v9", "", " ", "deepseek-v3 hunyuan-dense", "deepseek"}) {
    const Status status = Pretokenizer::create(name, &pretokenizer);
    EXPECT_EQ(status.code(), Code::kUnsupported) << name;
    const std::string quoted = std::string(1, '"').append(name).append(1, '"');
    EXPECT_NE(status.message().find(quoted), std::string::npos) << status.message();
  }
}

TEST(Pretokenizer, Flags) {
  std::unique_ptr<Pretokenizer> p;
  ASSERT_TRUE(Pretokenizer::create("llama-bpe", &p).ok());
  EXPECT_TRUE(p->ignores_merges() && p->adds_bos() && p->has_bos());
  ASSERT_TRUE(Pretokenizer::create("glm4", &p).ok());
  EXPECT_FALSE(p->ignores_merges() || p->adds_bos() || p->has_bos());
  ASSERT_TRUE(Pretokenizer::create("deepseek-v3", &p).ok());
  EXPECT_FALSE(p->ignores_merges() || p->adds_bos());
  EXPECT_TRUE(p->has_bos());
}

TEST(Pretokenizer, NothingHasNoPieces) { EXPECT_EQ(split("deepseek-v3", ""), Pieces()); }

// The Unicode Standard's white space, and nothing more: U+180E and U+200B are none.
TEST(Pretokenizer, WhiteSpace) {
  for (const char32_t c : {0x9, 0xB, 0xC, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
                           0x3000}) {
    const std::string space = utf8(c);
    EXPECT_EQ(split("qwen2", "1" + space + space + "1"), Pieces({"1", space, space, "1"})) << uint32_t{c};
  }
  for (const char32_t c : {0x180E, 0x200B, 0x2060, 0xFEFF}) {
    const std::string other = utf8(c);
    EXPECT_EQ(split("qwen2", "1" + other + other + "1"), Pieces({"1", other + other, "1"})) << uint32_t{c};
  }
}

// The fourth stage of deepseek-llm takes white space at the end of a piece only, and the whole run.
TEST(Pretokenizer, WhiteSpaceAtTheEnd) {
  EXPECT_EQ(split("deepseek-llm", "1  2   "), Pieces({"1", "  ", "2", "   "}));
  EXPECT_EQ(split("deepseek-llm", "\u0E01  \n \t"), Pieces({"\u0E01", "  ", "\n", " \t"}));
}

TEST(Pretokenizer, CategoriesReachBeyondTheBasicPlane) {
  EXPECT_EQ(split("deepseek-v3", "\U00010400\U00010428\U0001D7CE\U0001F600"),
            Pieces({"\U00010400\U00010428", "\U0001D7CE", "\U0001F600"}));
  EXPECT_EQ(split("deepseek-v3", "1234½Ⅷ"), Pieces({"123", "4½Ⅷ"}));
}

}  // namespace
}  // namespace coterie::test
