#include "text/byte_map.h"

#include <array>
#include <cstdint>

#include "text/unicode.h"

namespace coterie {

namespace {

// 21-7E, A1-AC and AE-FF stand for themselves, U+0100 onwards for the other 68 bytes in their order.
constexpr size_t kMapSize = 256 + 68;

constexpr std::array<int16_t, kMapSize> make_map() {  // [code point]: byte, or -1
  std::array<int16_t, kMapSize> map{};
  size_t next = 256;
  for (int16_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    if (!itself) map[byte] = -1;
    map[itself ? byte : next++] = byte;
  }
  return map;
}
constexpr std::array<int16_t, kMapSize> kMap = make_map();
static_assert(kMap[0x100] == 0x00 && kMap[0x120] == 0x20 && kMap[0x10A] == 0x0A && kMap[0x143] == 0xAD);

// The byte for which a well-formed sequence stands, or -1.
int byte_of(std::string_view sequence) {
  const char32_t code_point = decode(sequence);
  return code_point < kMapSize ? kMap[code_point] : -1;
}

}  // namespace

bool append_mapped_bytes(std::string_view text, std::string* out) {
  bool all = true;
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    const std::string_view sequence = text.substr(0, head.n_bytes);
    const int byte = head.state == Utf8Head::State::kWhole ? byte_of(sequence) : -1;
    if (byte >= 0) {
      out->push_back(static_cast<char>(byte));
    } else {
      out->append(sequence);
      all = false;
    }
    text.remove_prefix(head.n_bytes);
  }
  return all;
}

}  // namespace coterie
