// walk: parses bytes as a GGUF file and, if they are accepted, uses everything that the Gguf hands out.
#pragma once

#include <cstddef>
#include <span>

namespace coterie::test {

// Whether the bytes were accepted. Traps if what was accepted breaks a promise of gguf.h, or an error says nothing.
bool walk(std::span<const std::byte> bytes);

}  // namespace coterie::test
