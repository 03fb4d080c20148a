#include "chat/jinja/strings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/unicode.h"

namespace coterie::jinja {
namespace {

// Python's str.isspace: Unicode white space and the four information separators.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool begins_with_space(std::string_view text, size_t* n_bytes) {
  const Utf8Head head = utf8_head(text);
  *n_bytes = head.n_bytes;
  return head.state == Utf8Head::State::kWhole && is_space(decode(text.substr(0, head.n_bytes)));
}

// Where the last character begins.
size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  for (size_t n = 1; n <= 4 && n <= text.size(); ++n) {
    const std::string_view tail = text.substr(text.size() - n);
    if ((static_cast<unsigned char>(tail[0]) & 0xc0) == 0x80) continue;
    if (utf8_head(tail).n_bytes == n) at = text.size() - n;
    break;
  }
  return at;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// Reads n hexadecimal digits.
bool read_hex(std::string_view text, size_t n, char32_t* out) {
  uint32_t code = 0;
  if (text.size() < n) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + n, code, 16);
  *out = code;
  return error == std::errc() && end == text.data() + n && code <= 0x10ffff;
}

}  // namespace

std::string_view trimmed_left(std::string_view text) {
  for (size_t n = 0; !text.empty() && begins_with_space(text, &n);) text.remove_prefix(n);
  return text;
}

std::string_view trimmed_right(std::string_view text) {
  while (!text.empty()) {
    const size_t at = last_character(text);
    size_t n = 0;
    if (!begins_with_space(text.substr(at), &n)) break;
    text = text.substr(0, at);
  }
  return text;
}

std::string_view trimmed_left(std::string_view text, std::string_view characters) {
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    if (characters.find(text.substr(0, n)) == characters.npos) break;
    text.remove_prefix(n);
  }
  return text;
}

std::string_view trimmed_right(std::string_view text, std::string_view characters) {
  while (!text.empty()) {
    const size_t at = last_character(text);
    if (characters.find(text.substr(at)) == characters.npos) break;
    text = text.substr(0, at);
  }
  return text;
}

size_t character_bytes(std::string_view text) {
  const Utf8Head head = utf8_head(text);
  return head.state == Utf8Head::State::kWhole ? head.n_bytes : 1;
}

size_t count_characters(std::string_view text) {
  size_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(character_bytes(text));
  return n;
}

std::vector<size_t> character_offsets(std::string_view text) {
  std::vector<size_t> offsets;
  for (size_t at = 0; at < text.size(); at += character_bytes(text.substr(at))) offsets.push_back(at);
  offsets.push_back(text.size());
  return offsets;
}

bool unescape(std::string_view literal, std::string* out) {
  static constexpr std::string_view kLetters = "ntrbfva0\\'\"", kMeanings("\n\t\r\b\f\v\a\0\\'\"", 11);
  for (size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 1 == literal.size()) {
      *out += literal[i];
      continue;
    }
    const char c = literal[++i];
    const size_t n_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (n_digits > 0) {
      char32_t code = 0;
      if (!read_hex(literal.substr(i + 1), n_digits, &code)) return false;
      append_utf8(code, out);
      i += n_digits;
    } else if (const size_t which = kLetters.find(c); which != kLetters.npos) {
      *out += kMeanings[which];
    } else if (c != '\n') {  // an escaped newline is left out
      *out += '\\';
      *out += c;
    }
  }
  return true;
}

std::string quoted(std::string_view text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (b < 0x20 || b == 0x7f) {
      static constexpr char kHex[] = "0123456789abcdef";
      out += {'\\', 'x', kHex[b >> 4], kHex[b & 15]};
    } else {
      out += c;
    }
  }
  out += quote;
  return out;
}

// The shortest digits that give the number back; with an exponent below 1e-4 and from 1e16 on.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const double size = std::fabs(number);
  const bool has_exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto format = has_exponent ? std::chars_format::scientific : std::chars_format::fixed;
  std::string out(buffer, std::to_chars(buffer, buffer + sizeof buffer, number, format).ptr);
  if (!has_exponent && out.find('.') == out.npos) out += ".0";
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_upper);
  return out;
}

std::string capitalized(std::string_view text) {
  std::string out = lower(text);
  if (!out.empty()) out[0] = to_upper(out[0]);
  return out;
}

std::string titled(std::string_view text) {
  std::string out = lower(text);
  for (size_t i = 0; i < out.size(); ++i) {
    if (i == 0 || (!is_letter(out[i - 1]) && out[i - 1] != '\'')) out[i] = to_upper(out[i]);
  }
  return out;
}

void append_utf8(char32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    *out += static_cast<char>(0xc0 | code >> 6);
    *out += static_cast<char>(0x80 | (code & 63));
  } else if (code >= 0xd800 && code < 0xe000) {
    *out += kReplacement;
  } else if (code < 0x10000) {
    *out += static_cast<char>(0xe0 | code >> 12);
    *out += static_cast<char>(0x80 | (code >> 6 & 63));
    *out += static_cast<char>(0x80 | (code & 63));
  } else {
    *out += static_cast<char>(0xf0 | code >> 18);
    *out += static_cast<char>(0x80 | (code >> 12 & 63));
    *out += static_cast<char>(0x80 | (code >> 6 & 63));
    *out += static_cast<char>(0x80 | (code & 63));
  }
}

}  // namespace coterie::jinja
