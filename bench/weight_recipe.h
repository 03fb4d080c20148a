// WeightRecipe: which type each matrix of a file gets, as llama.cpp's quantiser chooses (llama-quant.cpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model_shapes.h"

namespace coterie::bench {

class WeightRecipe {
 public:
  // q4_k_m and q5_k_m are mixtures; mxfp4 has experts of MXFP4 and the rest in Q8_0; nvfp4 has embedding and output head in
  // Q8_0; any other name is that of a type, used for every matrix but the embedding and the output head, where its
  // quantiser keeps more bits.
  static std::optional<WeightRecipe> find(std::string_view name);

  TensorType choose(const PlannedTensor& tensor, uint32_t n_layer) const;

 private:
  TensorType base_, more_, embedding_, output_;  // more: of the matrices that the mixtures give more bits
  bool experts_only_ = false;                    // the base type is for stacks only, the rest is Q8_0
};

}  // namespace coterie::bench
