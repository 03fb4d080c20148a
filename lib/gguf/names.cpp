#include "gguf/names.h"

#include <cstddef>
#include <cstdint>

namespace coterie {
namespace {

bool is_tail(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

// Bytes of the UTF-8 character that text begins with; 0 if there is none.
size_t character_bytes(std::string_view text) {
  const uint8_t first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if (!is_tail(text[i])) return 0;
  }
  const uint8_t second = static_cast<uint8_t>(text[1]);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90)) return 0;  // not the shortest form
  if (first == 0xed && second > 0x9f) return 0;                                        // surrogate
  if (first == 0xf4 && second > 0x8f) return 0;                                        // above U+10FFFF
  return n;
}

bool is_control(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }

std::string escaped(std::string_view text) {
  static const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (byte < 0x80 && !is_control(c)) {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

}  // namespace

bool is_plain_text(std::string_view text) {
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    if (n == 0 || is_control(text[0])) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr size_t kMost = 100, kHead = 40, kTail = 57;
  if (text.size() > 65536) text = text.substr(0, 65536);  // no name is longer
  const std::string whole = is_plain_text(text) ? std::string(text) : escaped(text);
  if (whole.size() <= kMost) return whole;
  size_t head = kHead, tail = whole.size() - kTail;
  while (head > 0 && is_tail(whole[head])) --head;
  while (tail < whole.size() && is_tail(whole[tail])) ++tail;
  return whole.substr(0, head) + "..." + whole.substr(tail);
}

}  // namespace coterie
