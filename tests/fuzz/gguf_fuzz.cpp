// libFuzzer over Gguf::parse:
//   cmake -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DCOTERIE_BUILD_TESTS=ON
//         -DCOTERIE_BUILD_FUZZ=ON && cmake --build build/fuzz --target gguf_fuzz gguf_seeds
//   mkdir corpus && build/fuzz/bin/gguf_seeds corpus && build/fuzz/bin/gguf_fuzz corpus
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz/gguf_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of exactly this size, so that AddressSanitizer sees a read of one byte too many, and aligned.
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  coterie::test::walk(bytes);
  return 0;
}
