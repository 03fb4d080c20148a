// SPM: the merging of SentencePiece vocabularies (Kudo and Richardson, 2018) as Llama uses them: adjacent symbols merge
// into the token with the highest score; characters that are no token fall back to byte tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/encoder.h"
#include "text/vocabulary.h"

namespace coterie {

class SpmEncoder : public Encoder {
 public:
  // vocabulary outlives the encoder. add_space_prefix: every text begins with a space more.
  SpmEncoder(const Vocabulary& vocabulary, bool add_space_prefix);

  // A byte that is not UTF-8 is a symbol of its own and keeps its value.
  void encode(std::string_view text, std::vector<int32_t>* ids) const override;

 private:
  struct Symbol;
  struct Pair;
  struct Chain;

  std::string escape(std::string_view text) const;
  void merge(Chain* chain) const;
  bool add_pair(uint32_t left, Chain* chain) const;
  void append_ids(std::string_view symbol, std::vector<int32_t>* ids) const;

  const Vocabulary& vocabulary_;
  bool add_space_prefix_;
  size_t longest_ = 0;  // bytes of the longest token: longer candidates need no look-up
};

}  // namespace coterie
