// Calls of tools read out of answers: every notation, cut into tokens everywhere, and what is no call.
#include "chat/tool_calls.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "base/expect_status.h"
#include "chat/chat_template.h"
#include "chat/output_parser.h"
#include "chat/small_vocabulary.h"
#include "gguf/test_files.h"

namespace coterie {
namespace {

using test::SmallVocabulary;

constexpr const char* kTools = R"([
  {"type": "function", "function": {"name": "weather", "description": "é", "parameters": {"type": "object", "properties": {
    "city": {"type": "string"}, "days": {"type": "array"}, "code": {"type": "string"}, "n": {"type": "integer"}}}}},
  {"type": "function", "function": {"name": "clock"}}])";

// What an answer says, in one line: [reasoning]answer{name id arguments}...
std::string parsed(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt, const std::vector<int32_t>& answer,
                   const char* tools = kTools) {
  Tools known;
  EXPECT_OK(Tools::parse(tools, &known));
  OutputParser parser(tokenizer, true, prompt, known);
  std::string out;
  Piece::Kind last = Piece::kAnswer;
  const auto take_all = [&] {
    for (Piece piece; parser.take(&piece); last = piece.kind) {
      if (piece.kind == Piece::kToolCall) {
        out += "{" + piece.call.name + " " + piece.call.id + " " + piece.call.arguments + "}";
        continue;
      }
      EXPECT_FALSE(piece.text.empty());
      if (piece.kind == Piece::kReasoning && last != Piece::kReasoning) out += "[reasoning]";
      if (piece.kind != Piece::kReasoning && last == Piece::kReasoning) out += "[answer]";
      out += piece.text;
    }
  };
  for (int32_t token : answer) {
    parser.push(token);
    take_all();
  }
  parser.finish();
  take_all();
  return out;
}

std::vector<int32_t> ids(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> out;
  EXPECT_OK(tokenizer.tokenize(text, false, true, &out));
  return out;
}

struct Transcript {
  const char* sign;  // what the chat template holds
  std::string prompt, output, expected;
};

const std::string kDeepSeek = "<｜tool▁calls▁begin｜>", kDeepSeekEnd = "<｜tool▁calls▁end｜>";
std::string v3(const std::string& name, const std::string& json) {
  return "<｜tool▁call▁begin｜>function<｜tool▁sep｜>" + name + "\n```json\n" + json + "\n```<｜tool▁call▁end｜>";
}
std::string v31(const std::string& name, const std::string& json) {
  return "<｜tool▁call▁begin｜>" + name + "<｜tool▁sep｜>" + json + "<｜tool▁call▁end｜>";
}
std::string parameter(const std::string& name, const char* is_text, const std::string& value) {
  return "<｜DSML｜parameter name=\"" + name + "\" string=\"" + is_text + "\">" + value + "</｜DSML｜parameter>\n";
}
std::string kimi(const std::string& id, const std::string& json) {
  return "<|tool_call_begin|>" + id + "<|tool_call_argument_begin|>" + json + "<|tool_call_end|>";
}

const std::string kNested = R"({"city":"北京 \"<é>\"","days":[1,{"a":null}],"x":1.50})";
const std::string kNestedOut = R"({"city": "北京 \"<é>\"", "days": [1, {"a": null}], "x": 1.5})";

