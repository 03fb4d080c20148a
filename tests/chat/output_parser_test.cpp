#include "chat/output_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "base/expect_status.h"
#include "chat/markers.h"
#include "chat/prompt.h"
#include "chat/small_vocabulary.h"

namespace coterie {
namespace {

using test::SmallVocabulary;

struct Parts {
  std::string reasoning, answer;
  bool operator==(const Parts&) const = default;
};
std::ostream& operator<<(std::ostream& to, const Parts& p) {
  return to << "reasoning \"" << p.reasoning << "\", answer \"" << p.answer << "\"";
}

bool is_whole_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto b = static_cast<unsigned char>(text[i]);
    const size_t n = b < 0x80 ? 1 : b < 0xc0 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
    if (n == 0 || i + n > text.size()) return false;
    for (size_t j = 1; j < n; ++j) {
      if ((static_cast<unsigned char>(text[i + j]) & 0xc0) != 0x80) return false;
    }
    i += n;
  }
  return true;
}

void take_all(OutputParser* parser, Parts* parts) {
  for (Piece piece; parser->take(&piece);) {
    EXPECT_FALSE(piece.text.empty());
    EXPECT_TRUE(is_whole_utf8(piece.text)) << piece.text;
    EXPECT_TRUE(piece.kind == Piece::kAnswer || parts->answer.empty()) << "reasoning comes first";
    (piece.kind == Piece::kReasoning ? parts->reasoning : parts->answer) += piece.text;
  }
}

Parts parse(const Tokenizer& tokenizer, bool chat, const std::vector<int32_t>& prompt,
            const std::vector<int32_t>& answer) {
  OutputParser parser(tokenizer, chat, prompt);
  Parts parts;
  for (int32_t token : answer) {
    parser.push(token);
    take_all(&parser, &parts);
  }
  parser.finish();
  take_all(&parser, &parts);
  return parts;
}

std::vector<int32_t> ids(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> out;
  EXPECT_OK(tokenizer.tokenize(text, false, true, &out));
  return out;
}

// ---- transcripts: the end of the prompt, the answer as the model writes it, and its parts ----

struct Transcript {
  const char* name;
  std::string prompt, output;
  Parts parts;
};

const std::vector<Transcript>& transcripts() {
  static const std::string zero = std::string(kR1ZeroIntroduction) + "Hi. Assistant:";
  static const std::vector<Transcript> all = {
      {"forced think", "<｜Assistant｜><think>\n", "Hm.\n</think>\n\nHello", {"Hm.\n", "Hello"}},
      {"forced think without newline", "<｜Assistant｜><think>", "\nHm</think>Hi", {"Hm", "Hi"}},
      {"forced, empty", "<think>\n", "\n</think>\n\nHi", {"", "Hi"}},
      {"own think", "<｜Assistant｜>", "<think>\nHm é\n</think>\n\nHello 🦙", {"Hm é\n", "Hello 🦙"}},
      {"space before think", "<｜Assistant｜>", " \n <think>x</think>\ny", {"x", "y"}},
      {"no think", "<｜Assistant｜>", "Hello <think>no</thinking>", {"", "Hello <think>no</thinking>"}},
      {"space and no think", "<｜Assistant｜>", "  Hello", {"", "  Hello"}},
      {"space only", "<｜Assistant｜>", " \n", {"", " \n"}},
      {"nothing", "<｜Assistant｜>", "", {"", ""}},
      {"nearly think", "<｜Assistant｜>", "<thin ice>", {"", "<thin ice>"}},
      {"cut in the opening tag", "<｜Assistant｜>", "<thi", {"", "<thi"}},
      {"unfinished reasoning", "<think>\n", "a < b </thin", {"a < b </thin", ""}},
      {"nearly the end", "<think>\n", "x</</think>y", {"x</", "y"}},
      {"tags in reasoning", "<think>\n", "<think><answer></think>\n\n\nz", {"<think><answer>", "\nz"}},
      {"leaked end of reasoning", "<｜Assistant｜>", "</think>\n\nHi", {"", "Hi"}},
      {"stray end in the answer", "<think>\n", "a</think>b</think>\nc", {"a", "b\nc"}},
      {"answer tags belong to the answer", "<think>\n", "a</think><answer>b</answer>", {"a", "<answer>b</answer>"}},
      {"V2", "\n\nAssistant:", " Hello", {"", "Hello"}},
      {"V2, one space", "\n\nAssistant:", "  Hello ", {"", " Hello "}},
      {"V2, no space", "\n\nAssistant:", "Hello", {"", "Hello"}},
      {"R1-Zero", zero, " <think> Hm </think> <answer> 4 </answer>", {" Hm ", "4 "}},
      {"R1-Zero, newlines", zero, "\n<think>\nHm\n</think>\n\n<answer>\n4\n</answer>\n", {"Hm\n", "4\n\n"}},
      {"R1-Zero without tags", zero, " It is 4 < 5", {"", "It is 4 < 5"}},
      {"R1-Zero, nearly a tag", zero, "<think>a</think></ans <answer>b", {"a", "</ans b"}},
      {"multibyte", "<think>\n", "思考é</think>\n\n答案🚀", {"思考é", "答案🚀"}},
  };
  return all;
}

