// The list of tables and the choice among them.
#include <cstdlib>
#include <cstring>
#include <string>

#include "fixture.h"

namespace {

TEST(Dispatch, ScalarIsLastAndUsable) {
  const KernelSet* last = kernel_sets();
  while (last[1].kernels) ++last;
  EXPECT_STREQ(last->kernels->isa, "scalar");
  EXPECT_TRUE(last->usable());
}

TEST(Dispatch, TablesAreComplete) {
  for (const KernelSet* set = kernel_sets(); set->kernels; ++set) {
    for (TensorType type : kWeightTypes) {
      EXPECT_NE(set->kernels->gemv[static_cast<uint32_t>(type)], nullptr) << set->kernels->isa;
      EXPECT_NE(set->kernels->gemm[static_cast<uint32_t>(type)], nullptr) << set->kernels->isa;
      EXPECT_NE(set->kernels->dequantize[static_cast<uint32_t>(type)], nullptr) << set->kernels->isa;
    }
    // What follows the two arrays is function pointers, all of them set.
    const auto* slots = reinterpret_cast<void* const*>(&set->kernels->quantize32);
    const auto* end = reinterpret_cast<void* const*>(set->kernels + 1);
    for (; slots < end; ++slots) EXPECT_NE(*slots, nullptr) << set->kernels->isa;
  }
}

TEST(Dispatch, TypesWithActivationsHaveKernels) {
  for (uint32_t t = 0; t < kTensorTypeCount; ++t)
    EXPECT_EQ(kTypeInfo[t].act != ActKind::kNone, scalar().gemv[t] != nullptr) << "type " << t;
}

TEST(Dispatch, Selects) {
  const KernelSet* best = kernel_sets();
  while (!best->usable()) ++best;
  EXPECT_EQ(select_kernels(nullptr), best->kernels);
  if (const char* expected = std::getenv("COTERIE_TEST_ISA")) {
    EXPECT_STREQ(best->kernels->isa, expected);
  }
  for (const KernelSet* set = kernel_sets(); set->kernels; ++set)
    EXPECT_EQ(select_kernels(set->kernels->isa), set->usable() ? set->kernels : nullptr);
  EXPECT_EQ(select_kernels("scala"), nullptr);
  EXPECT_EQ(select_kernels("scalars"), nullptr);
  EXPECT_EQ(select_kernels(""), nullptr);
}

}  // namespace
