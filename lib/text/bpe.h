// Byte-level BPE (Sennrich et al., 2016; GPT-2): adjacent symbols merge in the order of a list of rules.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "gguf/gguf.h"
#include "text/encoder.h"
#include "text/pretokenizer.h"
#include "text/vocabulary.h"

namespace coterie {

class BpeEncoder : public Encoder {
 public:
  // Reads tokenizer.ggml.merges; tokens come from vocabulary, which may go afterwards.
  static Status create(const Gguf& gguf, const Vocabulary& vocabulary, std::unique_ptr<Pretokenizer> pretokenizer,
                       std::unique_ptr<Encoder>* out);

  // Bytes that are not UTF-8 become U+FFFD, each its own, before anything else: splitting is defined on code points.
  void encode(std::string_view text, std::vector<int32_t>* ids) const override;

 private:
  // A symbol is a byte string that takes part in merging: a byte, or a part or result of a rule. The first 256 are
  // the bytes.
  using Symbol = uint32_t;
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  template <class T>
  using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;
  using SymbolTable = StringMap<Symbol>;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Rule {
    Symbol left, right, merged;
  };
  struct RuleRef {
    Symbol right;
    uint32_t rank;
  };
  struct Chain;  // the symbols of one piece

  Status read_rules(const Gguf& gguf, SymbolTable* symbols);
  void index_rules(size_t n_symbols);
  void read_tokens(const Vocabulary& vocabulary, const SymbolTable& symbols);

  uint32_t rank_of(Symbol left, Symbol right) const;  // kNone: no rule
  void encode_piece(std::string_view piece, Chain* chain, std::vector<int32_t>* ids) const;
  void merge(Chain* chain) const;

  std::unique_ptr<Pretokenizer> pretokenizer_;
  std::vector<Rule> rules_;           // [rank]
  std::vector<uint32_t> first_rule_;  // [symbol + 1]: where in by_left_ the rules with this left part begin
  std::vector<RuleRef> by_left_;      // by left part, then right part
  std::vector<int32_t> tokens_;       // [symbol]: its token, or -1
  StringMap<int32_t> whole_pieces_;   // bytes of a token: its id; filled only if merges are ignored for whole pieces
};

}  // namespace coterie
