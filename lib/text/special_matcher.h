// SpecialMatcher: finds special and user-defined tokens in raw text, before any other splitting.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace coterie {

struct SpecialMatch {
  size_t begin, end;  // bytes of the text
  int32_t id;
};

// The result is that of the rule by which models were trained: for each token in turn, the longest first (in bytes;
// of equal ones the lowest id), every occurrence in text that is still raw, from the left, is taken.
// It is computed with an Aho-Corasick automaton (CACM 18(6), 1975), so thousands of tokens cost no more than one.
class SpecialMatcher {
 public:
  struct Entry {
    std::string_view text;  // used by build() only
    int32_t id;
  };
  // Empty texts are left out; of equal texts the highest id counts. Takes about 40 bytes of memory for each of text,
  // which the caller limits.
  void build(std::vector<Entry> entries);

  // Appends the matches in the order of the text.
  void find(std::string_view text, std::vector<SpecialMatch>* out) const;

 private:
  static constexpr uint32_t kRoot = 0;
  struct Node {
    uint32_t first_child = 0;  // children are contiguous and sorted by byte
    uint16_t n_children = 0;
    uint8_t byte = 0;         // on the edge from the parent
    int32_t id = -1;          // of the token that ends here
    uint32_t length = 0;      // of the text from the root, in bytes
    uint32_t fail = kRoot;    // node of the longest proper suffix that is in the trie
    uint32_t suffix = kRoot;  // the same among nodes where a token ends; kRoot: none
  };

  void grow(const std::vector<Entry>& entries);
  void link();
  uint32_t child(uint32_t node, uint8_t byte) const;  // kRoot: none
  uint32_t step(uint32_t node, uint8_t byte) const;

  std::vector<Node> nodes_;                    // breadth first; empty: no tokens
  std::array<uint32_t, 256> root_children_{};  // the root is visited for most bytes of a text
};

}  // namespace coterie
