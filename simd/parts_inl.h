// Formats whose blocks meet several blocks of 32 activations, part by part:
//   w = d(part) * code
// where a part has one scale and meets one block of activations (rule 2 of docs/arithmetic.md). Plain C++, included by
// isa_scalar.cpp: what it gives is the definition that vector kernels must equal.

namespace parts {

// Half of an unsigned E4M3 with exponent bias 7. As ggml has it, the top bit is ignored and 7f is 0, but ff is 240.
inline float half_of_e4m3(uint8_t byte) {
  const uint32_t exponent = byte >> 3 & 15, mantissa = byte & 7;
  if (byte == 0x7f) return 0;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return float_of((exponent + 119) << 23 | mantissa << 20);
}

constexpr int8_t kTwiceE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct NVFP4 {
  static constexpr TensorType kType = TensorType::NVFP4;
  using Block = BlockNVFP4;
  static constexpr int kPart = 16;  // weights
  static float d(const Block& b, int part) { return half_of_e4m3(b.d[part]); }
  static void codes(int8_t* code, const Block& b, int part) {
    for (int i = 0; i < 8; ++i) {
      code[i] = kTwiceE2M1[b.q[8 * part + i] & 15];
      code[i + 8] = kTwiceE2M1[b.q[8 * part + i] >> 4];
    }
  }
};

struct Q1_0 {
  static constexpr TensorType kType = TensorType::Q1_0;
  using Block = BlockQ1_0;
  static constexpr int kPart = 32;
  static float d(const Block& b, int) { return from_half(b.d); }
  static void codes(int8_t* code, const Block& b, int part) {
    for (int i = 0; i < 32; ++i) code[i] = b.q[4 * part + i / 8] >> i % 8 & 1 ? 1 : -1;
  }
};

struct Q2_0 {
  static constexpr TensorType kType = TensorType::Q2_0;
  using Block = BlockQ2_0;
  static constexpr int kPart = 32;
  static float d(const Block& b, int) { return from_half(b.d); }
  static void codes(int8_t* code, const Block& b, int part) {
    for (int i = 0; i < 32; ++i) code[i] = static_cast<int8_t>((b.q[8 * part + i / 4] >> 2 * (i % 4) & 3) - 1);
  }
};

// Calls on_part(first element, d, codes) for each part of a row of k elements, in order.
template <class F, class OnPart>
void for_each(const void* row, size_t k, const OnPart& on_part) {
  constexpr size_t kBlock = type_info(F::kType).block_elems;
  const auto* blocks = static_cast<const typename F::Block*>(row);
  for (size_t i = 0; i < k; i += F::kPart) {
    const typename F::Block& b = blocks[i / kBlock];
    const int part = static_cast<int>(i % kBlock) / F::kPart;
    int8_t code[F::kPart];
    F::codes(code, b, part);
    on_part(i, F::d(b, part), code);
  }
}

template <class F>
void gemv(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0, size_t row1) {
  for (size_t row = row0; row < row1; ++row) {
    float acc = 0;
    for_each<F>(static_cast<const uint8_t*>(w) + row * row_bytes, k, [&](size_t i, float d, const int8_t* code) {
      const ActBlock32& a = static_cast<const ActBlock32*>(x)[i / 32];
      int32_t sum = 0;
      for (int j = 0; j < F::kPart; ++j) sum += code[j] * a.q[i % 32 + j];
      acc = __builtin_fmaf(d * a.d, static_cast<float>(sum), acc);
    });
    y[row] = acc;
  }
}

template <class F>
void dequantize(float* y, const void* row, size_t k) {
  for_each<F>(row, k, [=](size_t i, float d, const int8_t* code) {
    for (int j = 0; j < F::kPart; ++j) y[i + j] = static_cast<float>(code[j]) * d;
  });
}

}  // namespace parts
