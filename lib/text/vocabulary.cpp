#include "text/vocabulary.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <limits>

#include "text/byte_map.h"

namespace coterie {

namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTokenType = "tokenizer.ggml.token_type";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr uint64_t kMaxTokens = std::numeric_limits<int32_t>::max();
constexpr size_t kMaxTextBytes = std::numeric_limits<int32_t>::max();  // of all tokens together

// Texts of tokens that end a turn or a text, by the models that have them.
constexpr std::string_view kEndTexts[] = {
    "<｜end▁of▁sentence｜>",                                         // DeepSeek
    "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>",                   // Llama 3
    "<|im_end|>", "<|endoftext|>",                                   // ChatML, GPT-2, Qwen
    "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",   // Phi 3, gpt-oss (Harmony), Solar
    "<end_of_turn>", "<eos>", "<turn|>", "<|tool_response>",         // Gemma
    "</s>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<end_of_utterance>",
};

// Harmony marks the parts of a message with these; they must survive detokenising for a parser to see them.
constexpr std::string_view kHarmonyMarks[] = {"<|end|>", "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

// Further ids that end a generation, when the file names them.
constexpr const char* kEndKeys[] = {
    "tokenizer.ggml.eot_token_id",     "tokenizer.ggml.eom_token_id",     "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id",
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The byte of a byte token's text, "<0x0A>"; -1 if it is none.
int32_t parse_byte(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = hex_digit(text[3]), low = hex_digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Status expect_list(const Value& value, const char* key, uint64_t count) {
  if (!value.is_array()) return Error(Code::kBadFile, "%s: %s, expected an array", key, value_type_name(value.type));
  if (value.count == count) return Status();
  return Error(Code::kBadFile, "%s: %" PRIu64 " elements, expected %" PRIu64 " as in %s", key, value.count, count,
               kTokens);
}

void append_with_spaces(std::string_view text, std::string* out) {
  static constexpr std::string_view kMark = "\u2581";  // SentencePiece's visible space
  for (size_t mark; (mark = text.find(kMark)) != text.npos; text.remove_prefix(mark + kMark.size())) {
    out->append(text.substr(0, mark)).push_back(' ');
  }
  out->append(text);
}

}  // namespace

Status Vocabulary::read(const Gguf& gguf, const Log& log) {
  COTERIE_RETURN_IF_ERROR(read_model(gguf));
  COTERIE_RETURN_IF_ERROR(read_texts(gguf));
  COTERIE_RETURN_IF_ERROR(read_kinds(gguf, log));
  COTERIE_RETURN_IF_ERROR(read_scores(gguf, log));
  COTERIE_RETURN_IF_ERROR(read_special_ids(gguf, log));
  COTERIE_RETURN_IF_ERROR(mark_ends(gguf, log));
  index_texts();
  make_pieces(log);
  return Status();
}

Status Vocabulary::read_model(const Gguf& gguf) {
  std::string_view name;
  COTERIE_RETURN_IF_ERROR(gguf.read("tokenizer.ggml.model", &name));
  if (name != "gpt2" && name != "llama") {
    return Error(Code::kUnsupported, "tokenizer.ggml.model: \"%.*s\" is not supported, only \"gpt2\" and \"llama\"",
                 static_cast<int>(std::min<size_t>(name.size(), 64)), name.data());
  }
  model_ = name == "gpt2" ? VocabularyModel::kBpe : VocabularyModel::kSpm;
  return Status();
}

Status Vocabulary::read_texts(const Gguf& gguf) {
  const Value* list = gguf.find(kTokens);
  if (list == nullptr) return Error(Code::kBadFile, "%s: missing", kTokens);
  if (!list->is_array() || !list->is_string()) return Error(Code::kBadFile, "%s: expected strings", kTokens);
  if (list->count == 0 || list->count > kMaxTokens) {
    return Error(Code::kBadFile, "%s: %" PRIu64 " elements, expected 1 to %" PRIu64, kTokens, list->count, kMaxTokens);
  }
  const std::byte* cursor = list->data;
  text_ends_.reserve(list->count);
  for (uint64_t i = 0; i < list->count; ++i) {
    texts_.append(list->next_string(&cursor));
    if (texts_.size() > kMaxTextBytes) return Error(Code::kBadFile, "%s: more than 2 GiB of text", kTokens);
    text_ends_.push_back(static_cast<uint32_t>(texts_.size()));
  }
  return Status();
}

Status Vocabulary::read_kinds(const Gguf& gguf, const Log& log) {
  kinds_.assign(text_ends_.size(), TokenKind::kNormal);
  const Value* list = gguf.find(kTokenType);
  if (list == nullptr) {
    for (int32_t id = 0; model_ == VocabularyModel::kSpm && id < size(); ++id) {
      if (parse_byte(text(id)) >= 0) kinds_[id] = TokenKind::kByte;
    }
    return Status();
  }
  COTERIE_RETURN_IF_ERROR(expect_list(*list, kTokenType, kinds_.size()));
  size_t n_unknown = 0;
  for (size_t i = 0; i < kinds_.size(); ++i) {
    int64_t kind;
    if (!list->get(i, &kind)) {
      return Error(Code::kBadFile, "%s: %s, expected integers", kTokenType, value_type_name(list->element));
    }
    const bool known = kind >= 0 && kind <= static_cast<int64_t>(TokenKind::kByte);
    kinds_[i] = known ? static_cast<TokenKind>(kind) : TokenKind::kUndefined;
    n_unknown += !known;
  }
  if (n_unknown > 0) log.write(LogLevel::kWarning, "%s: %zu tokens of an unknown type", kTokenType, n_unknown);
  return Status();
}

Status Vocabulary::read_scores(const Gguf& gguf, const Log& log) {
  if (model_ != VocabularyModel::kSpm) return Status();
  const Value* list = gguf.find(kScores);
  if (list == nullptr) return Error(Code::kBadFile, "%s: missing", kScores);
  COTERIE_RETURN_IF_ERROR(expect_list(*list, kScores, kinds_.size()));
  scores_.resize(kinds_.size());
  size_t n_nan = 0;
  for (size_t i = 0; i < scores_.size(); ++i) {
    double score;
    if (!list->get(i, &score)) {
      return Error(Code::kBadFile, "%s: %s, expected numbers", kScores, value_type_name(list->element));
    }
    n_nan += std::isnan(score);
    scores_[i] = std::isnan(score) ? -std::numeric_limits<float>::infinity() : static_cast<float>(score);
  }
  if (n_nan > 0) log.write(LogLevel::kWarning, "%s: %zu are not numbers, taken as the lowest", kScores, n_nan);
  return Status();
}

// The defaults are those of the first models of each kind, Llama and Falcon, whose files named no ids.
Status Vocabulary::read_special_ids(const Gguf& gguf, const Log& log) {
  const bool spm = model_ == VocabularyModel::kSpm;
  COTERIE_RETURN_IF_ERROR(read_special_id(gguf, log, "tokenizer.ggml.bos_token_id", spm ? 1 : 11, &bos));
  COTERIE_RETURN_IF_ERROR(read_special_id(gguf, log, "tokenizer.ggml.eos_token_id", spm ? 2 : 11, &eos));
  return read_special_id(gguf, log, "tokenizer.ggml.unknown_token_id", spm ? 0 : -1, &unknown);
}

// Ids out of range count as missing and then have no default.
Status Vocabulary::read_special_id(const Gguf& gguf, const Log& log, const char* key, int32_t fallback,
                                   int32_t* id) const {
  *id = valid(fallback) ? fallback : -1;
  const Value* value = gguf.find(key);
  if (value == nullptr) return Status();
  int64_t found;
  if (value->is_array() || !value->get(0, &found)) {
    // Writers store "none" as 2^32-1 or -1; wider values do not convert, which is no different.
    uint64_t wide;
    if (value->is_array() || !value->get(0, &wide)) {
      return Error(Code::kBadFile, "%s: %s, expected an integer", key, value_type_name(value->type));
    }
    found = -1;
  }
  *id = found >= 0 && found < size() ? static_cast<int32_t>(found) : -1;
  if (*id < 0) log.write(LogLevel::kWarning, "%s: not one of the %d tokens, ignored", key, size());
  return Status();
}

Status Vocabulary::mark_ends(const Gguf& gguf, const Log& log) {
  ends_.assign(kinds_.size(), false);
  for (int32_t id = 0; id < size(); ++id) {
    if (std::find(std::begin(kEndTexts), std::end(kEndTexts), text(id)) == std::end(kEndTexts)) continue;
    ends_[id] = true;
    kinds_[id] = TokenKind::kControl;  // whatever the file says: it must not be typed by users nor printed
  }
  mark_harmony_ends();
  if (eos >= 0) ends_[eos] = true;
  for (const char* key : kEndKeys) {
    int32_t id;
    COTERIE_RETURN_IF_ERROR(read_special_id(gguf, log, key, -1, &id));
    if (id >= 0) ends_[id] = true;
  }
  return Status();
}

// gpt-oss: <|end|> ends a message, but the turn goes on until <|return|> or <|call|>.
void Vocabulary::mark_harmony_ends() {
  bool has_return = false, has_call = false;
  for (int32_t id = 0; id < size(); ++id) {
    has_return |= text(id) == "<|return|>";
    has_call |= text(id) == "<|call|>";
  }
  if (!has_return || !has_call) return;
  for (int32_t id = 0; id < size(); ++id) {
    const auto mark = std::find(std::begin(kHarmonyMarks), std::end(kHarmonyMarks), text(id));
    if (mark == std::end(kHarmonyMarks)) continue;
    ends_[id] = false;
    kinds_[id] = TokenKind::kUserDefined;
  }
}

void Vocabulary::index_texts() {
  mergeable_.reserve(kinds_.size());
  for (int32_t id = 0; id < size(); ++id) {
    if (text(id).empty()) continue;
    (is_mergeable(id) ? mergeable_ : others_).insert_or_assign(text(id), id);
  }
}

void Vocabulary::make_pieces(const Log& log) {
  std::fill(std::begin(byte_tokens_), std::end(byte_tokens_), -1);
  size_t n_bad = 0;
  piece_ends_.reserve(kinds_.size());
  for (int32_t id = 0; id < size(); ++id) {
    const bool is_byte = kinds_[id] == TokenKind::kByte;
    const int32_t byte = is_byte ? parse_byte(text(id)) : -1;
    if (byte >= 0) byte_tokens_[byte] = id;
    n_bad += is_byte && byte < 0;
    append_piece(id, byte);
    piece_ends_.push_back(static_cast<uint32_t>(pieces_.size()));  // a piece is not longer than its text
  }
  if (n_bad > 0) log.write(LogLevel::kWarning, "%s: %zu byte tokens whose text names no byte", kTokens, n_bad);
}

void Vocabulary::append_piece(int32_t id, int32_t byte) {
  switch (kinds_[id]) {
    case TokenKind::kUndefined:
    case TokenKind::kNormal:
      model_ == VocabularyModel::kSpm ? append_with_spaces(text(id), &pieces_)
                                      : static_cast<void>(append_mapped_bytes(text(id), &pieces_));
      break;
    case TokenKind::kUnknown:
    case TokenKind::kControl:
    case TokenKind::kUserDefined: pieces_.append(text(id)); break;
    case TokenKind::kByte:
      if (byte >= 0) pieces_.push_back(static_cast<char>(byte));
      break;
    case TokenKind::kUnused: break;
  }
}

std::string_view Vocabulary::slice(const std::string& all, const std::vector<uint32_t>& ends, int32_t id) const {
  if (!valid(id)) return {};
  const size_t begin = id == 0 ? 0 : ends[id - 1];
  return std::string_view(all).substr(begin, ends[id] - begin);
}

int32_t Vocabulary::lookup(const TextIndex& index, std::string_view text) {
  const auto found = index.find(text);
  return found == index.end() ? -1 : found->second;
}

int32_t Vocabulary::find(std::string_view text) const {
  const int32_t id = lookup(others_, text);
  return id >= 0 ? id : find_mergeable(text);
}

}  // namespace coterie
