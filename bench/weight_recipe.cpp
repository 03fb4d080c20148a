#include "weight_recipe.h"

#include <algorithm>
#include <cctype>

#include "random_weights.h"

namespace coterie::bench {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::optional<TensorType> type_named(std::string_view name) {
  for (uint32_t t = 0; t < kTensorTypeCount; ++t) {
    const auto type = static_cast<TensorType>(t);
    if (RandomWeights::supports(type) && same_name(name, type_info(type).name)) return type;
  }
  return {};
}

// use_more_bits of llama-quant.cpp: the first and last eighth of the layers and every third between them.
bool has_more_bits(uint32_t layer, uint32_t n_layer) {
  return layer < n_layer / 8 || layer >= 7 * n_layer / 8 || (layer - n_layer / 8) % 3 == 2;
}

// tensor_type_fallback of llama-quant.cpp: for rows that are not whole blocks.
TensorType fitting(TensorType type, uint64_t n_in) {
  const auto fits = [n_in](TensorType t) { return n_in % type_info(t).block_elems == 0; };
  if (fits(type)) return type;
  TensorType other = TensorType::Q4_0;  // for Q2_K, Q3_K, TQ1_0, TQ2_0 and the odd ones
  switch (type) {
    case TensorType::Q4_K: other = TensorType::Q5_0; break;
    case TensorType::Q5_K: other = TensorType::Q5_1; break;
    case TensorType::Q6_K: other = TensorType::Q8_0; break;
    case TensorType::IQ1_S: case TensorType::IQ1_M: case TensorType::IQ2_XXS: case TensorType::IQ2_XS:
    case TensorType::IQ2_S: case TensorType::IQ3_XXS: case TensorType::IQ3_S: case TensorType::IQ4_XS:
      other = TensorType::IQ4_NL;
      break;
    default: break;
  }
  return fits(other) ? other : TensorType::F16;
}

}  // namespace

std::optional<WeightRecipe> WeightRecipe::find(std::string_view name) {
  WeightRecipe r;
  const bool q4 = same_name(name, "q4_k_m");
  if (q4 || same_name(name, "q5_k_m")) {
    r.base_ = r.embedding_ = q4 ? TensorType::Q4_K : TensorType::Q5_K;
    r.more_ = r.output_ = TensorType::Q6_K;
    return r;
  }
  const std::optional<TensorType> type = type_named(name);
  if (!type) return {};
  r.base_ = r.more_ = r.embedding_ = r.output_ = *type;
  switch (*type) {
    case TensorType::F32: case TensorType::F16: case TensorType::BF16: case TensorType::Q8_0: break;
    case TensorType::IQ2_S: r.embedding_ = TensorType::IQ3_S, r.output_ = TensorType::Q5_K; break;
    case TensorType::IQ1_S: case TensorType::IQ1_M: case TensorType::IQ2_XXS: case TensorType::IQ2_XS:
      r.embedding_ = TensorType::Q2_K, r.output_ = TensorType::Q5_K;
      break;
    case TensorType::MXFP4:
      r.experts_only_ = true;
      r.embedding_ = r.output_ = TensorType::Q8_0;
      break;
    case TensorType::NVFP4: r.embedding_ = r.output_ = TensorType::Q8_0; break;
    default: r.output_ = TensorType::Q6_K;
  }
  return r;
}

TensorType WeightRecipe::choose(const PlannedTensor& tensor, uint32_t n_layer) const {
  if (tensor.role != TensorRole::kMatrix) return TensorType::F32;
  const auto contains = [&](const char* part) { return tensor.name.find(part) != std::string::npos; };
  TensorType type = base_;
  if (tensor.name == "token_embd.weight") type = embedding_;
  else if (tensor.name == "output.weight") type = output_;
  else if (experts_only_ && tensor.ne.size() < 3) type = TensorType::Q8_0;
  else if ((contains(".ffn_down") || contains(".attn_v.")) && has_more_bits(tensor.layer, n_layer)) type = more_;
  return fitting(type, tensor.ne[0]);
}

}  // namespace coterie::bench
