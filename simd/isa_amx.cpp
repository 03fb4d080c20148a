// AMX int8 tiles beside AVX-512: the products of prefill. Everything else is left to the AVX-512 table.
#include <immintrin.h>

#include "grids.h"
#include "kernels.h"

namespace coterie {

extern const Kernels kernels_avx512vnni;

namespace amx {
namespace {

#include "unroll_inl.h"

#include "avx512_inl.h"

#include "codecs_inl.h"

#include "panel_inl.h"

#include "amx_inl.h"

// Tiles would have to be half empty for blocks of 32 with two scales.
template <class F>
constexpr void add_gemm(Kernels& k) {
  if constexpr (sizeof(F::Act::q) != 32 || F::kGroup == 32) k.gemm[static_cast<uint32_t>(F::kType)] = gemm<F>;
}
template <class... F>
constexpr void add_gemms(Kernels& k, List<F...>) {
  (add_gemm<F>(k), ...);
}

constexpr Kernels make_kernels() {
  Kernels k = {};
  k.isa = "amx";
  add_gemms(k, Formats{});
  return k;
}

}  // namespace
}  // namespace amx

extern const Kernels kernels_amx;
constinit const Kernels kernels_amx = amx::make_kernels();

}  // namespace coterie
