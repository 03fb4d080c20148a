// Prompts with the vocabularies of real models, from the data beside the repository; skipped without it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/expect_status.h"
#include "chat/prompt.h"
#include "chat/small_vocabulary.h"
#include "gguf/test_files.h"

namespace coterie {
namespace {

const std::string kLong =
    "Für 3½ €: „Grüße“ – don't  stop!\n\n\n  int x = 12345;\t// 这是一个测试 🦙🚀\r\n<|User|> < think> </answer> ";
const std::vector<Message> kMessages = {{"system", "You are Borin, a gruff dwarven blacksmith."},
                                        {"user", "Can you mend my sword?"},
                                        {"assistant", "Aye. Ten gold."},
                                        {"user", kLong},
                                        {"assistant", kLong},
                                        {"user", "Deal."}};

std::string expected_v3() {
  return std::string(test::kBos) + "You are Borin, a gruff dwarven blacksmith.<｜User｜>Can you mend my sword?" +
         "<｜Assistant｜>Aye. Ten gold." + test::kEos + "<｜User｜>" + kLong + "<｜Assistant｜>" + kLong + test::kEos +
         "<｜User｜>Deal.<｜Assistant｜>";
}

std::string expected_v2() {
  return std::string(test::kBos) + "You are Borin, a gruff dwarven blacksmith.\n\nUser: Can you mend my sword?\n\n" +
         "Assistant: Aye. Ten gold." + test::kEos + "User: " + kLong + "\n\nAssistant: " + kLong + test::kEos +
         "User: Deal.\n\nAssistant:";
}

void expect_prompt(const Tokenizer& tokenizer, ChatFormat format, const std::string& text) {
  std::vector<int32_t> ids, whole;
  MarkedText written;
  ASSERT_OK(write_prompt(tokenizer, format, {}, kMessages, &written));
  EXPECT_EQ(written.bytes(), text);
  ASSERT_OK(tokenize_prompt(tokenizer, written, &ids));
  ASSERT_OK(tokenizer.tokenize(text, false, true, &whole));
  EXPECT_EQ(ids, whole);
  EXPECT_EQ(tokenizer.detokenize(ids.data(), ids.size(), true), text);
}

// DeepSeek-V3's tokenizer.json and tokenizer_config.json as a converter writes them into a GGUF file, with <think> and
// </think> where R1 has them: in places that V3 leaves free.
std::unique_ptr<Tokenizer> make_deepseek() {
  const std::string folder = test::shared_file("tokenizers/deepseek_v3");
  if (folder.empty()) return nullptr;
  const auto json = nlohmann::json::parse(std::ifstream(folder + "/tokenizer.json"));
  const auto config = nlohmann::json::parse(std::ifstream(folder + "/tokenizer_config.json"));
  std::vector<std::string> texts(129280, "[unused]"), merges;
  std::vector<int32_t> kinds(texts.size(), static_cast<int32_t>(TokenKind::kUnused));
  const auto put = [&](size_t id, const std::string& text, TokenKind kind) {
    texts[id] = text;
    kinds[id] = static_cast<int32_t>(kind);
  };
  for (const auto& [text, id] : json["model"]["vocab"].items()) put(id, text, TokenKind::kNormal);
  for (const auto& token : json["added_tokens"]) {
    const std::string text = token["content"];
    const bool is_control = token["special"] || text.starts_with("<｜") || text.starts_with("<|");
    put(token["id"], text, is_control ? TokenKind::kControl : TokenKind::kUserDefined);
  }
  put(128798, "<think>", TokenKind::kUserDefined);
  put(128799, "</think>", TokenKind::kUserDefined);
  for (const auto& merge : json["model"]["merges"]) merges.push_back(merge);
  test::GgufBuilder b;
  b.kv("tokenizer.ggml.model", "gpt2").kv("tokenizer.ggml.pre", "deepseek-v3");
  b.kv("tokenizer.ggml.tokens", texts).kv("tokenizer.ggml.token_type", kinds).kv("tokenizer.ggml.merges", merges);
  b.kv("tokenizer.ggml.bos_token_id", 0u).kv("tokenizer.ggml.eos_token_id", 1u);
  b.kv("tokenizer.chat_template", config["chat_template"].get<std::string>());
  return test::make_tokenizer(b);
}

const Tokenizer* deepseek() {  // null without the data
  static const std::unique_ptr<Tokenizer> tokenizer = make_deepseek();
  return tokenizer.get();
}

TEST(RealVocabulary, DeepSeek) {
  const Tokenizer* tokenizer = deepseek();
  if (tokenizer == nullptr) GTEST_SKIP() << "no tokenizer beside the repository";
  expect_prompt(*tokenizer, ChatFormat::kAuto, expected_v3());
  expect_prompt(*tokenizer, ChatFormat::kDeepSeekV2, expected_v2());
  expect_prompt(*tokenizer, ChatFormat::kDeepSeekV3, expected_v3());
  expect_prompt(*tokenizer, ChatFormat::kDeepSeekR1, expected_v3() + "<think>\n");
}

TEST(RealVocabulary, TemplatesRenderedWithJinja) {
  const Tokenizer* tokenizer = deepseek();
  const std::string path = test::shared_file("vectors/chat_templates_rendered.json");
  if (tokenizer == nullptr || path.empty()) GTEST_SKIP() << "no data beside the repository";
  const auto json = nlohmann::json::parse(std::ifstream(path));
  std::vector<Message> messages;
  for (const auto& m : json["messages"]) {
    messages.push_back({m["role"].get_ref<const std::string&>(), m["content"].get_ref<const std::string&>()});
  }
  const std::pair<const char*, ChatFormat> cases[] = {
      {"deepseek_v3 tokenizer_config", ChatFormat::kAuto},
      {"deepseek_v3 tokenizer_config", ChatFormat::kDeepSeekV3},
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja", ChatFormat::kDeepSeekR1}};
  for (const auto& [name, format] : cases) {
    MarkedText text;
    ASSERT_OK(write_prompt(*tokenizer, format, {}, messages, &text));
    EXPECT_EQ(text.bytes(), json["rendered"][name].get<std::string>());
  }
}

TEST(RealVocabulary, DeepSeekLlm) {
  const std::string path = test::shared_file("vectors/ggml-vocab-deepseek-llm.gguf");
  if (path.empty()) GTEST_SKIP() << "no vocabulary beside the repository";
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Tokenizer> tokenizer;
  ASSERT_OK(Gguf::open(path, &gguf));
  ASSERT_OK(Tokenizer::create(*gguf, Log(), &tokenizer));
  expect_prompt(*tokenizer, ChatFormat::kDeepSeekV2, expected_v2());
  MarkedText text;
  const Status status = write_prompt(*tokenizer, ChatFormat::kDeepSeekV3, {}, kMessages, &text);
  EXPECT_ERROR(status, Code::kUnsupported, {"<｜User｜>"});
}

}  // namespace
}  // namespace coterie
