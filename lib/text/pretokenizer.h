// Pretokenizer: cuts text into the pieces inside which byte-level BPE may merge, by the regular expressions that each
// model was trained with. The only part of Coterie that knows PCRE2.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"

struct pcre2_real_code_8;

namespace coterie {

class Pretokenizer {
 public:
  // name: tokenizer.ggml.pre. Unknown: kUnsupported.
  static Status create(std::string_view name, std::unique_ptr<Pretokenizer>* out);

  // Sets ends to the byte offsets at which the pieces of text, one after the other, end. text is well-formed UTF-8.
  // Stages work one after the other: each cuts every piece of the one before into matches and what lies between.
  // Time is linear in the text. Safe to call from many threads.
  void split(std::string_view text, std::vector<uint32_t>* ends) const;

  // Properties of the models that carry this name.
  bool ignores_merges() const { return ignores_merges_; }  // a piece that is a token as a whole is not merged anew
  bool adds_bos() const { return adds_bos_; }              // unless the file says otherwise
  bool has_bos() const { return has_bos_; }                // false: no BOS unless the file names it

 private:
  struct CodeDeleter {
    void operator()(pcre2_real_code_8* code) const;
  };
  std::vector<std::unique_ptr<pcre2_real_code_8, CodeDeleter>> stages_;
  bool ignores_merges_ = false, adds_bos_ = false, has_bos_ = true;
};

}  // namespace coterie
