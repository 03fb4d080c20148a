#include "text/bpe.h"

#include <algorithm>
#include <cinttypes>
#include <functional>
#include <tuple>
#include <utility>

#include "text/byte_map.h"
#include "text/unicode.h"

namespace coterie {

namespace {

constexpr const char* kMerges = "tokenizer.ggml.merges";

}  // namespace

// The symbols of a piece as a doubly linked list; each stands at the index of its first byte. Rules that apply wait in
// a heap as rank << 32 | index of the left symbol: the lowest rank comes first and, of equal ranks, the leftmost.
struct BpeEncoder::Chain {
  std::vector<Symbol> symbols;     // kNone where a symbol has been merged into the one before
  std::vector<uint32_t> next;      // size() behind the last
  std::vector<uint32_t> previous;  // kNone before the first
  std::vector<uint64_t> heap;

  uint32_t size() const { return static_cast<uint32_t>(symbols.size()); }

  void reset(std::string_view piece) {
    const uint32_t n = static_cast<uint32_t>(piece.size());
    symbols.resize(n);
    next.resize(n);
    previous.resize(n);
    for (uint32_t i = 0; i < n; ++i) {
      symbols[i] = static_cast<uint8_t>(piece[i]);
      next[i] = i + 1;
      previous[i] = i - 1;  // kNone for the first
    }
    heap.clear();
  }

  // Replaces the symbol at left and the one after it.
  void join(uint32_t left, Symbol merged) {
    const uint32_t right = next[left];
    symbols[left] = merged;
    symbols[right] = kNone;
    next[left] = next[right];
    if (next[left] < size()) previous[next[left]] = left;
  }
};

Status BpeEncoder::create(const Gguf& gguf, const Vocabulary& vocabulary, std::unique_ptr<Pretokenizer> pretokenizer,
                          std::unique_ptr<Encoder>* out) {
  auto made = std::make_unique<BpeEncoder>();
  made->pretokenizer_ = std::move(pretokenizer);
  SymbolTable symbols;
  for (Symbol byte = 0; byte < 256; ++byte) symbols.emplace(std::string(1, static_cast<char>(byte)), byte);
  COTERIE_RETURN_IF_ERROR(made->read_rules(gguf, &symbols));
  made->index_rules(symbols.size());
  made->read_tokens(vocabulary, symbols);
  *out = std::move(made);
  return Status();
}

// A rule is "left right". The space is searched from the second byte on, so that a left part may be a space itself.
Status BpeEncoder::read_rules(const Gguf& gguf, SymbolTable* symbols) {
  const Value* list = gguf.find(kMerges);
  if (list == nullptr) return Error(Code::kBadFile, "%s: missing", kMerges);
  if (!list->is_array() || !list->is_string()) return Error(Code::kBadFile, "%s: expected strings", kMerges);
  if (list->count >= kNone) return Error(Code::kBadFile, "%s: %" PRIu64 " are too many", kMerges, list->count);

  const auto intern = [symbols](const std::string& bytes) {
    return symbols->try_emplace(bytes, static_cast<Symbol>(symbols->size())).first->second;
  };
  rules_.reserve(list->count);
  symbols->reserve(symbols->size() + list->count);
  std::string left, right;
  const std::byte* cursor = list->data;
  for (uint64_t i = 0; i < list->count; ++i) {
    const std::string_view text = list->next_string(&cursor);
    const size_t space = text.find(' ', 1);
    if (space == text.npos) return Error(Code::kBadFile, "%s: rule %" PRIu64 " has no space", kMerges, i);
    left.clear();
    right.clear();
    const bool real = append_mapped_bytes(text.substr(0, space), &left) &&
                      append_mapped_bytes(text.substr(space + 1), &right) && !left.empty() && !right.empty();
    // Parts that no text maps to never meet; such a rule keeps its rank and is never found.
    rules_.push_back(real ? Rule{intern(left), intern(right), intern(left + right)} : Rule{kNone, kNone, kNone});
  }
  return Status();
}

// Sorts the rules by their parts; a rule given twice counts where it stands first.
void BpeEncoder::index_rules(size_t n_symbols) {
  std::vector<uint32_t> ranks;
  for (uint32_t rank = 0; rank < rules_.size(); ++rank) {
    if (rules_[rank].left != kNone) ranks.push_back(rank);
  }
  const auto parts = [this](uint32_t rank) { return std::tie(rules_[rank].left, rules_[rank].right); };
  std::sort(ranks.begin(), ranks.end(),
            [&](uint32_t a, uint32_t b) { return parts(a) != parts(b) ? parts(a) < parts(b) : a < b; });
  ranks.erase(std::unique(ranks.begin(), ranks.end(), [&](uint32_t a, uint32_t b) { return parts(a) == parts(b); }),
              ranks.end());
  first_rule_.assign(n_symbols + 1, 0);
  by_left_.reserve(ranks.size());
  for (const uint32_t rank : ranks) {
    by_left_.push_back({rules_[rank].right, rank});
    first_rule_[rules_[rank].left + 1] = static_cast<uint32_t>(by_left_.size());
  }
  for (size_t s = 1; s <= n_symbols; ++s) first_rule_[s] = std::max(first_rule_[s], first_rule_[s - 1]);
}

// Of equal texts the last token counts.
void BpeEncoder::read_tokens(const Vocabulary& vocabulary, const SymbolTable& symbols) {
  tokens_.assign(symbols.size(), -1);
  std::string bytes;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.is_mergeable(id)) continue;
    bytes.clear();
    if (!append_mapped_bytes(vocabulary.text(id), &bytes)) continue;
    if (const auto symbol = symbols.find(bytes); symbol != symbols.end()) tokens_[symbol->second] = id;
    if (pretokenizer_->ignores_merges()) whole_pieces_.insert_or_assign(bytes, id);
  }
}