const std::vector<Transcript>& transcripts() {
  static const std::string dsml = "｜DSML｜", call = "{\"name\": \"weather\", \"arguments\": " + kNested + "}";
  static const std::vector<Transcript> all = {
      // DeepSeek V3 and R1, V3.1
      {"<｜tool▁calls▁begin｜>", "<｜Assistant｜>",
       "I look.\n\n" + kDeepSeek + v3("weather", kNested) + "\n" + v3("clock", "{}") + kDeepSeekEnd,
       "I look.{weather  " + kNestedOut + "}{clock  {}}"},
      {"<｜tool▁calls▁begin｜>", "<think>\n", "Hm.\n</think>\n\n" + kDeepSeek + v3("clock", "{}") + kDeepSeekEnd,
       "[reasoning]Hm.\n{clock  {}}"},
      {"<｜tool▁calls▁begin｜>", "</think>",
       kDeepSeek + v31("weather", kNested) + v31("clock", "{}") + kDeepSeekEnd + "\n ok",
       "{weather  " + kNestedOut + "}{clock  {}}ok"},
      {"<｜tool▁calls▁begin｜>", "</think>", kDeepSeek + v31("clock", "{}"), "{clock  {}}"},
      {"<｜tool▁calls▁begin｜>", "</think>",
       "a " + kDeepSeek + v31("clock", "{}") + v31("clock", "{\"a\": ") + kDeepSeekEnd + "b",
       "a{clock  {}}" + v31("clock", "{\"a\": ") + kDeepSeekEnd + "b"},
      {"<｜tool▁calls▁begin｜>", "</think>", "a \n" + kDeepSeek + "<｜tool▁call▁begin｜>clock",
       "a \n" + kDeepSeek + "<｜tool▁call▁begin｜>clock"},
      {"<｜tool▁calls▁begin｜>", "</think>", kDeepSeek + v31("clock", "[]") + kDeepSeekEnd,
       kDeepSeek + v31("clock", "[]") + kDeepSeekEnd},
      {"<｜tool▁calls▁begin｜>", "</think>", "a < b <｜tool▁calls \n", "a < b <｜tool▁calls \n"},
      // V3.2, V4
      {"｜DSML｜", "</think>",
       "I look.\n\n<" + dsml + "function_calls>\n<" + dsml + "invoke name=\"weather\">\n" +
           parameter("city", "true", "北京 \"é\"\n<b>") + parameter("days", "false", "[1, {\"a\": 2}]") + "</" + dsml +
           "invoke>\n<" + dsml + "invoke name=\"clock\">\n</" + dsml + "invoke>\n</" + dsml + "function_calls>",
       "I look.{weather  {\"city\": \"北京 \\\"é\\\"\\n<b>\", \"days\": [1, {\"a\": 2}]}}{clock  {}}"},
      {"｜DSML｜", "</think>",
       "<" + dsml + "tool_calls>\n<" + dsml + "invoke name=\"clock\">\n</" + dsml + "invoke>\n</" + dsml +
           "tool_calls>",
       "{clock  {}}"},
      {"｜DSML｜", "</think>",
       "<" + dsml + "tool_calls>\n<" + dsml + "invoke name=\"clock\">\n" + parameter("n", "false", "x") + "</" + dsml +
           "invoke>",
       "<" + dsml + "tool_calls>\n<" + dsml + "invoke name=\"clock\">\n" + parameter("n", "false", "x") + "</" + dsml +
           "invoke>"},
      // Hermes, Qwen
      {"<tool_call>", "assistant\n",
       "I look.\n<tool_call>\n" + call +
           "\n</tool_call>\n<tool_call>\n{\"name\": \"clock\", \"arguments\": {}}\n</tool_call>",
       "I look.{weather  " + kNestedOut + "}{clock  {}}"},
      {"<tool_call>", "assistant\n", "<think>\na <tool_call>\n</think>\n\n<tool_call>" + call + "</tool_call> done",
       "[reasoning]a <tool_call>\n{weather  " + kNestedOut + "}done"},
      {"<tool_call>", "assistant\n", "<tool_call>\n{\"name\": \"clock\"}\n</tool_call>", "{clock  {}}"},
      {"<tool_call>", "assistant\n",
       "<tool_call>\n{\"name\": \"clock\", \"arguments\": \"{\\\"a\\\": 1}\"}\n</tool_call>", "{clock  {\"a\": 1}}"},
      {"<tool_call>", "assistant\n", "x <tool_call>nothing much</tool_call> y",
       "x <tool_call>nothing much</tool_call> y"},
      {"<tool_call>", "assistant\n", "x\n<tool_call>\n{\"name\": \"clo", "x\n<tool_call>\n{\"name\": \"clo"},
      {"<tool_call>", "assistant\n", "a <tool", "a <tool"},
      // Qwen3-Coder
      {"<tool_call>", "assistant\n",
       "<tool_call>\n<function=weather>\n<parameter=city>\n北京\nzwei\n</parameter>\n<parameter=days>\n[1, "
       "2]\n</parameter>\n"
       "<parameter=code>\n42\n</parameter>\n<parameter=free>\ntrue\n</parameter>\n<parameter=n>\nmany\n</parameter>\n</"
       "function>\n</tool_call>",
       "{weather  {\"city\": \"北京\\nzwei\", \"days\": [1, 2], \"code\": \"42\", \"free\": true, \"n\": \"many\"}}"},
      {"<tool_call>", "assistant\n", "<tool_call>\n<function=clock>\n</tool_call>",
       "<tool_call>\n<function=clock>\n</tool_call>"},
      // GLM
      {"<tool_call>", "assistant\n",
       "\n<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>北京</arg_value>\n<arg_key>days</"
       "arg_key>\n<arg_value>[1]</arg_value>\n</tool_call>"
       "\n<tool_call>clock\n</tool_call>",
       "{weather  {\"city\": \"北京\", \"days\": [1]}}{clock  {}}"},
      // Kimi
      {"<|tool_calls_section_begin|>", "<|im_middle|>",
       "I look.<|tool_calls_section_begin|>" + kimi("functions.weather:3", kNested) + kimi("functions.clock:4", "{}") +
           "<|tool_calls_section_end|>",
       "I look.{weather functions.weather:3 " + kNestedOut + "}{clock functions.clock:4 {}}"},
      {"<|tool_calls_section_begin|>", "<|im_middle|>",
       "<|tool_calls_section_begin|>" + kimi("functions.weather:3", "{") + "x",
       "<|tool_calls_section_begin|>" + kimi("functions.weather:3", "{") + "x"},
      // Llama 3
      {"<|start_header_id|>", "\n\n", "{\"name\": \"weather\", \"parameters\": " + kNested + "}",
       "{weather  " + kNestedOut + "}"},
      {"<|start_header_id|>", "\n\n",
       " <|python_tag|>{\"type\": \"function\", \"name\": \"clock\", \"parameters\": {}}; {\"name\": \"clock\", "
       "\"parameters\": {}}\n",
       "{clock  {}}{clock  {}}"},
      {"<|start_header_id|>", "\n\n", "{\"name\": \"Odo\", \"parameters\": {}}",
       "{\"name\": \"Odo\", \"parameters\": {}}"},
      {"<|start_header_id|>", "\n\n", "{\"name\": \"clock\", \"parameters\": {",
       "{\"name\": \"clock\", \"parameters\": {"},
      {"<|start_header_id|>", "\n\n", "So: {\"name\": \"clock\", \"parameters\": {}}",
       "So: {\"name\": \"clock\", \"parameters\": {}}"},
      // gpt-oss
      {"<|channel|>", "<|start|>assistant",
       "<|channel|>analysis<|message|>Hm <b>é<|end|><|start|>assistant<|channel|>commentary to=functions.weather "
       "<|constrain|>json<|message|>" +
           kNested + "<|call|>",
       "[reasoning]Hm <b>é{weather  " + kNestedOut + "}"},
      {"<|channel|>", "<|start|>assistant", " to=functions.clock<|channel|>commentary json<|message|>{}",
       "{clock  {}}"},
      {"<|channel|>", "<|start|>assistant",
       "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>commentary<|message|>I "
       "look.<|end|><|start|>assistant<|channel|>final<|message|>Sunny <3<|return|>",
       "[reasoning]Hm[answer]I look.Sunny <3"},
      {"<|channel|>", "<|start|>assistant", "<|channel|>commentary to=functions.clock<|message|>{\"a\": <",
       "{\"a\": <"},
      {"<|channel|>", "<|start|>assistant", "<|channel|>analysis<|message|>so <|e", "[reasoning]so <|e"},
      {"<|channel|>", "<|start|>assistant", "Hello there", "Hello there"},
      {"<|channel|>", "<|start|>assistant", "<|channel|>fin", ""},
  };
  return all;
}

