#include "text/unicode.h"

#include <vector>

#include <gtest/gtest.h>

#include "small_vocab.h"
#include "text/byte_map.h"
#include "text/utf8_stream.h"

namespace coterie::test {
namespace {

using State = Utf8Head::State;

void expect_head(std::string_view text, State state, size_t n_bytes) {
  const Utf8Head head = utf8_head(text);
  EXPECT_EQ(head.state, state) << testing::PrintToString(text);
  EXPECT_EQ(head.n_bytes, n_bytes) << testing::PrintToString(text);
}

TEST(Unicode, EveryScalarValueIsWhole) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const std::string text = utf8(c);
    const Utf8Head head = utf8_head(text + "a");
    ASSERT_EQ(head.state, State::kWhole) << std::hex << uint32_t{c};
    ASSERT_EQ(head.n_bytes, text.size());
    ASSERT_EQ(decode(text), c);
    for (size_t n = 1; n < text.size(); ++n) {
      ASSERT_EQ(utf8_head(text.substr(0, n)).state, State::kCut);
      ASSERT_EQ(utf8_head(text.substr(0, n) + "a").state, State::kBroken);
    }
  }
}

TEST(Unicode, IllFormedSequences) {
  expect_head("\x80", State::kBroken, 1);
  expect_head("\xC0\x80", State::kBroken, 1);          // overlong
  expect_head("\xC1\xBF", State::kBroken, 1);
  expect_head("\xE0\x9F\xBF", State::kBroken, 1);
  expect_head("\xF0\x8F\xBF\xBF", State::kBroken, 1);
  expect_head("\xED\xA0\x80", State::kBroken, 1);      // surrogate
  expect_head("\xF4\x90\x80\x80", State::kBroken, 1);  // above U+10FFFF
  expect_head("\xF5\x80", State::kBroken, 1);
  expect_head("\xFF", State::kBroken, 1);
  expect_head("\xF0\x9F\x92", State::kCut, 3);
  expect_head("\xF0\x9F\x92 ", State::kBroken, 3);
  expect_head("\xE4\xB8\xE4", State::kBroken, 2);
}

TEST(Unicode, RepairReplacesEachBadByte) {
  std::string out;
  append_repaired(std::string_view("a\xE4\xB8\0é\xFF", 7), &out);
  EXPECT_EQ(out, std::string("a\uFFFD\uFFFD\0é\uFFFD", 13));
}

TEST(Unicode, ByteMapIsTheInverse) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  std::string back;
  EXPECT_TRUE(append_mapped_bytes(mapped(all), &back));
  EXPECT_EQ(back, all);
  back.clear();
  EXPECT_FALSE(append_mapped_bytes("a b\u4E2D\xFF", &back));  // none of the last three stands for a byte
  EXPECT_EQ(back, "a b\u4E2D\xFF");
}

// The text of pieces given one after the other, with what was held checked on the way.
std::string stream(const std::vector<std::string_view>& pieces) {
  Utf8Stream s;
  std::string out;
  for (const std::string_view piece : pieces) {
    s.push(piece, &out);
    EXPECT_LE(s.n_held(), 3u);
    EXPECT_TRUE(is_utf8(out));
  }
  s.finish(&out);
  EXPECT_EQ(s.n_held(), 0u);
  return out;
}

TEST(Utf8Stream, EverySplitInThree) {
  const std::string text = "aé中😀\u0301z\U0010FFFF€";
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      const std::string_view all = text;
      EXPECT_EQ(stream({all.substr(0, i), all.substr(i, j - i), all.substr(j)}), text) << i << " " << j;
    }
  }
}

TEST(Utf8Stream, GivesCharactersAsSoonAsTheyAreWhole) {
  Utf8Stream s;
  std::string out;
  s.push("\xF0\x9F", &out);
  EXPECT_EQ(out, "");
  s.push("\x98", &out);
  EXPECT_EQ(s.n_held(), 3u);
  s.push("\x80" "a\xC3", &out);
  EXPECT_EQ(out, "😀a");
  s.push("\xA9", &out);
  EXPECT_EQ(out, "😀aé");
}

TEST(Utf8Stream, InvalidBytesAreFlushedAtOnce) {
  Utf8Stream s;
  std::string out;
  s.push("\x80", &out);
  EXPECT_EQ(out, "\uFFFD");
  s.push("\xE4\xB8", &out);
  EXPECT_EQ(out, "\uFFFD");
  s.push("b", &out);  // breaks the sequence begun
  EXPECT_EQ(out, "\uFFFD\uFFFD" "b");
}

TEST(Utf8Stream, TheSplitNeverMattersForInvalidText) {
  const std::string text = "a\xE4\xB8z\xF0\x9F\x98\xF0\xC3\xC3\xA9\xED\xA0\x80\xFF\xF4\x90";
  const std::string whole = stream({text});
  // As Python's bytes.decode("utf-8", "replace").
  EXPECT_EQ(whole, "a\uFFFDz\uFFFD\uFFFD\uFFFDé\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
  EXPECT_EQ(stream(bytes), whole);
}

TEST(Utf8Stream, BrokenTailBecomesOneReplacement) {
  EXPECT_EQ(stream({"x\xF0\x9F\x98"}), "x\uFFFD");
  EXPECT_EQ(stream({"x"}), "x");
  EXPECT_EQ(stream({}), "");
}

}  // namespace
}  // namespace coterie::test