// The output cut in up to three tokens, everywhere: what each is called, tags included, must not matter.
TEST(Transcripts, CutAnywhere) {
  for (const Transcript& t : transcripts()) {
    for (bool has_think : {true, false}) {
      SmallVocabulary vocabulary({.think = has_think});
      const std::string& s = t.output;
      std::vector<std::vector<int32_t>> cuts;
      for (size_t i = 0; i <= s.size(); ++i) {
        for (size_t j = i; j <= s.size(); ++j) {
          cuts.emplace_back();
          for (const std::string& part : {s.substr(0, i), s.substr(i, j - i), s.substr(j)}) {
            if (!part.empty()) cuts.back().push_back(vocabulary.add(part));
          }
        }
      }
      const auto tokenizer = vocabulary.make();
      const auto prompt = ids(*tokenizer, t.prompt);
      for (const auto& tokens : cuts) ASSERT_EQ(parse(*tokenizer, true, prompt, tokens), t.parts) << t.name;
    }
  }
}

TEST(Transcripts, InSingleBytesAndInTokens) {
  for (const Transcript& t : transcripts()) {
    for (TokenKind kind : {TokenKind::kUserDefined, TokenKind::kControl}) {
      SmallVocabulary vocabulary({.think_kind = kind});
      std::vector<int32_t> bytes;
      for (char c : t.output) bytes.push_back(vocabulary.add(std::string(1, c)));
      const auto tokenizer = vocabulary.make();
      const auto prompt = ids(*tokenizer, t.prompt);
      EXPECT_EQ(parse(*tokenizer, true, prompt, bytes), t.parts) << t.name;
      const auto tokens = ids(*tokenizer, t.output);
      EXPECT_EQ(parse(*tokenizer, true, prompt, tokens), t.parts) << t.name;
    }
  }
}

TEST(Transcripts, InRandomTokens) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    std::mt19937 rng(seed);
    for (const Transcript& t : transcripts()) {
      SmallVocabulary vocabulary;
      std::vector<int32_t> tokens;
      for (size_t at = 0; at < t.output.size();) {
        const size_t n = 1 + rng() % 6;
        tokens.push_back(vocabulary.add(t.output.substr(at, n)));
        at += n;
      }
      const auto tokenizer = vocabulary.make();
      EXPECT_EQ(parse(*tokenizer, true, ids(*tokenizer, t.prompt), tokens), t.parts) << t.name << ", seed " << seed;
    }
  }
}

TEST(Prompts, OfEveryFormatStartInTheRightState) {
  const auto tokenizer = SmallVocabulary().make();
  const std::vector<Message> messages = {{"user", "Hi"}};
  const std::pair<ChatFormat, Parts> cases[] = {{ChatFormat::kDeepSeekV2, {"", "a</b"}},
                                                {ChatFormat::kDeepSeekV3, {"", " a</b"}},
                                                {ChatFormat::kDeepSeekR1, {" a</b", ""}},
                                                {ChatFormat::kR1Zero, {"", "a</b"}},
                                                {ChatFormat::kPlain, {"", " a</b"}}};
  for (const auto& [format, parts] : cases) {
    std::vector<int32_t> prompt;
    MarkedText text;
    ASSERT_OK(write_prompt(*tokenizer, format, {}, messages, &text));
    ASSERT_OK(tokenize_prompt(*tokenizer, text, &prompt));
    EXPECT_EQ(parse(*tokenizer, true, prompt, ids(*tokenizer, " a</b")), parts) << static_cast<int>(format);
  }
}

// ---- streaming ----

TEST(Streaming, HoldsBackOnlyWhatMayBecomeATag) {
  SmallVocabulary vocabulary;
  const int32_t hello = vocabulary.add("Hello"), less = vocabulary.add("a <"), thin = vocabulary.add("/thin"),
                k = vocabulary.add("k"), end = vocabulary.add(">b");
  const auto tokenizer = vocabulary.make();
  OutputParser parser(*tokenizer, true, ids(*tokenizer, "<think>\n"));
  Piece piece;
  EXPECT_FALSE(parser.take(&piece));
  const std::pair<int32_t, const char*> steps[] = {{hello, "Hello"}, {less, "a "}, {hello, "<Hello"}, {less, "a "},
                                                   {thin, ""},       {k, ""}};
  for (const auto& [token, expected] : steps) {
    parser.push(token);
    EXPECT_EQ(parser.take(&piece) ? piece.text : "", expected);
    EXPECT_EQ(piece.kind, Piece::kReasoning);
  }
  parser.push(end);
  ASSERT_TRUE(parser.take(&piece));
  EXPECT_EQ(piece.kind, Piece::kAnswer);
  EXPECT_EQ(piece.text, "b");
  EXPECT_FALSE(parser.take(&piece));
}

