#include "text/special_matcher.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace coterie {

bool operator==(const SpecialMatch& a, const SpecialMatch& b) {
  return a.begin == b.begin && a.end == b.end && a.id == b.id;
}
void PrintTo(const SpecialMatch& m, std::ostream* out) { *out << m.id << " at " << m.begin << ".." << m.end; }

namespace test {
namespace {

using Entries = std::vector<SpecialMatcher::Entry>;
using Matches = std::vector<SpecialMatch>;

Matches find(const Entries& entries, std::string_view text) {
  SpecialMatcher matcher;
  matcher.build(entries);
  Matches matches;
  matcher.find(text, &matches);
  return matches;
}

// The definition: for each token in turn, longest first, split every fragment that is still raw at every occurrence.
Matches find_slowly(Entries entries, std::string_view text) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.id < b.id;
  });
  struct Fragment {
    size_t begin, end;
    int32_t id;  // -1: raw
  };
  std::vector<Fragment> fragments = {{0, text.size(), -1}};
  for (const auto& entry : entries) {
    std::vector<Fragment> next;
    for (Fragment f : fragments) {
      while (f.id < 0) {
        const size_t at = text.substr(0, f.end).find(entry.text, f.begin);
        if (at == text.npos) break;
        next.push_back({f.begin, at, -1});
        next.push_back({at, at + entry.text.size(), entry.id});
        f.begin = at + entry.text.size();
      }
      next.push_back(f);
    }
    fragments = next;
  }
  Matches matches;
  for (const Fragment& f : fragments) {
    if (f.id >= 0) matches.push_back({f.begin, f.end, f.id});
  }
  return matches;
}

TEST(SpecialMatcher, LongerTokensComeFirstWhereverTheyStand) {
  EXPECT_EQ(find({{"ab", 1}, {"bcd", 2}}, "abcd"), Matches({{1, 4, 2}}));
  EXPECT_EQ(find({{"ab", 1}, {"bc", 2}}, "abcbc"), Matches({{0, 2, 1}, {3, 5, 2}}));
  EXPECT_EQ(find({{"bc", 1}, {"ab", 2}}, "abc"), Matches({{1, 3, 1}}));  // of equal length, the lower id
}

TEST(SpecialMatcher, OccurrencesDoNotOverlap) {
  EXPECT_EQ(find({{"aa", 7}}, "aaaaa"), Matches({{0, 2, 7}, {2, 4, 7}}));
}

TEST(SpecialMatcher, ShorterTokensFillWhatIsLeft) {
  EXPECT_EQ(find({{"aaa", 3}, {"aa", 2}, {"a", 1}}, "aaaaa"), Matches({{0, 3, 3}, {3, 5, 2}}));
}

TEST(SpecialMatcher, NothingToFind) {
  EXPECT_EQ(find({}, "abc"), Matches());
  EXPECT_EQ(find({{"", 1}}, "abc"), Matches());
  EXPECT_EQ(find({{"x", 1}}, ""), Matches());
  EXPECT_EQ(find({{"abcd", 1}}, "abc"), Matches());
}

TEST(SpecialMatcher, EqualTextsGiveTheHighestId) { EXPECT_EQ(find({{"x", 5}, {"x", 3}}, "x"), Matches({{0, 1, 5}})); }

TEST(SpecialMatcher, AppendsInTheOrderOfTheText) {
  SpecialMatcher matcher;
  matcher.build({{"b", 1}, {"ca", 2}});
  Matches matches = {{9, 9, 9}};
  matcher.find("bcab", &matches);
  EXPECT_EQ(matches, Matches({{9, 9, 9}, {0, 1, 1}, {1, 3, 2}, {3, 4, 1}}));
}

TEST(SpecialMatcher, AgreesWithTheDefinition) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 rng(seed);
    const char letters = static_cast<char>(1 + rng() % 3);
    const auto random_string = [&](size_t n) {
      std::string s(n, 'a');
      for (char& c : s) c = static_cast<char>('a' + rng() % letters);
      return s;
    };
    std::vector<std::string> texts;
    for (size_t n = rng() % 8; texts.size() < n;) {
      std::string text = random_string(1 + rng() % 5);
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
      else --n;
    }
    Entries entries;
    for (size_t i = 0; i < texts.size(); ++i) entries.push_back({texts[i], static_cast<int32_t>(i)});
    const std::string text = random_string(rng() % 40);
    EXPECT_EQ(find(entries, text), find_slowly(entries, text)) << "seed " << seed << ": " << text;
  }
}

// a, aa, aaa ... in a long run of a: every position ends as many tokens as there are.
TEST(SpecialMatcher, NestedTokensInALongText) {
  std::vector<std::string> texts;
  for (size_t n = 1; n <= 1000; ++n) texts.emplace_back(n, 'a');
  Entries entries;
  for (size_t i = 0; i < texts.size(); ++i) entries.push_back({texts[i], static_cast<int32_t>(i)});
  const Matches matches = find(entries, std::string(200'500, 'a'));
  ASSERT_EQ(matches.size(), 201u);
  EXPECT_EQ(matches.back(), (SpecialMatch{200'000, 200'500, 499}));
}

}  // namespace
}  // namespace test
}  // namespace coterie
