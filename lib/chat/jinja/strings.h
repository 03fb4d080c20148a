// What Python's str knows about text, for UTF-8: white space, characters, escapes. Bytes that are not UTF-8 count as
// one character each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "chat/marked_text.h"

namespace coterie::jinja {

// Without white space (str.isspace) at one end.
std::string_view trimmed_left(std::string_view text);
std::string_view trimmed_right(std::string_view text);
// The same for any of the characters of a set; an empty set trims nothing.
std::string_view trimmed_left(std::string_view text, std::string_view characters);
std::string_view trimmed_right(std::string_view text, std::string_view characters);

// Number of bytes of the first character; text is not empty.
size_t character_bytes(std::string_view text);
size_t count_characters(std::string_view text);
// Byte offset of each character, and the end.
std::vector<size_t> character_offsets(std::string_view text);

// The escapes of a Python string literal. False for one that is broken.
bool unescape(std::string_view literal, std::string* out);

// How Python spells values: repr(str) and repr(float).
std::string quoted(std::string_view text);
std::string float_text(double number);

// ASCII letters only; other characters stay.
std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string capitalized(std::string_view text);  // the first letter large, the others small
std::string titled(std::string_view text);       // the same for every word

// Appends the UTF-8 of a code point; surrogates become U+FFFD.
void append_utf8(char32_t code, std::string* out);

}  // namespace coterie::jinja
