#include "gguf/names.h"

#include <gtest/gtest.h>

namespace coterie {
namespace {

using std::string_literals::operator""s;

TEST(Names, PlainText) {
  for (const std::string& text : {""s, "blk.0.attn_q.weight"s, "größe"s, "\u20ac"s, "\U0001F600"s, "\U0010FFFF"s,
                                  "\xed\x9f\xbf"s, "\xee\x80\x80"s}) {
    EXPECT_TRUE(is_plain_text(text)) << printable(text);
  }
}

TEST(Names, NotPlainText) {
  for (const std::string& text :
       {"a\0b"s, "line\n"s, "\x1b[31m"s, "\x7f"s, "\x80"s, "\xff"s, "\xc3"s, "\xe2\x82"s, "\xf0\x9f\x98"s,
        "\xc0\xaf"s,          // overlong
        "\xe0\x80\xaf"s, "\xf0\x80\x80\xaf"s,
        "\xed\xa0\x80"s,      // surrogate
        "\xf4\x90\x80\x80"s,  // above U+10FFFF
        "\xf5\x80\x80\x80"s, "\xe2\x28\xa1"s}) {
    EXPECT_FALSE(is_plain_text(text)) << printable(text);
    EXPECT_TRUE(is_plain_text(printable(text))) << printable(text);
  }
}

TEST(Names, PrintableShowsBytes) {
  EXPECT_EQ(printable("größe"), "größe");
  EXPECT_EQ(printable("a\0\x1b\xff"s), "a\\x00\\x1b\\xff");
}

TEST(Names, PrintableIsShortAndKeepsBothEnds) {
  const std::string text = "begin" + std::string(70000, 'x') + "end";
  const std::string name = "begin" + std::string(200, 'x') + "end";
  EXPECT_LE(printable(text).size(), 100u);
  EXPECT_LE(printable(name).size(), 100u);
  EXPECT_TRUE(printable(name).starts_with("beginx"));
  EXPECT_TRUE(printable(name).ends_with("xend"));
  for (size_t shift = 0; shift < 4; ++shift) {  // cuts at every place within a character
    std::string smiles(shift, 'x');
    for (int i = 0; i < 50; ++i) smiles += "\U0001F600";
    EXPECT_TRUE(is_plain_text(printable(smiles)));
    EXPECT_LE(printable(smiles).size(), 100u);
  }
}

}  // namespace
}  // namespace coterie
