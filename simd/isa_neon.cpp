// 64-bit Arm with the dot product instructions (ASIMDDP, Armv8.2).
#include <arm_neon.h>

#include "grids.h"
#include "kernels.h"

namespace coterie {
namespace neon {
namespace {

#include "neon_inl.h"

using V = VNeon;

#include "codecs_inl.h"

#include "blocks_inl.h"

#include "gemv_inl.h"

#include "panel_inl.h"

#include "gemm_inl.h"

#include "table_inl.h"

}  // namespace
}  // namespace neon

extern const Kernels kernels_neon;
constinit const Kernels kernels_neon = neon::make_kernels("neon");

}  // namespace coterie