std::string name_of(const Transcript& t) { return std::string(t.sign) + " " + t.output; }

TEST(ToolCalls, CutInTwoAnywhere) {
  for (const Transcript& t : transcripts()) {
    SmallVocabulary vocabulary({.chat_template = t.sign});
    std::vector<std::vector<int32_t>> cuts;
    for (size_t i = 0; i <= t.output.size(); ++i) {
      cuts.emplace_back();
      for (const std::string& part : {t.output.substr(0, i), t.output.substr(i)}) {
        if (!part.empty()) cuts.back().push_back(vocabulary.add(part));
      }
    }
    const auto tokenizer = vocabulary.make();
    const auto prompt = ids(*tokenizer, t.prompt);
    for (const auto& tokens : cuts) ASSERT_EQ(parsed(*tokenizer, prompt, tokens), t.expected) << name_of(t);
  }
}

TEST(ToolCalls, InSingleBytesAndInRandomTokens) {
  for (const Transcript& t : transcripts()) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::mt19937 rng(seed);
      SmallVocabulary vocabulary({.chat_template = t.sign});
      std::vector<int32_t> tokens;
      for (size_t at = 0; at < t.output.size();) {
        const size_t n = seed == 0 ? 1 : 1 + rng() % 9;
        tokens.push_back(vocabulary.add(t.output.substr(at, n)));
        at += n;
      }
      const auto tokenizer = vocabulary.make();
      ASSERT_EQ(parsed(*tokenizer, ids(*tokenizer, t.prompt), tokens), t.expected) << name_of(t) << ", seed " << seed;
    }
  }
}

