// UTF-8: what is well-formed (Unicode Standard, table 3-7), and what stands for bytes that are not.
// Unicode properties live in the regular expressions of pretokenizer.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coterie {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The beginning of a text that is not empty.
struct Utf8Head {
  enum class State : uint8_t {
    kWhole,   // a well-formed sequence
    kCut,     // the text ends inside a sequence that more bytes could complete
    kBroken,  // no well-formed sequence begins so
  };
  State state;
  // Bytes of the sequence; when it is cut or broken, of its longest prefix that could begin one, at least 1
  // (the "maximal subpart", which one U+FFFD replaces by the Unicode Standard, section 3.9).
  size_t n_bytes;
};
Utf8Head utf8_head(std::string_view text);

bool is_utf8(std::string_view text);

// Appends text with every byte that belongs to no well-formed sequence replaced by its own U+FFFD.
void append_repaired(std::string_view text, std::string* out);

// The code point of a well-formed sequence.
char32_t decode(std::string_view sequence);

}  // namespace coterie
