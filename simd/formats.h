// Tensor types of GGUF and their block layouts. Plain data: no intrinsics, no models, no threads.
// Layouts: ggml-common.h and ggml-quants.c of ggml, which define them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coterie {

// Numbers as in GGUF files. Gaps are types that ggml removed.
enum class TensorType : uint32_t {
  F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8, Q8_1 = 9,
  Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14, Q8_K = 15,
  IQ2_XXS = 16, IQ2_XS = 17, IQ3_XXS = 18, IQ1_S = 19, IQ4_NL = 20, IQ3_S = 21, IQ2_S = 22, IQ4_XS = 23,
  I8 = 24, I16 = 25, I32 = 26, I64 = 27, F64 = 28, IQ1_M = 29, BF16 = 30, TQ1_0 = 34, TQ2_0 = 35,
  MXFP4 = 39, NVFP4 = 40, Q1_0 = 41, Q2_0 = 42,
};
inline constexpr uint32_t kTensorTypeCount = 43;

// How the activations that meet a weight type are stored (docs/arithmetic.md, rule 1).
enum class ActKind : uint8_t {
  kNone,      // no kernel multiplies this type
  kF32,       // plain floats, rule 3
  kBlock32,   // ActBlock32
  kBlock256,  // ActBlock256
};

struct TypeInfo {
  const char* name;      // null: not a type
  uint16_t block_elems;  // elements in a block; a row is a whole number of blocks
  uint16_t block_bytes;
  ActKind act;
};

inline constexpr TypeInfo kTypeInfo[kTensorTypeCount] = {
    {"F32", 1, 4, ActKind::kF32}, {"F16", 1, 2, ActKind::kF32},
    {"Q4_0", 32, 18, ActKind::kBlock32}, {"Q4_1", 32, 20, ActKind::kBlock32}, {}, {},
    {"Q5_0", 32, 22, ActKind::kBlock32}, {"Q5_1", 32, 24, ActKind::kBlock32},
    {"Q8_0", 32, 34, ActKind::kBlock32}, {"Q8_1", 32, 36, ActKind::kNone},
    {"Q2_K", 256, 84, ActKind::kBlock256}, {"Q3_K", 256, 110, ActKind::kBlock256},
    {"Q4_K", 256, 144, ActKind::kBlock256}, {"Q5_K", 256, 176, ActKind::kBlock256},
    {"Q6_K", 256, 210, ActKind::kBlock256}, {"Q8_K", 256, 292, ActKind::kNone},
    {"IQ2_XXS", 256, 66, ActKind::kBlock256}, {"IQ2_XS", 256, 74, ActKind::kBlock256},
    {"IQ3_XXS", 256, 98, ActKind::kBlock256}, {"IQ1_S", 256, 50, ActKind::kBlock256},
    {"IQ4_NL", 32, 18, ActKind::kBlock32}, {"IQ3_S", 256, 110, ActKind::kBlock256},
    {"IQ2_S", 256, 82, ActKind::kBlock256}, {"IQ4_XS", 256, 136, ActKind::kBlock256},
    {"I8", 1, 1, ActKind::kNone}, {"I16", 1, 2, ActKind::kNone}, {"I32", 1, 4, ActKind::kNone},
    {"I64", 1, 8, ActKind::kNone}, {"F64", 1, 8, ActKind::kNone},
    {"IQ1_M", 256, 56, ActKind::kBlock256}, {"BF16", 1, 2, ActKind::kF32}, {}, {}, {},
    {"TQ1_0", 256, 54, ActKind::kBlock256}, {"TQ2_0", 256, 66, ActKind::kBlock256}, {}, {}, {},
    {"MXFP4", 32, 17, ActKind::kBlock32}, {"NVFP4", 64, 36, ActKind::kBlock32},
    {"Q1_0", 128, 18, ActKind::kBlock32}, {"Q2_0", 64, 18, ActKind::kBlock32},
};

constexpr const TypeInfo& type_info(TensorType type) { return kTypeInfo[static_cast<uint32_t>(type)]; }

using f16_bits = uint16_t;   // IEEE half, raw
using bf16_bits = uint16_t;  // upper half of a float, raw

