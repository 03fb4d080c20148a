// 64-bit Arm with the matrix products of int8 (I8MM, Armv8.6) besides.
#include <arm_neon.h>

#include "grids.h"
#include "kernels.h"

namespace coterie {
namespace i8mm {
namespace {

#include "neon_inl.h"

struct V : VNeon {
  // Products of two rows of weights and two vectors at a time, over eight codes: row 0 with both vectors, row 1 with both.
  template <class F, int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_group(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                       const int8_t* const (&x)[T], const int32_t* scales, size_t scale_stride,
                                       const int32_t (*)[64], int) {
    static_assert(T % 2 == 0 && kSteps % 2 == 0);
    Ints first[kVectors][T / 2], last[kVectors][T / 2];  // rows 0 and 1, rows 2 and 3 of each vector of rows
    for (size_t v = 0; v < kVectors; ++v)
      for (size_t t = 0; t < T / 2; ++t) first[v][t] = last[v][t] = vdupq_n_s32(0);
    for (int step = 0; step < kSteps; step += 2) {
      int8x16_t xs[T / 2];
      for (size_t t = 0; t < T / 2; ++t) xs[t] = vcombine_s8(vld1_s8(x[2 * t] + 4 * step), vld1_s8(x[2 * t + 1] + 4 * step));
      for (size_t v = 0; v < kVectors; ++v) {
        const uint8_t* at = codes + v * code_stride + 4 * kLanes * step;
        const int32x4_t a = vreinterpretq_s32_u8(vld1q_u8(at)), b = vreinterpretq_s32_u8(vld1q_u8(at + 4 * kLanes));
        const int8x16_t low = vreinterpretq_s8_s32(vzip1q_s32(a, b)), high = vreinterpretq_s8_s32(vzip2q_s32(a, b));
        for (size_t t = 0; t < T / 2; ++t) {
          first[v][t] = vmmlaq_s32(first[v][t], low, xs[t]);
          last[v][t] = vmmlaq_s32(last[v][t], high, xs[t]);
        }
      }
    }
    for (size_t v = 0; v < kVectors; ++v) {
      const Ints scale = scales == nullptr ? vdupq_n_s32(1) : vld1q_s32(scales + v * scale_stride / sizeof(int32_t));
      for (size_t t = 0; t < T / 2; ++t) {
        sum[v][2 * t] = vmlaq_s32(sum[v][2 * t], vuzp1q_s32(first[v][t], last[v][t]), scale);
        sum[v][2 * t + 1] = vmlaq_s32(sum[v][2 * t + 1], vuzp2q_s32(first[v][t], last[v][t]), scale);
      }
    }
  }
};

#include "codecs_inl.h"

#include "blocks_inl.h"

#include "gemv_inl.h"

#include "panel_inl.h"

#include "gemm_inl.h"

#include "table_inl.h"

}  // namespace
}  // namespace i8mm

extern const Kernels kernels_i8mm;
constinit const Kernels kernels_i8mm = i8mm::make_kernels("i8mm");

}  // namespace coterie
