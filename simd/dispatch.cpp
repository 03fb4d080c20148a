// Which tables this build contains, which of them this machine can run, and the filling of their null slots.
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

namespace coterie {

extern const Kernels kernels_scalar;
#if defined(COTERIE_X86_KERNELS)
extern const Kernels kernels_avx2, kernels_avx512vnni, kernels_amx;
#elif defined(COTERIE_ARM_KERNELS)
extern const Kernels kernels_neon, kernels_i8mm;
#endif

namespace {

bool always() { return true; }

#if defined(COTERIE_X86_KERNELS)
struct Cpu {
  uint32_t leaf1_ecx = 0, leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
  uint32_t xcr0 = 0;  // register states that the operating system saves

  Cpu() {
    uint32_t eax, ebx, ecx, edx;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) leaf1_ecx = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) leaf7_ebx = ebx, leaf7_ecx = ecx, leaf7_edx = edx;
    if (leaf1_ecx & bit_OSXSAVE) __asm__("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
  }
};

bool avx2_usable() {
  const Cpu cpu;
  constexpr uint32_t kLeaf1 = bit_FMA | bit_F16C | bit_AVX, kYmm = 0x06;
  return (cpu.leaf1_ecx & kLeaf1) == kLeaf1 && (cpu.leaf7_ebx & bit_AVX2) && (cpu.xcr0 & kYmm) == kYmm;
}

bool avx512vnni_usable() {
  const Cpu cpu;
  constexpr uint32_t kLeaf7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL, kZmm = 0xe6;
  return avx2_usable() && (cpu.leaf7_ebx & kLeaf7) == kLeaf7 && (cpu.leaf7_ecx & bit_AVX512VNNI) &&
         (cpu.xcr0 & kZmm) == kZmm;
}

#ifdef COTERIE_AMX_KERNELS
// Linux gives a process its tiles when it asks for them; it may ask again.
bool amx_usable() {
  const Cpu cpu;
  constexpr uint32_t kTiles = 1u << 24 | 1u << 25, kStates = 0x60000;  // AMX-TILE and AMX-INT8; XTILECFG and XTILEDATA
  constexpr long kRequestPermission = 0x1023, kTileData = 18;          // ARCH_REQ_XCOMP_PERM
  return avx512vnni_usable() && (cpu.leaf7_edx & kTiles) == kTiles && (cpu.xcr0 & kStates) == kStates &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif
#elif defined(COTERIE_ARM_KERNELS)
#if defined(__linux__)
bool neon_usable() { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }
bool i8mm_usable() { return neon_usable() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM); }
#else
bool neon_usable() { return true; }  // simd/CMakeLists.txt: Macs, which all have dot products,
bool i8mm_usable() { return false; }  // the first of them no matrix products
#endif
#endif

// Best first.
constexpr KernelSet kSets[] = {
#if defined(COTERIE_AMX_KERNELS)
    {&kernels_amx, amx_usable},
#endif
#if defined(COTERIE_X86_KERNELS)
    {&kernels_avx512vnni, avx512vnni_usable},
    {&kernels_avx2, avx2_usable},
#elif defined(COTERIE_ARM_KERNELS)
    {&kernels_i8mm, i8mm_usable},
    {&kernels_neon, neon_usable},
#endif
    {&kernels_scalar, always},
};
constexpr size_t kSetCount = sizeof kSets / sizeof kSets[0];

template <class Slot>
void fill(Slot& slot, Slot fallback) {
  if (!slot) slot = fallback;
}

void fill(Kernels& k, const Kernels& fallback) {
  for (uint32_t t = 0; t < kTensorTypeCount; ++t) {
    fill(k.gemv[t], fallback.gemv[t]);
    fill(k.gemm[t], fallback.gemm[t]);
    fill(k.dequantize[t], fallback.dequantize[t]);
    fill(k.encode[t], fallback.encode[t]);
    fill(k.weighted_sum[t], fallback.weighted_sum[t]);
  }
  fill(k.quantize32, fallback.quantize32);
  fill(k.quantize256, fallback.quantize256);
  fill(k.sum_squares, fallback.sum_squares);
  fill(k.exp_sum, fallback.exp_sum);
  fill(k.max, fallback.max);
  fill(k.mul, fallback.mul);
  fill(k.silu_mul, fallback.silu_mul);
  fill(k.sigmoid, fallback.sigmoid);
  fill(k.axpy, fallback.axpy);
  fill(k.add, fallback.add);
}

struct Filled {
  Kernels kernels[kSetCount];
  KernelSet sets[kSetCount + 1] = {};

  Filled() {
    for (size_t i = kSetCount; i-- > 0;) {
      kernels[i] = *kSets[i].kernels;
      if (i + 1 < kSetCount) fill(kernels[i], kernels[i + 1]);
      sets[i] = {&kernels[i], kSets[i].usable};
    }
  }
};

bool same(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace

const KernelSet* kernel_sets() {
  static const Filled filled;
  return filled.sets;
}

const Kernels* select_kernels(const char* isa) {
  for (const KernelSet* set = kernel_sets(); set->kernels; ++set)
    if ((!isa || same(isa, set->kernels->isa)) && set->usable()) return set->kernels;
  return nullptr;
}

}  // namespace coterie
