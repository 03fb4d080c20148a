#include "text/spm.h"

#include <algorithm>

#include "text/unicode.h"

namespace coterie {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr std::string_view kSpaceMark = "\u2581";

}  // namespace

struct SpmEncoder::Symbol {
  uint32_t begin, n_bytes;  // 0 bytes: merged into the one before
  uint32_t previous, next;  // kNone: none
};

// Two neighbours that make a token; ordered so that the greatest merges first.
struct SpmEncoder::Pair {
  float score;
  uint32_t left, n_bytes;  // index of the left symbol, bytes of both

  bool operator<(const Pair& other) const { return score != other.score ? score < other.score : left > other.left; }
};

struct SpmEncoder::Chain {
  std::string_view text;
  std::vector<Symbol> symbols;
  std::vector<Pair> heap;

  explicit Chain(std::string_view all) : text(all) {
    for (uint32_t begin = 0, n; begin < text.size(); begin += n) {
      const Utf8Head head = utf8_head(text.substr(begin));
      n = head.state == Utf8Head::State::kWhole ? static_cast<uint32_t>(head.n_bytes) : 1;
      const uint32_t index = static_cast<uint32_t>(symbols.size());
      symbols.push_back({begin, n, index - 1, index + 1});  // the first has kNone before it
    }
    if (!symbols.empty()) symbols.back().next = kNone;
  }

  std::string_view bytes(const Symbol& s) const { return text.substr(s.begin, s.n_bytes); }

  // Replaces the symbol at left and the one after it.
  void join(uint32_t left) {
    Symbol& l = symbols[left];
    Symbol& r = symbols[l.next];
    l.n_bytes += r.n_bytes;
    r.n_bytes = 0;
    l.next = r.next;
    if (l.next != kNone) symbols[l.next].previous = left;
  }
};

SpmEncoder::SpmEncoder(const Vocabulary& vocabulary, bool add_space_prefix)
    : vocabulary_(vocabulary), add_space_prefix_(add_space_prefix) {
  for (int32_t id = 0; id < vocabulary.size(); ++id) longest_ = std::max(longest_, vocabulary.text(id).size());
}

void SpmEncoder::encode(std::string_view text, std::vector<int32_t>* ids) const {
  if (text.empty()) return;
  const std::string escaped = escape(text);
  Chain chain(escaped);
  merge(&chain);
  for (uint32_t i = 0; i != kNone; i = chain.symbols[i].next) append_ids(chain.bytes(chain.symbols[i]), ids);
}

std::string SpmEncoder::escape(std::string_view text) const {
  std::string escaped(add_space_prefix_ ? kSpaceMark : "");
  for (size_t space; (space = text.find(' ')) != text.npos; text.remove_prefix(space + 1)) {
    escaped.append(text.substr(0, space)).append(kSpaceMark);
  }
  return escaped.append(text);
}

bool SpmEncoder::add_pair(uint32_t left, Chain* chain) const {
  if (left == kNone || chain->symbols[left].next == kNone) return false;
  const Symbol& l = chain->symbols[left];
  const uint32_t n_bytes = l.n_bytes + chain->symbols[l.next].n_bytes;
  if (n_bytes > longest_) return false;
  const int32_t id = vocabulary_.find_mergeable(chain->text.substr(l.begin, n_bytes));
  if (id < 0) return false;
  chain->heap.push_back({vocabulary_.score(id), left, n_bytes});
  return true;
}

void SpmEncoder::merge(Chain* chain) const {
  std::vector<Pair>& heap = chain->heap;
  for (uint32_t i = 0; i < chain->symbols.size(); ++i) add_pair(i, chain);
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Pair pair = heap.back();
    heap.pop_back();
    const Symbol& left = chain->symbols[pair.left];
    // A pair is stale when either part has grown or vanished since.
    if (left.n_bytes == 0 || left.next == kNone) continue;
    if (left.n_bytes + chain->symbols[left.next].n_bytes != pair.n_bytes) continue;
    chain->join(pair.left);
    if (add_pair(left.previous, chain)) std::push_heap(heap.begin(), heap.end());
    if (add_pair(pair.left, chain)) std::push_heap(heap.begin(), heap.end());
  }
}

void SpmEncoder::append_ids(std::string_view symbol, std::vector<int32_t>* ids) const {
  if (const int32_t id = vocabulary_.find_mergeable(symbol); id >= 0) {
    ids->push_back(id);
    return;
  }
  for (const char byte : symbol) {
    const int32_t id = vocabulary_.byte_token(static_cast<uint8_t>(byte));
    if (id >= 0 || vocabulary_.unknown >= 0) ids->push_back(id >= 0 ? id : vocabulary_.unknown);
  }
}

}  // namespace coterie
