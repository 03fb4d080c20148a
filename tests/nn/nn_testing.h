// What the tests of lib/nn share: a context, random numbers, carved scratch memory.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "base/memory.h"
#include "nn/context.h"
#include "nn/tensor.h"

namespace coterie::test {

class NnTest : public ::testing::Test {
 protected:
  NnTest() { EXPECT_TRUE(Arena::create(3, &arena_).ok()); }
  nn::Context context() { return {*select_kernels(nullptr), *arena_, &cancel_}; }

  std::vector<float> random(size_t n, float scale = 1) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> x(n);
    for (float& v : x) v = normal(random_);
    return x;
  }

  // Memory for what `layout` carves.
  template <class F>
  void carve(F layout) {
    nn::Carver plan(nullptr);
    layout(plan);
    ASSERT_TRUE(Buffer::allocate(plan.used(), "test", &memory_).ok());
    nn::Carver carver(memory_.data());
    layout(carver);
    ASSERT_EQ(carver.used(), plan.used());
  }

  std::unique_ptr<Arena> arena_;
  std::atomic<bool> cancel_{false};
  Buffer memory_;
  std::mt19937 random_{12345};
};

inline nn::Matrix float_matrix(const std::vector<float>& w, size_t n_in, size_t n_out) {
  return {reinterpret_cast<const std::byte*>(w.data()), TensorType::F32, n_in, n_out, n_in * sizeof(float)};
}

inline double dot(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double{a[i]} * b[i];
  return sum;
}

}  // namespace coterie::test
