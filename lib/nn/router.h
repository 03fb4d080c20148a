// Routers: which experts a token takes and with which weights. Pure functions of one token's router logits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "nn/tensor.h"

namespace coterie::nn {

// How logits become weights; the numbers are those of the key expert_gating_func. kSelectedSoftmax (gpt-oss) chooses by
// the logits themselves and takes the softmax of the chosen ones.
enum class Gating : uint32_t { kSoftmax = 1, kSigmoid = 2, kSelectedSoftmax = 3 };
enum class GroupScore : uint8_t { kMax, kTopTwoSum };  // DeepSeek-V2's and V3's rule

struct RouterConfig {
  uint32_t n_expert = 0, n_used = 0;
  Gating gating = Gating::kSoftmax;
  Vector selection_bias = nullptr;  // [n_expert] added for the choice only, never to the weights; null: none
  uint32_t n_group = 1, n_group_used = 1;  // experts in equal groups of neighbours; only the best groups take part
  GroupScore group_score = GroupScore::kTopTwoSum;
  bool normalise = false;  // divide the weights by their sum (at least 2^-14)
  float scale = 1;         // then multiply them
  Vector bias = nullptr;   // [n_expert] added to the logits; null: none
};

// logits[n_expert] becomes the probabilities; scratch: [2 * n_expert] floats. ids[n_used] ascending, weights[n_used] of the
// same order. Of equals the lower index is taken; a NaN is taken last, so that ids are always distinct and in range.
void route(const Kernels& kernels, const RouterConfig& config, float* logits, float* scratch, int32_t* ids, float* weights);

}  // namespace coterie::nn
