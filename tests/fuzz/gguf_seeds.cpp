// Writes the files that fuzzing starts from into a folder.
#include <cstdio>
#include <fstream>

#include "fuzz/gguf_seeds.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gguf_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  for (const coterie::test::Bytes& file : coterie::test::gguf_seeds()) {
    std::ofstream to(std::string(argv[1]) + "/seed" + std::to_string(number++) + ".gguf", std::ios::binary);
    to.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    if (!to) return 1;
  }
  return 0;
}
