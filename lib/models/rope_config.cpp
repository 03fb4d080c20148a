#include "models/rope_config.h"

#include <algorithm>

namespace coterie {

RopeKeys read_rope_keys(Config& config, uint32_t n_rot, uint32_t most_rot, uint32_t n_ctx_train) {
  constexpr float kLargest = 1e9f;
  RopeKeys keys;
  nn::RopeConfig& rope = keys.rope;
  rope.n_rot = n_rot;
  config.optional_integer("rope.dimension_count", &rope.n_rot, 2, std::min(most_rot, 4096u));
  config.check(rope.n_rot % 2 == 0, "rope.dimension_count", "an even number");
  config.optional_real("rope.freq_base", &rope.freq_base, 1.0001f, 1e12f);

  config.optional_real("rope.scale_linear", &keys.factor, 0, kLargest);  // the name before rope.scaling.factor
  config.optional_real("rope.scaling.factor", &keys.factor, 0, kLargest);
  if (keys.factor == 0) keys.factor = 1;
  const std::string_view type = config.optional_string("rope.scaling.type", "linear");
  if (type != "none" && type != "linear" && type != "yarn") config.unsupported("rope.scaling.type", "none, linear or yarn");
  if (type == "none") keys.factor = 1;
  rope.freq_scale = 1 / keys.factor;
  rope.yarn = type == "yarn";
  rope.n_ctx_original = n_ctx_train;
  config.optional_integer("rope.scaling.original_context_length", &rope.n_ctx_original, 1, UINT32_MAX);
  config.optional_real("rope.scaling.yarn_beta_fast", &rope.beta_fast, 0.001f, kLargest);
  config.optional_real("rope.scaling.yarn_beta_slow", &rope.beta_slow, 0.001f, kLargest);
  config.optional_real("rope.scaling.attn_factor", &rope.magnitude, 0.0001f, kLargest);
  return keys;
}

}  // namespace coterie
