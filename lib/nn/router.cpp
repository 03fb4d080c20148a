#include "nn/router.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace coterie::nn {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Index of the largest of values[0, n) that is not taken; the first of equals, NaN below everything.
size_t best(const float* values, const float* taken, size_t n) {
  size_t found = n;
  for (size_t i = 0; i < n; ++i) {
    if (taken[i] != 0) continue;
    if (found == n || values[i] > values[found] || (values[found] != values[found] && values[i] == values[i])) found = i;
  }
  return found;
}

float group_score(GroupScore rule, const float* values, size_t n) {
  float first = kNever, second = kNever;
  for (size_t i = 0; i < n; ++i) {
    if (values[i] > first) {
      second = first;
      first = values[i];
    } else if (values[i] > second) {
      second = values[i];
    }
  }
  return rule == GroupScore::kMax || n == 1 ? first : first + second;
}

// Marks the experts outside the best groups as taken (DeepSeek-V2 section 2.2.2, DeepSeek-V3 section 2.1.2).
void limit_groups(const RouterConfig& c, const float* selection, float* taken) {
  const size_t size = c.n_expert / c.n_group;
  for (size_t i = 0; i < c.n_expert; ++i) taken[i] = 1;
  for (uint32_t k = 0; k < c.n_group_used; ++k) {
    size_t found = c.n_group;
    float found_score = kNever;
    for (size_t g = 0; g < c.n_group; ++g) {
      if (taken[g * size] == 0) continue;  // chosen before
      const float score = group_score(c.group_score, selection + g * size, size);
      if (found == c.n_group || score > found_score) {
        found = g;
        found_score = score;
      }
    }
    std::memset(taken + found * size, 0, size * sizeof(float));
  }
}

void softmax(const Kernels& kernels, float* x, size_t n) {
  const float sum = kernels.exp_sum(x, x, kernels.max(x, n), n);
  for (size_t i = 0; i < n; ++i) x[i] /= sum;
}

}  // namespace

void route(const Kernels& kernels, const RouterConfig& c, float* logits, float* scratch, int32_t* ids, float* weights) {
  float* selection = scratch;
  float* taken = scratch + c.n_expert;
  if (c.bias != nullptr) kernels.add(logits, c.bias, c.n_expert);
  if (c.gating == Gating::kSigmoid) kernels.sigmoid(logits, logits, c.n_expert);
  if (c.gating == Gating::kSoftmax) softmax(kernels, logits, c.n_expert);
  std::memcpy(selection, logits, c.n_expert * sizeof(float));
  if (c.selection_bias != nullptr) kernels.add(selection, c.selection_bias, c.n_expert);
  std::memset(taken, 0, c.n_expert * sizeof(float));
  if (c.n_group > 1) limit_groups(c, selection, taken);

  for (uint32_t k = 0; k < c.n_used; ++k) {
    const size_t e = best(selection, taken, c.n_expert);
    taken[e] = 1;
    ids[k] = static_cast<int32_t>(e);
  }
  std::sort(ids, ids + c.n_used);
  for (uint32_t k = 0; k < c.n_used; ++k) weights[k] = logits[ids[k]];
  if (c.gating == Gating::kSelectedSoftmax) softmax(kernels, weights, c.n_used);
  float sum = 0;
  for (uint32_t k = 0; k < c.n_used; ++k) sum += weights[k];
  constexpr float kLeastSum = 0x1p-14f;  // as llama.cpp clamps it
  for (uint32_t k = 0; k < c.n_used; ++k) {
    if (c.normalise) weights[k] /= sum > kLeastSum ? sum : kLeastSum;
    weights[k] *= c.scale;
  }
}

}  // namespace coterie::nn
