// Text that a file or a host chose (keys, tensor names, paths): what is acceptable, and how messages show it.
#pragma once

#include <string>
#include <string_view>

namespace coterie {

// Valid UTF-8 (RFC 3629: shortest forms, no surrogates) without control characters.
bool is_plain_text(std::string_view text);

// For messages: at most about 100 bytes, always plain text. Long text loses its middle; if the bytes are not plain
// text, those outside printable ASCII show as \xNN.
std::string printable(std::string_view text);

}  // namespace coterie
