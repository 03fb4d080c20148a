#include "peaks.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace coterie::bench {
namespace {

struct Loop {
  const char* isa;
  double int8_macs, float_macs;  // of one turn
  void (*int8)(size_t n_turns);
  void (*floats)(size_t n_turns);
};

// In assembly: a compiler takes a product whose operands do not change out of the loop. \r is the number of a sum; there are
// so many that each is ready when its turn comes again. Operands are zero, as denormal floats would be slow.
#if defined(__x86_64__)
#define COTERIE_TURNS(sums, product)                                                                                 \
  __asm__ volatile("vpxor %%xmm14, %%xmm14, %%xmm14\nvpxor %%xmm15, %%xmm15, %%xmm15\n.p2align 5\n1:\n.irp r, " sums \
                   "\n" product "\n.endr\ndec %0\njnz 1b\nvzeroupper"                                                \
                   : "+r"(n)::"cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",  \
                     "xmm10", "xmm11", "xmm13", "xmm14", "xmm15")
#define COTERIE_12 "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"

// gemm widens its sums of int16 once in several products: that is not counted.
void avx2_int8(size_t n) {
  COTERIE_TURNS(COTERIE_12, "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\nvpaddw %%ymm13, %%ymm\\r, %%ymm\\r");
}
void avx2_floats(size_t n) { COTERIE_TURNS(COTERIE_12, "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\r"); }
void avx512_int8(size_t n) { COTERIE_TURNS(COTERIE_12, "vpdpbusd %%zmm14, %%zmm15, %%zmm\\r"); }
void avx512_floats(size_t n) { COTERIE_TURNS(COTERIE_12, "vfmadd231ps %%zmm14, %%zmm15, %%zmm\\r"); }

void amx_int8(size_t n) {  // sums in tiles 0 to 5, all of 16 rows of 64 bytes
  struct alignas(64) {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } const config;
  __asm__ volatile("ldtilecfg %0" ::"m"(config));
  COTERIE_TURNS("0, 1, 2, 3, 4, 5", "tdpbusd %%tmm7, %%tmm6, %%tmm\\r");
  __asm__ volatile("tilerelease");
}

constexpr Loop kLoops[] = {{"amx", 6 * 16 * 16 * 64, 12 * 16, amx_int8, avx512_floats},
                           {"avx512vnni", 12 * 64, 12 * 16, avx512_int8, avx512_floats},
                           {"avx2", 12 * 32, 12 * 8, avx2_int8, avx2_floats}};
#elif defined(__aarch64__)
#define COTERIE_TURNS(product)                                                                                        \
  __asm__ volatile("movi v30.4s, #0\nmovi v31.4s, #0\n1:\n.irp r, 0, " \
                   "1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23\n" product "\n.endr\nsubs %0, %0, #1\nbne 1b" \
                   : "+r"(n)::"cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20",  \
                     "v21", "v22", "v23", "v30", "v31")

void neon_int8(size_t n) { COTERIE_TURNS("sdot v\\r\\().4s, v30.16b, v31.16b"); }
void i8mm_int8(size_t n) { COTERIE_TURNS("smmla v\\r\\().4s, v30.16b, v31.16b"); }
void neon_floats(size_t n) { COTERIE_TURNS("fmla v\\r\\().4s, v30.4s, v31.4s"); }

constexpr Loop kLoops[] = {{"i8mm", 16 * 32, 16 * 4, i8mm_int8, neon_floats},
                           {"neon", 16 * 16, 16 * 4, neon_int8, neon_floats}};
#else
constexpr Loop kLoops[] = {{"", 0, 0, nullptr, nullptr}};
#endif

// Of this thread alone: those of OpenBLAS wait busily for a while after they were made.
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The best of several passes, of some milliseconds each.
double turns_per_second(void (*loop)(size_t)) {
  constexpr size_t kTurns = 2000000;
  double best = 0;
  for (int pass = 0; pass < 20; ++pass) {
    const double start = processor_seconds();
    loop(kTurns);
    best = std::max(best, kTurns / (processor_seconds() - start));
  }
  return best;
}

}  // namespace

Peak measure_peak(const char* isa) {
  for (const Loop& loop : kLoops)
    if (std::strcmp(loop.isa, isa) == 0)
      return {loop.int8_macs * turns_per_second(loop.int8), loop.float_macs * turns_per_second(loop.floats)};
  return {};
}

}  // namespace coterie::bench
