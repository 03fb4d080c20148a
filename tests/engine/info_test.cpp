// What is told about a file before it is loaded, against what the loaded model uses.
#include "engine/info.h"

#include "gguf/gguf.h"
#include "tiny_model.h"

namespace coterie::test {
namespace {

ModelInfo info_of(const std::string& name) {
  std::unique_ptr<Gguf> gguf;
  expect_ok(Gguf::open(tiny_model(name), &gguf));
  ModelInfo info;
  expect_ok(describe(*gguf, &info));
  return info;
}

TEST(Info, ContextMemoryIsWhatTheModelTakes) {
  for (const char* name : {"deepseek2-v3", "deepseek2-v2-lite-legacy", "deepseek32-v3.2", "deepseek-moe", "llama-value-dim",
                           "llama-minimal", "llama-per-layer", "qwen2-minimal", "qwen3-norms", "gpt-oss-window", "glm4moe-air",
                           "minimax-m2-moe", "granitemoe-moe"}) {
    const Loaded l(tiny_model(name));
    const KvShape& kv = l.model->shape().kv;
    const size_t halves = kv.n_layer * (kv.n_head_kv * (kv.key_dim + kv.value_dim) + kv.index_dim);
    EXPECT_EQ(info_of(name).kv_bytes_per_token, 2 * halves) << name;
    EXPECT_EQ(info_of(name).n_layer, l.model->shape().n_layer) << name;
  }
}

// The same experts, in stacks and one by one: as many bytes, as many of them read for a token.
TEST(Info, NumberedExpertsCountAsExperts) {
  const ModelInfo numbered = info_of("llama-mixtral-numbered"), stacked = info_of("llama-mixtral");
  EXPECT_GT(stacked.routed_expert_bytes, 0u);
  EXPECT_EQ(numbered.routed_expert_bytes, stacked.routed_expert_bytes);
  EXPECT_EQ(numbered.dense_ffn_bytes, 0u);
  EXPECT_EQ(numbered.touched_bytes_per_token, stacked.touched_bytes_per_token);
}

TEST(Info, EveryTensorHasItsClass) {
  for (const char* name : {"qwen2-output-bias", "qwen2moe-moe", "gpt-oss-window", "minimax-m2-bare-bias", "granitemoe-shared",
                           "deepseek2-nvfp4-all-scaled", "llama-mixtral-numbered-nvfp4"}) {
    EXPECT_EQ(info_of(name).other_bytes, 0u) << name;
  }
  EXPECT_EQ(info_of("qwen2moe-moe").n_expert_shared, 1u);
  EXPECT_EQ(info_of("deepseek-moe").n_expert_shared, 2u);
  EXPECT_EQ(info_of("qwen3moe-moe").n_expert_shared, 0u);
  EXPECT_GT(info_of("glm4moe-air").other_bytes, 0u);  // its prediction layer
}

}  // namespace
}  // namespace coterie::test
