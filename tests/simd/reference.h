// What the kernels should compute, as plain loops over doubles, written from the description of the formats
// (ggml-common.h, ggml-quants.c). Shares no code with simd/ but the numbers of the types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats.h"

namespace reference {

double half_value(uint16_t bits);
uint16_t half_bits(double x);  // to nearest even; NaN: 7e00

// The values of one row of k elements.
std::vector<double> dequantize(coterie::TensorType type, const uint8_t* row, size_t k);

struct Sum {
  double value;
  double magnitude;  // sum of |w * x|, which errors are relative to
};
Sum dot(const std::vector<double>& w, const std::vector<double>& x);

// CRC-32 as in zlib.
uint32_t crc32(const void* data, size_t n_bytes);

}  // namespace reference
