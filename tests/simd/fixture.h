// What the kernel tests share: the tables under test, random data, rows of weights at awkward addresses, equality.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.h"

using namespace coterie;

constexpr TensorType kWeightTypes[] = {
    TensorType::F32,    TensorType::F16,   TensorType::BF16, TensorType::Q4_0, TensorType::Q4_1,
    TensorType::Q5_0,   TensorType::Q5_1,  TensorType::Q8_0, TensorType::Q2_K, TensorType::Q3_K,
    TensorType::Q4_K,   TensorType::Q5_K,  TensorType::Q6_K, TensorType::IQ4_NL, TensorType::IQ4_XS,
    TensorType::MXFP4,  TensorType::TQ1_0, TensorType::TQ2_0, TensorType::IQ2_XXS,
    TensorType::IQ2_XS, TensorType::IQ2_S, TensorType::IQ3_XXS, TensorType::IQ3_S,
    TensorType::IQ1_S,  TensorType::IQ1_M, TensorType::NVFP4, TensorType::Q1_0, TensorType::Q2_0};

const Kernels& scalar();
// Every table but the scalar one that can run here; the AVX-512 one runs emulated where the CPU lacks it.
const std::vector<const Kernels*>& other_tables();

// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 | 1) {}
  uint32_t bits() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return static_cast<uint32_t>(state_ * 0x2545f4914f6cdd1d >> 32);
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(static_cast<uint64_t>(bits()) * n >> 32); }
  float uniform() { return static_cast<float>(static_cast<int32_t>(bits())) * 0x1p-31f; }  // [-1, 1]

 private:
  uint64_t state_;
};

// A new one in each run, printed; the environment variable COTERIE_TEST_SEED repeats an old one.
uint64_t seed();

enum class Values {
  kTame,     // floats in [-1, 1]; quantised blocks with scales near 2^-7
  kHostile,  // random bits; floats: also NaN, infinities, zeros, denormals, huge and tiny ones
};
float hostile_float(Random& random);
std::vector<float> random_floats(Random& random, size_t n, Values values);

// Writes the factors of a block of a quantised type, halves: d, and m or dmin where it has one. MXFP4 has a power of
// two instead: that of d. IQ1_M has d in four nibbles. NVFP4 has four bytes, which lose their first and last bit.
void set_factors(TensorType type, uint8_t* block, uint16_t d, uint16_t m);

// Rows of a weight matrix in a buffer of exactly the bytes that may be read, so that AddressSanitizer sees any other.
struct Matrix {
  TensorType type;
  size_t n_rows, k, row_bytes;
  std::unique_ptr<uint8_t[]> buffer;
  const uint8_t* data;  // buffer + misalignment
  const uint8_t* row(size_t r) const { return data + r * row_bytes; }
};
Matrix random_matrix(Random& random, TensorType type, size_t n_rows, size_t k, size_t gap_bytes, size_t misalignment,
                     Values values);

// x as `type` wants it: floats, ActBlock32 or ActBlock256, in a buffer of exactly that size.
class Activations {
 public:
  Activations(const Kernels& kernels, TensorType type, const std::vector<float>& x);
  const void* data() const { return bytes_.get(); }
  size_t n_bytes() const { return n_bytes_; }
  std::vector<double> values() const;  // what they stand for

 private:
  struct Free {
    void operator()(void* p) const;
  };
  ActKind kind_;
  size_t k_, n_bytes_;
  std::unique_ptr<void, Free> bytes_;
};

// Equal bits, or both NaN: the sign and payload of a NaN made by arithmetic differ between machines.
bool same(float a, float b);
testing::AssertionResult all_same(const std::vector<float>& expected, const std::vector<float>& actual);