uint32_t BpeEncoder::rank_of(Symbol left, Symbol right) const {
  const auto begin = by_left_.begin() + first_rule_[left], end = by_left_.begin() + first_rule_[left + 1];
  const auto at = std::lower_bound(begin, end, right, [](const RuleRef& r, Symbol s) { return r.right < s; });
  return at != end && at->right == right ? at->rank : kNone;
}

void BpeEncoder::encode(std::string_view text, std::vector<int32_t>* ids) const {
  std::string repaired;
  if (!is_utf8(text)) {
    append_repaired(text, &repaired);
    text = repaired;
  }
  std::vector<uint32_t> ends;
  pretokenizer_->split(text, &ends);
  Chain chain;
  uint32_t begin = 0;
  for (const uint32_t end : ends) {
    encode_piece(text.substr(begin, end - begin), &chain, ids);
    begin = end;
  }
}

void BpeEncoder::encode_piece(std::string_view piece, Chain* chain, std::vector<int32_t>* ids) const {
  if (const auto whole = whole_pieces_.find(piece); whole != whole_pieces_.end()) {
    ids->push_back(whole->second);
    return;
  }
  chain->reset(piece);
  merge(chain);
  for (uint32_t i = 0; i < chain->size(); i = chain->next[i]) {
    if (const int32_t id = tokens_[chain->symbols[i]]; id >= 0) {
      ids->push_back(id);
      continue;
    }
    for (uint32_t b = i; b < chain->next[i]; ++b) {  // the symbol is no token: its bytes, where those are
      if (const int32_t id = tokens_[static_cast<uint8_t>(piece[b])]; id >= 0) ids->push_back(id);
    }
  }
}

void BpeEncoder::merge(Chain* chain) const {
  std::vector<uint64_t>& heap = chain->heap;
  const std::greater<uint64_t> lowest_first;
  const auto add_pair = [&](uint32_t left) {
    if (left == kNone || chain->next[left] == chain->size()) return false;
    const uint32_t rank = rank_of(chain->symbols[left], chain->symbols[chain->next[left]]);
    if (rank != kNone) heap.push_back(uint64_t{rank} << 32 | left);
    return rank != kNone;
  };
  for (uint32_t i = 0; i < chain->size(); ++i) add_pair(i);
  std::make_heap(heap.begin(), heap.end(), lowest_first);

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), lowest_first);
    const Rule& rule = rules_[heap.back() >> 32];
    const uint32_t left = static_cast<uint32_t>(heap.back());
    heap.pop_back();
    if (chain->symbols[left] != rule.left) continue;  // overtaken by another merge
    const uint32_t right = chain->next[left];
    if (right == chain->size() || chain->symbols[right] != rule.right) continue;
    chain->join(left, rule.merged);
    if (add_pair(chain->previous[left])) std::push_heap(heap.begin(), heap.end(), lowest_first);
    if (add_pair(left)) std::push_heap(heap.begin(), heap.end(), lowest_first);
  }
}

}  // namespace coterie
