#include "text/tokenizer.h"

#include <utility>

#include "text/bpe.h"
#include "text/pretokenizer.h"
#include "text/special_matcher.h"
#include "text/spm.h"
#include "text/vocabulary.h"

namespace coterie {

namespace {

// Escaping may triple a text, and the encoders index bytes with 32 bits.
constexpr size_t kMaxTextBytes = size_t{1} << 30;
// Of all special and user-defined tokens together: finding them takes a multiple in memory. Real ones have kilobytes.
constexpr size_t kMaxSpecialBytes = size_t{4} << 20;

bool is_special(TokenKind kind) { return kind == TokenKind::kControl || kind == TokenKind::kUnknown; }

}  // namespace

struct Tokenizer::Impl {
  Vocabulary vocabulary;
  SpecialMatcher user_defined;  // tokens that are recognised in any text
  SpecialMatcher all;           // and control and unknown tokens
  std::unique_ptr<Encoder> encoder;
  bool adds_bos = false, adds_eos = false, drops_leading_space = false;
  std::string chat_template;

  Status read(const Gguf& gguf, const Log& log);
  Status make_bpe(const Gguf& gguf, const Log& log);
  Status make_spm(const Gguf& gguf);
  Status make_matchers();
};

Status Tokenizer::Impl::read(const Gguf& gguf, const Log& log) {
  COTERIE_RETURN_IF_ERROR(vocabulary.read(gguf, log));
  COTERIE_RETURN_IF_ERROR(vocabulary.model() == VocabularyModel::kBpe ? make_bpe(gguf, log) : make_spm(gguf));
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("tokenizer.ggml.add_bos_token", &adds_bos));
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("tokenizer.ggml.add_eos_token", &adds_eos));
  std::string_view source;
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("tokenizer.chat_template", &source));
  chat_template = source;
  return make_matchers();
}

Status Tokenizer::Impl::make_bpe(const Gguf& gguf, const Log& log) {
  std::string_view name = "default";
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("tokenizer.ggml.pre", &name));
  if (name == "default") {
    log.write(LogLevel::kWarning, "tokenizer.ggml.pre: missing or \"default\", text may not be split as in training");
  }
  std::unique_ptr<Pretokenizer> pretokenizer;
  COTERIE_RETURN_IF_ERROR(Pretokenizer::create(name, &pretokenizer));
  adds_bos = pretokenizer->adds_bos();
  if (!pretokenizer->has_bos() && gguf.find("tokenizer.ggml.bos_token_id") == nullptr) vocabulary.bos = -1;
  return BpeEncoder::create(gguf, vocabulary, std::move(pretokenizer), &encoder);
}

Status Tokenizer::Impl::make_spm(const Gguf& gguf) {
  adds_bos = true;
  drops_leading_space = true;
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("tokenizer.ggml.add_space_prefix", &drops_leading_space));
  encoder = std::make_unique<SpmEncoder>(vocabulary, drops_leading_space);
  return Status();
}

Status Tokenizer::Impl::make_matchers() {
  std::vector<SpecialMatcher::Entry> always, with_special;
  size_t n_bytes = 0;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const TokenKind kind = vocabulary.kind(id);
    if (kind != TokenKind::kUserDefined && !is_special(kind)) continue;
    const SpecialMatcher::Entry entry = {vocabulary.text(id), id};
    if (kind == TokenKind::kUserDefined) always.push_back(entry);
    with_special.push_back(entry);
    n_bytes += entry.text.size();
  }
  if (n_bytes > kMaxSpecialBytes) {
    return Error(Code::kUnsupported, "tokenizer.ggml.tokens: special tokens have %zu bytes of text, at most %zu are "
                 "supported", n_bytes, kMaxSpecialBytes);
  }
  user_defined.build(std::move(always));
  all.build(std::move(with_special));
  return Status();
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

Status Tokenizer::create(const Gguf& gguf, const Log& log, std::unique_ptr<Tokenizer>* out) {
  auto impl = std::make_unique<Impl>();
  COTERIE_RETURN_IF_ERROR(impl->read(gguf, log));
  out->reset(new Tokenizer(std::move(impl)));
  return Status();
}

Status Tokenizer::tokenize(std::string_view text, bool add_special, bool parse_special,
                           std::vector<int32_t>* out) const {
  if (text.size() > kMaxTextBytes) {
    return Error(Code::kInvalidArgument, "text: %zu bytes, at most %zu can be tokenized", text.size(), kMaxTextBytes);
  }
  const Vocabulary& vocabulary = impl_->vocabulary;
  if (add_special && impl_->adds_bos && vocabulary.bos >= 0) out->push_back(vocabulary.bos);
  std::vector<SpecialMatch> matches;
  (parse_special ? impl_->all : impl_->user_defined).find(text, &matches);
  size_t at = 0;
  for (const SpecialMatch& match : matches) {
    impl_->encoder->encode(text.substr(at, match.begin - at), out);
    out->push_back(match.id);
    at = match.end;
  }
  impl_->encoder->encode(text.substr(at), out);
  if (add_special && impl_->adds_eos && vocabulary.eos >= 0) out->push_back(vocabulary.eos);
  return Status();
}

void Tokenizer::find_control(std::string_view text, std::vector<SpecialMatch>* out) const {
  std::vector<SpecialMatch> matches;
  impl_->all.find(text, &matches);
  for (const SpecialMatch& match : matches) {
    if (is_special(kind(match.id))) out->push_back(match);
  }
}

void Tokenizer::append_piece(int32_t id, bool render_special, std::string* out) const {
  if (render_special || !is_special(kind(id))) out->append(impl_->vocabulary.piece(id));
}

std::string Tokenizer::detokenize(const int32_t* ids, size_t n, bool render_special) const {
  std::string text;
  size_t i = 0;
  for (; i < n && is_special(kind(ids[i])); ++i) append_piece(ids[i], render_special, &text);
  const size_t first = text.size();
  const bool may_drop = impl_->drops_leading_space && i < n && kind(ids[i]) == TokenKind::kNormal;
  for (; i < n; ++i) append_piece(ids[i], render_special, &text);
  if (may_drop && first < text.size() && text[first] == ' ') text.erase(first, 1);
  return text;
}

bool Tokenizer::drops_leading_space() const { return impl_->drops_leading_space; }
int32_t Tokenizer::n_vocab() const { return impl_->vocabulary.size(); }
int32_t Tokenizer::find(std::string_view token_text) const { return impl_->vocabulary.find(token_text); }
TokenKind Tokenizer::kind(int32_t id) const { return impl_->vocabulary.kind(id); }
bool Tokenizer::is_end(int32_t id) const { return impl_->vocabulary.is_end(id); }
int32_t Tokenizer::bos() const { return impl_->vocabulary.bos; }
int32_t Tokenizer::eos() const { return impl_->vocabulary.eos; }
bool Tokenizer::adds_bos() const { return impl_->adds_bos; }
std::string_view Tokenizer::chat_template() const { return impl_->chat_template; }

}  // namespace coterie
