// The rope.* keys of a file, as most architectures write them.
#pragma once

#include "models/binder.h"
#include "nn/rope.h"

namespace coterie {

struct RopeKeys {
  nn::RopeConfig rope;   // magnitude is rope.scaling.attn_factor; what else belongs to it is up to the architecture
  float factor = 1;      // rope.scaling.factor, 1 without scaling
};

// n_rot: default of rope.dimension_count; most_rot: the head size it must fit into.
RopeKeys read_rope_keys(Config& config, uint32_t n_rot, uint32_t most_rot, uint32_t n_ctx_train);

}  // namespace coterie