// Blocks lie at any address in files; packed, so that a reference to one may too.
#pragma pack(push, 1)
struct BlockQ4_0 { f16_bits d; uint8_t q[16]; };                                    // w = d * (nibble - 8)
struct BlockQ4_1 { f16_bits d, m; uint8_t q[16]; };                                 // w = d * nibble + m
struct BlockQ5_0 { f16_bits d; uint8_t high[4]; uint8_t q[16]; };                   // w = d * (code - 16)
struct BlockQ5_1 { f16_bits d, m; uint8_t high[4]; uint8_t q[16]; };                // w = d * code + m
struct BlockQ8_0 { f16_bits d; int8_t q[32]; };                                     // w = d * q
struct BlockIQ4_NL { f16_bits d; uint8_t q[16]; };                                  // w = d * value[nibble]
struct BlockMXFP4 { uint8_t exponent; uint8_t q[16]; };                             // w = 2^(exponent - 127) * E2M1
struct BlockNVFP4 { uint8_t d[4]; uint8_t q[32]; };                                 // w = UE4M3 * E2M1, a scale for 16
struct BlockQ1_0 { f16_bits d; uint8_t q[16]; };                                    // w = d * (2 * bit - 1)
struct BlockQ2_0 { f16_bits d; uint8_t q[16]; };                                    // w = d * (code - 1)
struct BlockQ2_K { uint8_t scales[16]; uint8_t q[64]; f16_bits d, dmin; };          // w = d * sc * code - dmin * m
struct BlockQ3_K { uint8_t high[32]; uint8_t q[64]; uint8_t scales[12]; f16_bits d; };    // w = d * sc * (code - 4)
struct BlockQ4_K { f16_bits d, dmin; uint8_t scales[12]; uint8_t q[128]; };         // w = d * sc * code - dmin * m
struct BlockQ5_K { f16_bits d, dmin; uint8_t scales[12]; uint8_t high[32]; uint8_t q[128]; };
struct BlockQ6_K { uint8_t low[128]; uint8_t high[64]; int8_t scales[16]; f16_bits d; };  // w = d * sc * (code - 32)
struct BlockIQ4_XS { f16_bits d; uint8_t scales_high[2]; uint8_t scales_low[4]; uint8_t q[128]; };
struct BlockIQ2_XXS { f16_bits d; struct { uint8_t index[4]; uint8_t signs[4]; } group[8]; };  // w = d / 8 * sc * code
struct BlockIQ2_XS { f16_bits d; uint8_t q[64]; uint8_t scales[8]; };
struct BlockIQ2_S { f16_bits d; uint8_t index[32]; uint8_t signs[32]; uint8_t high[8]; uint8_t scales[8]; };
struct BlockIQ3_XXS { f16_bits d; uint8_t index[64]; uint8_t signs[32]; };          // w = d / 4 * sc * code
struct BlockIQ3_S { f16_bits d; uint8_t index[64]; uint8_t high[8]; uint8_t signs[32]; uint8_t scales[4]; };
struct BlockIQ1_S { f16_bits d; uint8_t index[32]; uint8_t high[16]; };             // w = d / 8 * sc * (code - 9)
struct BlockIQ1_M { uint8_t index[32]; uint8_t high[16]; uint8_t scales[8]; };
struct BlockTQ1_0 { uint8_t q[48]; uint8_t last[4]; f16_bits d; };                  // w = d * (digit - 1)
struct BlockTQ2_0 { uint8_t q[64]; f16_bits d; };                                   // w = d * (code - 1)
struct Single { float value; };     // elements of F32,
struct Half { f16_bits bits; };     // F16 and
struct Brain { bf16_bits bits; };   // BF16 rows
#pragma pack(pop)
static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ5_0) == 22 && sizeof(BlockQ8_0) == 34);
static_assert(sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_1) == 24 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockIQ4_XS) == 136);
static_assert(sizeof(BlockNVFP4) == 36 && sizeof(BlockQ1_0) == 18 && sizeof(BlockQ2_0) == 18);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110);
static_assert(sizeof(BlockIQ2_XXS) == 66 && sizeof(BlockIQ2_XS) == 74 && sizeof(BlockIQ2_S) == 82);
static_assert(sizeof(BlockIQ3_XXS) == 98 && sizeof(BlockIQ3_S) == 110);
static_assert(sizeof(BlockIQ1_S) == 50 && sizeof(BlockIQ1_M) == 56);
static_assert(sizeof(BlockTQ1_0) == 54 && sizeof(BlockTQ2_0) == 66);
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);

// Quantised activations: x = d * q, with the integer sums that zero points and mins need. Same layout for every ISA.
struct alignas(32) ActBlock32 {
  int8_t q[32];
  float d;
  int32_t sum, first_sum;  // of q, of the first 16
};
struct alignas(64) ActBlock256 {
  int8_t q[256];
  int16_t sum16[16];  // of each 16 q
  float d;
};
static_assert(sizeof(ActBlock32) == 64 && sizeof(ActBlock256) == 320);

}  // namespace coterie