// Markers as the control tokens that they are in the models' vocabularies.
TEST(ToolCalls, InControlTokens) {
  for (const Transcript& t : transcripts()) {
    SmallVocabulary::Options options = {.chat_template = t.sign};
    for (ToolSyntax syntax : {ToolSyntax::kDeepSeek, ToolSyntax::kDsml, ToolSyntax::kTags, ToolSyntax::kKimi,
                              ToolSyntax::kLlama, ToolSyntax::kHarmony}) {
      for (std::string_view marker : markers_of(syntax).tokens) options.controls.emplace_back(marker);
    }
    const auto tokenizer = SmallVocabulary(options).make();
    EXPECT_EQ(parsed(*tokenizer, ids(*tokenizer, t.prompt), ids(*tokenizer, t.output)), t.expected) << name_of(t);
  }
}

TEST(ToolCalls, TruncatedAnswersLoseNothing) {
  for (const Transcript& t : transcripts()) {
    if (std::string_view(t.sign) == "<|channel|>") continue;  // headers of messages are no text
    for (size_t end = 0; end < t.output.size(); ++end) {
      SmallVocabulary vocabulary({.chat_template = t.sign});
      const std::string cut = t.output.substr(0, end);
      const int32_t token = vocabulary.add(cut);
      const auto tokenizer = vocabulary.make();
      const std::string said =
          parsed(*tokenizer, ids(*tokenizer, t.prompt), end == 0 ? std::vector<int32_t>() : std::vector{token});
      if (said.find("{weather ") != said.npos || said.find("{clock ") != said.npos) continue;
      std::string letters, expected;  // white space and tags of reasoning may go
      for (char c : said) letters += c < 0 || c > ' ' ? std::string(1, c) : "";
      for (char c : cut) expected += c < 0 || c > ' ' ? std::string(1, c) : "";
      for (const char* tag : {"[reasoning]", "[answer]", "<think>", "</think>", "\xef\xbf\xbd"}) {
        for (std::string* s : {&letters, &expected}) {
          for (size_t at; (at = s->find(tag)) != s->npos;) s->erase(at, std::string_view(tag).size());
        }
      }
      while (!expected.empty() && !letters.empty() && (expected.back() & 0x80) != 0 && expected.size() > letters.size())
        expected.pop_back();
      ASSERT_EQ(letters, expected) << cut;
    }
  }
}

TEST(ToolCalls, WithoutToolsAreText) {
  for (const Transcript& t : transcripts()) {
    if (std::string_view(t.sign) == "<|channel|>" || t.output.find("think>") != std::string::npos) continue;
    SmallVocabulary vocabulary({.chat_template = t.sign});
    const int32_t token = vocabulary.add(t.output);
    const auto tokenizer = vocabulary.make();
    EXPECT_EQ(parsed(*tokenizer, ids(*tokenizer, t.prompt == "<think>\n" ? "" : t.prompt), {token}, ""), t.output);
  }
}