TEST(Streaming, JoinsTextOfOneKind) {
  const auto tokenizer = SmallVocabulary().make();
  OutputParser parser(*tokenizer, true, ids(*tokenizer, "<think>\n"));
  for (int32_t token : ids(*tokenizer, "one two</think>three four")) parser.push(token);
  Piece piece;
  ASSERT_TRUE(parser.take(&piece));
  EXPECT_EQ(piece.text, "one two");
  ASSERT_TRUE(parser.take(&piece));
  EXPECT_EQ(piece.text, "three four");
  EXPECT_FALSE(parser.take(&piece));
}

TEST(Streaming, EndsHalfACharacterWithAReplacement) {
  SmallVocabulary vocabulary;
  const int32_t a = vocabulary.add("a"), half = vocabulary.add("\xf0\x9f\x9a");
  const auto tokenizer = vocabulary.make();
  for (bool chat : {false, true}) {
    EXPECT_EQ(parse(*tokenizer, chat, {}, {a, half}), (Parts{"", "a\uFFFD"}));
    EXPECT_EQ(parse(*tokenizer, chat, {}, {half, a}), (Parts{"", "\uFFFDa"}));
  }
}

TEST(Streaming, ControlTokensAndUnknownIdsHaveNoText) {
  SmallVocabulary vocabulary;
  const int32_t a = vocabulary.add("a");
  const auto tokenizer = vocabulary.make();
  for (bool chat : {false, true}) {
    const std::vector<int32_t> tokens = {tokenizer->bos(), a, tokenizer->find("<｜User｜>"), -1, 1 << 30, a,
                                         tokenizer->eos()};
    EXPECT_EQ(parse(*tokenizer, chat, {}, tokens), (Parts{"", "aa"}));
  }
}

// ---- text as it stands ----

TEST(Verbatim, KeepsEveryTranscript) {
  for (const Transcript& t : transcripts()) {
    const auto tokenizer = SmallVocabulary().make();
    const auto parts = parse(*tokenizer, false, ids(*tokenizer, t.prompt), ids(*tokenizer, t.output));
    EXPECT_EQ(parts, (Parts{"", t.output})) << t.name;
  }
}

// ---- SPM: the space that tokenising puts first ----

class Spm : public testing::Test {
 protected:
  Spm() {
    std::vector<std::string> texts = {"<unk>", "<s>", "</s>", "<｜Assistant｜>", "<think>", "</think>"};
    std::vector<int32_t> kinds = {2, 3, 3, 3, 4, 4};
    for (const char* text : {"▁", "▁Hi", "▁▁", "!", "H", "i", "<0x0A>"}) {
      texts.push_back(text);
      kinds.push_back(text[0] == '<' ? 6 : 1);
    }
    test::GgufBuilder b;
    b.kv("tokenizer.ggml.model", "llama").kv("tokenizer.ggml.tokens", texts).kv("tokenizer.ggml.token_type", kinds);
    b.kv("tokenizer.ggml.scores", std::vector<float>(texts.size(), 0));
    tokenizer_ = test::make_tokenizer(b);
  }
  int32_t id(const char* text) const { return tokenizer_->find(text); }
  Parts parsed(bool chat, std::vector<int32_t> prompt, std::vector<int32_t> answer) const {
    return parse(*tokenizer_, chat, prompt, answer);
  }

  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(Spm, TextBeginsWithoutTheSpaceOnlyWhereItBegins) {
  const int32_t bos = id("<s>"), hi = id("▁Hi"), spaces = id("▁▁");
  EXPECT_EQ(parsed(false, {bos}, {hi, hi}), (Parts{"", "Hi Hi"}));
  EXPECT_EQ(parsed(false, {}, {hi}), (Parts{"", "Hi"}));
  EXPECT_EQ(parsed(false, {bos}, {bos, hi}), (Parts{"", "Hi"}));
  EXPECT_EQ(parsed(false, {bos}, {spaces, hi}), (Parts{"", "  Hi"}));
  EXPECT_EQ(parsed(false, {bos, hi}, {hi}), (Parts{"", " Hi"})) << "text goes on: the space is real";
}

TEST_F(Spm, ChatsDropItAfterEveryMarker) {
  const int32_t bos = id("<s>"), assistant = id("<｜Assistant｜>"), hi = id("▁Hi"), think = id("<think>"),
                end = id("</think>"), space = id("▁"), newline = id("<0x0A>");
  EXPECT_EQ(parsed(true, {bos, assistant}, {hi, hi}), (Parts{"", "Hi Hi"}));
  EXPECT_EQ(parsed(true, {bos, assistant, think}, {hi, end, hi}), (Parts{"Hi", "Hi"}));
  EXPECT_EQ(parsed(true, {bos, assistant, think, space, newline}, {hi, end, space, newline, newline, hi}),
            (Parts{" Hi", " Hi"}));
  EXPECT_EQ(parsed(true, {bos, hi}, {hi}), (Parts{"", " Hi"}));
}

}  // namespace
}  // namespace coterie
