#include "text/unicode.h"

namespace coterie {

namespace {

struct Lead {
  size_t n_bytes;     // of the sequence; 0: no sequence begins with this byte
  uint8_t low, high;  // range of the second byte; the others are in 80..BF
};

Lead lead(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};  // continuation bytes, and overlong sequences of two
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};  // less would be overlong
  if (byte == 0xED) return {3, 0x80, 0x9F};  // more would be a surrogate
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};  // less would be overlong
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};  // more would lie above U+10FFFF
  return {0, 0, 0};
}

}  // namespace

Utf8Head utf8_head(std::string_view text) {
  using State = Utf8Head::State;
  const Lead first = lead(static_cast<uint8_t>(text[0]));
  if (first.n_bytes == 0) return {State::kBroken, 1};
  uint8_t low = first.low, high = first.high;
  for (size_t i = 1; i < first.n_bytes; ++i) {
    if (i == text.size()) return {State::kCut, i};
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if (byte < low || byte > high) return {State::kBroken, i};
    low = 0x80;
    high = 0xBF;
  }
  return {State::kWhole, first.n_bytes};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    if (head.state != Utf8Head::State::kWhole) return false;
    text.remove_prefix(head.n_bytes);
  }
  return true;
}

void append_repaired(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    const bool whole = head.state == Utf8Head::State::kWhole;
    out->append(whole ? text.substr(0, head.n_bytes) : kReplacement);
    text.remove_prefix(whole ? head.n_bytes : 1);
  }
}

char32_t decode(std::string_view sequence) {
  static constexpr uint8_t kLeadBits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code_point = static_cast<uint8_t>(sequence[0]) & kLeadBits[sequence.size()];
  for (const char byte : sequence.substr(1)) code_point = code_point << 6 | (static_cast<uint8_t>(byte) & 0x3F);
  return code_point;
}

}  // namespace coterie
