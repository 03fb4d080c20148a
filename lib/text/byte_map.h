// The code points that stand for bytes in the token texts of byte-level BPE (GPT-2, encoder.py: bytes_to_unicode).
#pragma once

#include <string>
#include <string_view>

namespace coterie {

// Appends the bytes that a token text or merge part stands for. False if some of it stands for no byte; that much is
// appended as it is.
bool append_mapped_bytes(std::string_view text, std::string* out);

}  // namespace coterie