// What a model's template makes of calls is read back as the same calls.
TEST(ToolCalls, TemplatesAndParserAgree) {
  const std::vector<ToolCall> calls = {{"functions.weather:0", "weather", kNestedOut}};
  const struct {
    const char* file;
    std::string_view begin;
  } kCases[] = {
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja", kDeepSeek},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", kDeepSeek},
      {"deepseek-ai-DeepSeek-V3.1.jinja", kDeepSeek},
      {"deepseek-ai-DeepSeek-V3.2.jinja", "<｜DSML｜function_calls>"},
      {"deepseek-ai-DeepSeek-V4.jinja", "<｜DSML｜tool_calls>"},
      {"Qwen-Qwen2.5-7B-Instruct.jinja", "<tool_call>"},
      {"Qwen-Qwen3-0.6B.jinja", "<tool_call>"},
      {"Qwen3.5-4B.jinja", "<tool_call>"},
      {"GLM-4.6.jinja", "<tool_call>"},
      {"moonshotai-Kimi-K2.jinja", "<|tool_calls_section_begin|>"},
      {"meta-llama-Llama-3.1-8B-Instruct.jinja", "{\"name\""},
      {"openai-gpt-oss-120b.jinja", " to=functions"},
  };
  for (const auto& c : kCases) {
    const std::string path = test::shared_file(std::string("templates/") + c.file);
    if (path.empty()) GTEST_SKIP() << "no templates beside the repository";
    std::stringstream source;
    source << std::ifstream(path).rdbuf();
    const std::vector<Message> messages = {
        {"user", "u"},
        {.role = "assistant", .content = "", .tool_calls = calls},
        {.role = "tool", .content = "RESULT", .name = "weather", .tool_call_id = calls[0].id}};
    SmallVocabulary vocabulary({.chat_template = source.str()});
    MarkedText text;
    EXPECT_OK(render_chat_template(*vocabulary.make(), {}, messages, &text)) << c.file;
    const size_t begin = text.bytes().find(c.begin);
    ASSERT_NE(begin, std::string_view::npos) << c.file << "\n" << text.bytes();
    EXPECT_NE(text.bytes().find("RESULT"), std::string_view::npos) << c.file;
    const int32_t token = vocabulary.add(text.bytes().substr(begin));
    const std::string said = parsed(*vocabulary.make(), {}, {token});
    const std::string id = recognise_tool_syntax(*vocabulary.make()) == ToolSyntax::kKimi ? calls[0].id : "";
    EXPECT_NE(said.find("{weather " + id + " " + kNestedOut + "}"), std::string::npos) << c.file << "\n" << said;
  }
}

TEST(ToolCalls, SyntaxFollowsTheTemplateOrTheVocabulary) {
  EXPECT_EQ(recognise_tool_syntax(*SmallVocabulary().make()), ToolSyntax::kNone);
  EXPECT_EQ(recognise_tool_syntax(*SmallVocabulary({.controls = {"<｜tool▁calls▁begin｜>"}}).make()),
            ToolSyntax::kDeepSeek);
  EXPECT_EQ(recognise_tool_syntax(*SmallVocabulary({.chat_template = "x", .controls = {"<tool_call>"}}).make()),
            ToolSyntax::kNone);
}

TEST(ToolCalls, ToolsMustBeTools) {
  Tools tools;
  EXPECT_OK(Tools::parse("", &tools));
  EXPECT_TRUE(tools.empty());
  EXPECT_OK(Tools::parse(kTools, &tools));
  EXPECT_TRUE(tools.has("clock") && !tools.has("Odo"));
  EXPECT_EQ(tools.kind("weather", "city"), Tools::Kind::kText);
  EXPECT_EQ(tools.kind("weather", "days"), Tools::Kind::kOther);
  EXPECT_EQ(tools.kind("weather", "nothing"), Tools::Kind::kUnknown);
  for (const char* bad : {"{}", "[", "[{}]", "[1]", R"([{"type": "function", "function": {}}])"}) {
    EXPECT_ERROR(Tools::parse(bad, &tools), Code::kInvalidArgument, {"tools"}) << bad;
  }
}

}  // namespace
}  // namespace coterie
