#include "text/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <limits>
#include <new>
#include <string>

#include "text/pretokenizer_rules.h"

namespace coterie {

namespace {

// White_Space of the Unicode Standard. PCRE2's own \s has U+180E besides.
constexpr std::string_view kWhiteSpace =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// Writes out \s (anywhere) and \S (outside classes).
std::string expand_white_space(std::string_view pattern) {
  std::string expanded;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && (pattern[i + 1] == 's' || pattern[i + 1] == 'S')) {
      const char* open = pattern[++i] == 'S' ? "[^" : "[";
      expanded.append(in_class ? "" : open).append(kWhiteSpace).append(in_class ? "" : "]");
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    expanded.push_back(c);
    if (c == '\\') expanded.push_back(pattern[++i]);
  }
  return expanded;
}

// What one split() needs besides the compiled stages.
class Matcher {
 public:
  Matcher() : data_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr)) {
    if (data_ == nullptr || context_ == nullptr) {
      release();
      throw std::bad_alloc();
    }
    // The steps of one match grow with the text, and text may be long; the rules keep them linear.
    pcre2_set_match_limit(context_, std::numeric_limits<uint32_t>::max());
  }
  Matcher(const Matcher&) = delete;
  ~Matcher() { release(); }

  // The first match in piece at or after start. Rules repeat no group, so no stack can overflow; were a match to fail
  // for lack of memory, the rest of the piece would stay whole.
  bool find(const pcre2_code* stage, std::string_view piece, size_t start, size_t* begin, size_t* end) {
    const int result = pcre2_match(stage, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), start,
                                   PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, data_, context_);
    if (result < 0) return false;
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data_);
    *begin = bounds[0];
    *end = bounds[1];
    return true;
  }

 private:
  void release() {
    pcre2_match_data_free(data_);
    pcre2_match_context_free(context_);
  }
  pcre2_match_data* data_;
  pcre2_match_context* context_;
};

}  // namespace

void Pretokenizer::CodeDeleter::operator()(pcre2_code* code) const { pcre2_code_free(code); }

Status Pretokenizer::create(std::string_view name, std::unique_ptr<Pretokenizer>* out) {
  const PretokenizerRules* rules = find_pretokenizer_rules(name);
  if (rules == nullptr) {
    return Error(Code::kUnsupported, "tokenizer.ggml.pre: unknown pre-tokenizer \"%.*s\"",
                 static_cast<int>(std::min<size_t>(name.size(), 64)), name.data());
  }
  auto made = std::make_unique<Pretokenizer>();
  for (const char* stage : rules->stages) {
    const std::string pattern = expand_white_space(stage);
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &error, &offset, nullptr);
    if (code == nullptr) {
      return Error(error == PCRE2_ERROR_HEAP_FAILED ? Code::kOutOfMemory : Code::kInternal,
                   "pre-tokenizer \"%.*s\": PCRE2 error %d at offset %zu", static_cast<int>(name.size()), name.data(),
                   error, static_cast<size_t>(offset));
    }
    made->stages_.emplace_back(code);
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where that is impossible, pcre2_match() interprets
  }
  made->ignores_merges_ = rules->flags & PretokenizerRules::kIgnoreMerges;
  made->adds_bos_ = rules->flags & PretokenizerRules::kAddBos;
  made->has_bos_ = !(rules->flags & PretokenizerRules::kNoBos);
  *out = std::move(made);
  return Status();
}

void Pretokenizer::split(std::string_view text, std::vector<uint32_t>* ends) const {
  ends->clear();
  if (text.empty()) return;
  Matcher matcher;
  ends->push_back(static_cast<uint32_t>(text.size()));
  std::vector<uint32_t> coarser;
  for (const auto& stage : stages_) {
    coarser.swap(*ends);
    ends->clear();
    uint32_t base = 0;  // of the piece
    for (const uint32_t piece_end : coarser) {
      const std::string_view piece = text.substr(base, piece_end - base);
      size_t at = 0, begin, end;
      while (at < piece.size() && matcher.find(stage.get(), piece, at, &begin, &end)) {
        if (begin > at) ends->push_back(static_cast<uint32_t>(base + begin));
        ends->push_back(static_cast<uint32_t>(base + end));
        at = end;
      }
      if (at < piece.size()) ends->push_back(piece_end);
      base = piece_end;
    }
  }
}

}  // namespace coterie
