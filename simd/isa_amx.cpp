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

template <class... F>
constexpr void add_gemms(Kernels& k, List<F...>) {
  ((k.gemm[static_cast<uint32_t>(F::kType)] = gemm<F>), ...);
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
