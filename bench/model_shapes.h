// Model files in the shapes of known models: metadata with a made-up vocabulary and the list of tensors, no weights.
// Sizes: the models' config.json; keys and tensor names: llama.cpp's converters (conversion/*.py).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf_builder.h"

namespace coterie::bench {

enum class TensorRole {
  kMatrix,  // of a type that the recipe chooses
  kFloats,  // F32 in every file: routers and biases
  kOnes,    // F32 ones: norms
  kScales,  // F32, one value: scales of experts
};

struct PlannedTensor {
  std::string name;
  std::vector<uint64_t> ne;  // ne[0] is the contiguous axis
  TensorRole role;
  double deviation;          // of the weights; 0: 1 / sqrt(ne[0]), which keeps the variance of the input
  uint32_t layer;            // 0 for tensors outside layers
};

struct ModelPlan {
  uint32_t n_layer = 0;
  test::GgufBuilder head;  // holds the metadata; the tensors are still to be added
  std::vector<PlannedTensor> tensors;
};

struct NamedShape {
  const char* name;
  const char* what;
  void (*plan)(ModelPlan& plan);  // plan.n_layer: layers to keep, 0 for all
};
extern const std::vector<NamedShape> kShapes;

}  // namespace coterie::bench
