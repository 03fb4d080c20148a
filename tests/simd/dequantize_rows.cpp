// Blocks of one tensor type from standard input, their values as raw floats to standard output; for tests/peer.
//   dequantize_rows TYPE
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels.h"

int main(int argc, char** argv) {
  using namespace coterie;
  const Kernels& kernels = *select_kernels(nullptr);
  for (uint32_t t = 0; argc == 2 && t < kTensorTypeCount; ++t) {
    const TypeInfo& info = kTypeInfo[t];
    if (!info.name || std::strcmp(info.name, argv[1]) != 0 || !kernels.dequantize[t]) continue;
    std::vector<uint8_t> block(info.block_bytes);
    std::vector<float> values(info.block_elems);
    while (std::fread(block.data(), block.size(), 1, stdin) == 1) {
      kernels.dequantize[t](values.data(), block.data(), values.size());
      std::fwrite(values.data(), sizeof(float), values.size(), stdout);
    }
    return 0;
  }
  std::fprintf(stderr, "usage: dequantize_rows TYPE < BLOCKS > FLOATS\n");
  return 2;
}
