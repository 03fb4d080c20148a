// What a file holds and what running it will take, from its head alone: no tensor is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "gguf/gguf.h"

namespace coterie {

struct TypeUsage {
  const char* name;
  uint64_t n_tensors, n_bytes;
};

// The fields of coterie_model_info (include/coterie/coterie.h), which explains them.
struct ModelInfo {
  std::string architecture, name;
  uint32_t n_files = 0, n_layer = 0, n_embd = 0, n_head = 0, n_vocab = 0, n_ctx_train = 0;
  uint32_t n_expert = 0, n_expert_used = 0, n_expert_shared = 0, n_layer_dense = 0;
  uint64_t n_tensors = 0, n_params = 0, file_bytes = 0, tensor_bytes = 0;
  uint64_t embedding_bytes = 0, attention_bytes = 0, dense_ffn_bytes = 0, router_bytes = 0, shared_expert_bytes = 0;
  uint64_t routed_expert_bytes = 0, output_bytes = 0, norm_bytes = 0, other_bytes = 0;
  uint64_t touched_bytes_per_token = 0, kv_bytes_per_token = 0;
  std::vector<TypeUsage> types;  // in order of type number
};

// Errors: kBadFile when the keys that the answer needs are missing or contradict each other.
Status describe(const Gguf& gguf, ModelInfo* out);

}  // namespace coterie
