// A short fuzzing run that is the same on every machine: small files damaged at random from a fixed seed. The long run
// is gguf_fuzz (COTERIE_BUILD_FUZZ, clang).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>

#include "fuzz/gguf_seeds.h"
#include "fuzz/gguf_walk.h"

namespace coterie::test {
namespace {

constexpr unsigned kSeed = 260726;
constexpr int kFiles = 20000;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  Bytes mutate(Bytes file) {
    for (size_t i = 0, n = 1 + below(4); i < n && !file.empty(); ++i) mutate_once(&file);
    file.shrink_to_fit();  // for AddressSanitizer: the byte after the last is not ours
    return file;
  }

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  void mutate_once(Bytes* file) {
    const size_t at = below(file->size());
    const auto here = file->begin() + static_cast<std::ptrdiff_t>(at);
    const size_t n = std::min(1 + below(16), file->size() - at);
    const auto there = here + static_cast<std::ptrdiff_t>(n);
    switch (below(6)) {
      case 0: *here ^= std::byte{static_cast<uint8_t>(1u << below(8))}; break;
      case 1: *here = std::byte{static_cast<uint8_t>(below(256))}; break;
      case 2: overwrite_number(file, at); break;
      case 3: file->resize(at); break;
      case 4: file->erase(here, there); break;
      default: {
        const Bytes copy(here, there);
        file->insert(here, copy.begin(), copy.end());
      }
    }
  }

  // Numbers at the edges of types and of the file, in 4 or 8 bytes.
  void overwrite_number(Bytes* file, size_t at) {
    const uint64_t numbers[] = {0, 1, 2, 7, 9, 13, 32, 63, 64, file->size(), file->size() - at, uint64_t{1} << 30,
                                uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 62, uint64_t{1} << 63,
                                ~uint64_t{0}, ~uint64_t{31}, uint64_t{0} - at};
    const uint64_t number = numbers[below(std::size(numbers))];
    std::memcpy(file->data() + at, &number, std::min(below(2) != 0 ? size_t{4} : size_t{8}, file->size() - at));
  }

  std::mt19937_64 random_;
};

TEST(GgufMutation, DamagedFilesNeverCrash) {
  const std::vector<Bytes> seeds = gguf_seeds();
  for (const Bytes& seed : seeds) EXPECT_TRUE(walk(seed));
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Mutator mutator(kSeed);
  int n_accepted = 0;
  for (int i = 0; i < kFiles; ++i) {
    if (walk(mutator.mutate(seeds[mutator.below(seeds.size())]))) ++n_accepted;
  }
  std::printf("seed %u: %d of %d damaged files were accepted\n", kSeed, n_accepted, kFiles);
  EXPECT_GT(n_accepted, kFiles / 100) << "the damage is too great to reach far";
  EXPECT_LT(n_accepted, kFiles * 9 / 10);
}

}  // namespace
}  // namespace coterie::test
