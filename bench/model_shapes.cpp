#include "model_shapes.h"

#include <algorithm>
#include <cmath>

namespace coterie::bench {
namespace {

struct Rope {
  float base, factor;  // factor 1: no scaling; otherwise YaRN
  uint32_t n_original;
  float log_multiplier;  // 0: no such key
};

struct Vocabulary {
  const char* pre;
  uint32_t n_tokens;
};

struct Sizes {
  const char* name;
  Vocabulary vocabulary;
  uint32_t n_ctx, n_layer, n_layer_dense, n_embd, n_head, n_head_kv, n_ff, n_ff_expert, n_expert, n_used, n_shared;
  Rope rope;
};

// Multi-head latent attention and its router.
struct LatentSizes : Sizes {
  uint32_t q_rank, kv_rank, n_nope, n_rot, n_value;  // q_rank 0: one attn_q
  uint32_t n_group, n_group_used;
  bool sigmoid;  // with a selection bias, renormalised, scaled
  float weights_scale;
};

// GPT-2's printable stand-in for every byte (encoder.py, bytes_to_unicode): itself or the next code point from 256.
std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const uint32_t code = printable ? byte : next++;
    if (code < 128) tokens.emplace_back(1, static_cast<char>(code));
    else tokens.push_back({static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))});
  }
  return tokens;
}

// Bytes, a few merges, the special tokens, and words in capitals up to the size that the embedding has.
void add_vocabulary(ModelPlan& plan, const Vocabulary& v) {
  const std::vector<std::string> merges = {"t h", "th e", "i n", "e r", "a n", "o n", "Ġ t", "Ġ a", "Ġt he", "an d"};
  std::vector<std::string> tokens = byte_tokens();
  for (std::string merge : merges) {
    merge.erase(merge.find(' '), 1);
    if (std::find(tokens.begin(), tokens.end(), merge) == tokens.end()) tokens.push_back(merge);
  }
  const auto bos = static_cast<uint32_t>(tokens.size());
  std::vector<int32_t> types(tokens.size(), 1);  // normal
  for (const char* special : {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"}) {
    tokens.emplace_back(special);
    types.push_back(3);  // control
  }
  for (uint32_t i = 0; tokens.size() < v.n_tokens; ++i) {
    std::string word = "Ġ";
    for (uint32_t rest = i, n = 0; n < 5; ++n, rest /= 26) word.push_back(static_cast<char>('A' + rest % 26));
    tokens.push_back(word);
    types.push_back(1);
  }
  plan.head.kv("tokenizer.ggml.model", "gpt2").kv("tokenizer.ggml.pre", v.pre);
  plan.head.kv("tokenizer.ggml.tokens", tokens).kv("tokenizer.ggml.token_type", types);
  plan.head.kv("tokenizer.ggml.merges", merges);
  plan.head.kv("tokenizer.ggml.bos_token_id", bos).kv("tokenizer.ggml.eos_token_id", bos + 1);
  plan.head.kv("tokenizer.ggml.add_bos_token", true).kv("tokenizer.ggml.add_eos_token", false);
}

// Writes keys below the architecture's prefix and tensors of one layer after the other.
class Planner {
 public:
  Planner(ModelPlan& plan, const Sizes& sizes, const char* architecture) : plan_(plan), prefix_(architecture) {
    if (plan.n_layer == 0) plan.n_layer = sizes.n_layer;
    plan.head.kv("general.architecture", architecture).kv("general.type", "model");
    plan.head.kv("general.name", std::string(sizes.name) + ", random weights");
    plan.head.kv("general.quantization_version", 2u);
    key("block_count", plan.n_layer), key("context_length", sizes.n_ctx), key("embedding_length", sizes.n_embd);
    key("feed_forward_length", sizes.n_ff), key("attention.head_count", sizes.n_head);
    key("attention.head_count_kv", sizes.n_head_kv), key("attention.layer_norm_rms_epsilon", 1e-6f);
    key("expert_count", sizes.n_expert), key("expert_used_count", sizes.n_used);
    key("expert_feed_forward_length", sizes.n_ff_expert), key("vocab_size", sizes.vocabulary.n_tokens);
    rope(sizes.rope);
    add_vocabulary(plan, sizes.vocabulary);
    const uint64_t n_embd = sizes.n_embd, n_vocab = sizes.vocabulary.n_tokens;
    add("token_embd.weight", {n_embd, n_vocab}, TensorRole::kMatrix, 1);
    add("output_norm.weight", {n_embd}, TensorRole::kOnes);
    matrix("output", {n_embd, n_vocab});
  }

  template <class T>
  void key(const char* name, T value) {
    plan_.head.kv(prefix_ + "." + name, value);
  }
  void begin_layer(uint32_t layer) {
    layer_ = layer;
    blk_ = "blk." + std::to_string(layer) + ".";
  }
  void matrix(const char* name, std::vector<uint64_t> ne, double deviation = 0) {
    add(blk_ + name + ".weight", std::move(ne), TensorRole::kMatrix, deviation);
  }
  void norm(const char* name, uint64_t n) { add(blk_ + name + ".weight", {n}, TensorRole::kOnes); }
  void floats(const char* name, std::vector<uint64_t> ne, double deviation = 0) {
    add(blk_ + name, std::move(ne), TensorRole::kFloats, deviation);
  }
  void ffn(const char* suffix, std::vector<uint64_t> stack, uint64_t n_embd, uint64_t n_ff) {
    for (const char* name : {"ffn_gate", "ffn_up", "ffn_down"}) {
      const bool down = std::string_view(name) == "ffn_down";
      std::vector<uint64_t> ne = {down ? n_ff : n_embd, down ? n_embd : n_ff};
      ne.insert(ne.end(), stack.begin(), stack.end());
      matrix((std::string(name) + suffix).c_str(), std::move(ne));
    }
  }

 private:
  void rope(const Rope& rope) {
    key("rope.freq_base", rope.base);
    if (rope.factor == 1) return;
    key("rope.scaling.type", "yarn"), key("rope.scaling.factor", rope.factor);
    key("rope.scaling.original_context_length", rope.n_original);
    if (rope.log_multiplier != 0) key("rope.scaling.yarn_log_multiplier", rope.log_multiplier);
  }
  void add(std::string name, std::vector<uint64_t> ne, TensorRole role, double deviation = 0) {
    plan_.tensors.push_back({std::move(name), std::move(ne), role, deviation, layer_});
  }

  ModelPlan& plan_;
  std::string prefix_, blk_;
  uint32_t layer_ = 0;
};

void plan_deepseek2(ModelPlan& plan, const LatentSizes& s) {
  Planner p(plan, s, "deepseek2");
  const uint32_t key_length = s.n_nope + s.n_rot;
  p.key("attention.key_length", s.kv_rank + s.n_rot), p.key("attention.value_length", s.kv_rank);
  p.key("attention.key_length_mla", key_length), p.key("attention.value_length_mla", s.n_value);
  p.key("attention.kv_lora_rank", s.kv_rank), p.key("rope.dimension_count", s.n_rot);
  // llama.cpp takes a missing key for "no such rank" at 26 and 27 layers only; 0 says it at any.
  p.key("attention.q_lora_rank", s.q_rank);
  p.key("leading_dense_block_count", s.n_layer_dense), p.key("expert_shared_count", s.n_shared);
  p.key("expert_weights_scale", s.weights_scale), p.key("expert_weights_norm", s.sigmoid);
  p.key("expert_gating_func", s.sigmoid ? 2u : 1u);
  if (s.n_group > 1) p.key("expert_group_count", s.n_group), p.key("expert_group_used_count", s.n_group_used);

  const uint64_t d = s.n_embd, heads = s.n_head, latent = s.kv_rank, ff_shared = uint64_t{s.n_ff_expert} * s.n_shared;
  for (uint32_t il = 0; il < plan.n_layer; ++il) {
    p.begin_layer(il);
    p.norm("attn_norm", d);
    if (s.q_rank == 0) {
      p.matrix("attn_q", {d, heads * key_length});
    } else {
      p.matrix("attn_q_a", {d, s.q_rank});
      p.norm("attn_q_a_norm", s.q_rank);
      p.matrix("attn_q_b", {s.q_rank, heads * key_length});
    }
    p.matrix("attn_kv_a_mqa", {d, latent + s.n_rot});
    p.norm("attn_kv_a_norm", latent);
    p.matrix("attn_k_b", {s.n_nope, latent, heads}, 1 / std::sqrt(latent));  // transposed: its input is the latent
    p.matrix("attn_v_b", {latent, s.n_value, heads});
    p.matrix("attn_output", {heads * s.n_value, d});
    p.norm("ffn_norm", d);
    if (il < s.n_layer_dense) {
      p.ffn("", {}, d, s.n_ff);
      continue;
    }
    p.floats("ffn_gate_inp.weight", {d, s.n_expert});
    if (s.sigmoid) p.floats("exp_probs_b.bias", {s.n_expert}, 0.01);
    p.ffn("_exps", {s.n_expert}, d, s.n_ff_expert);
    p.ffn("_shexp", {}, d, ff_shared);
  }
}

void plan_qwen3moe(ModelPlan& plan, const Sizes& s, uint32_t head_dim) {
  Planner p(plan, s, "qwen3moe");
  p.key("attention.key_length", head_dim), p.key("attention.value_length", head_dim);
  const uint64_t d = s.n_embd, q = uint64_t{s.n_head} * head_dim, kv = uint64_t{s.n_head_kv} * head_dim;
  for (uint32_t il = 0; il < plan.n_layer; ++il) {
    p.begin_layer(il);
    p.norm("attn_norm", d);
    p.matrix("attn_q", {d, q}), p.matrix("attn_k", {d, kv}), p.matrix("attn_v", {d, kv});
    p.norm("attn_q_norm", head_dim), p.norm("attn_k_norm", head_dim);
    p.matrix("attn_output", {q, d});
    p.norm("ffn_norm", d);
    p.floats("ffn_gate_inp.weight", {d, s.n_expert});
    p.ffn("_exps", {s.n_expert}, d, s.n_ff_expert);
  }
}

void plan_gpt_oss(ModelPlan& plan, const Sizes& s, uint32_t head_dim) {
  constexpr double kBias = 0.1;
  Planner p(plan, s, "gpt-oss");
  p.key("attention.key_length", head_dim), p.key("attention.value_length", head_dim);
  p.key("attention.sliding_window", 128u);
  const uint64_t d = s.n_embd, q = uint64_t{s.n_head} * head_dim, kv = uint64_t{s.n_head_kv} * head_dim;
  for (uint32_t il = 0; il < plan.n_layer; ++il) {
    p.begin_layer(il);
    p.norm("attn_norm", d);
    p.matrix("attn_q", {d, q}), p.matrix("attn_k", {d, kv}), p.matrix("attn_v", {d, kv});
    p.floats("attn_q.bias", {q}, kBias), p.floats("attn_k.bias", {kv}, kBias), p.floats("attn_v.bias", {kv}, kBias);
    p.matrix("attn_output", {q, d});
    p.floats("attn_output.bias", {d}, kBias), p.floats("attn_sinks.weight", {s.n_head}, 1);
    p.norm("post_attention_norm", d);
    p.floats("ffn_gate_inp.weight", {d, s.n_expert}), p.floats("ffn_gate_inp.bias", {s.n_expert}, kBias);
    p.ffn("_exps", {s.n_expert}, d, s.n_ff_expert);
    p.floats("ffn_gate_exps.bias", {s.n_ff_expert, s.n_expert}, kBias);
    p.floats("ffn_up_exps.bias", {s.n_ff_expert, s.n_expert}, kBias);
    p.floats("ffn_down_exps.bias", {d, s.n_expert}, kBias);
  }
}

// n_ctx, n_layer, n_layer_dense, n_embd, n_head, n_head_kv, n_ff, n_ff_expert, n_expert, n_used, n_shared
constexpr LatentSizes kV2Lite = {{"DeepSeek-V2-Lite", {"deepseek-llm", 102400}, 163840, 27, 1, 2048, 16, 1, 10944, 1408,
                                  64, 6, 2, {10000, 40, 4096, 0.0707f}},
                                 0, 512, 128, 64, 128, 1, 1, false, 1};
constexpr LatentSizes kMoonlight = {{"Moonlight-16B-A3B", {"deepseek-llm", 163840}, 8192, 27, 1, 2048, 16, 1, 11264,
                                     1408, 64, 6, 2, {50000, 1, 0, 0}},
                                    0, 512, 128, 64, 128, 1, 1, true, 2.446f};
constexpr LatentSizes kV3 = {{"DeepSeek-V3", {"deepseek-v3", 129280}, 163840, 61, 3, 7168, 128, 1, 18432, 2048,
                              256, 8, 1, {10000, 40, 4096, 0.1f}},
                             1536, 512, 128, 64, 128, 8, 4, true, 2.5f};
constexpr LatentSizes kTiny = {{"Tiny", {"deepseek-v3", 1024}, 4096, 3, 1, 256, 4, 1, 512, 160,
                                16, 4, 1, {10000, 1, 0, 0}},
                               0, 256, 64, 32, 64, 1, 1, true, 2};
constexpr Sizes kQwen3 = {"Qwen3-30B-A3B", {"qwen2", 151936}, 40960, 48, 0, 2048, 32, 4, 6144, 768,
                          128, 8, 0, {1e6f, 1, 0, 0}};
constexpr Sizes kGptOss = {"gpt-oss-20b", {"gpt-4o", 201088}, 131072, 24, 0, 2880, 64, 8, 2880, 2880,
                           32, 4, 0, {150000, 32, 4096, 0}};

}  // namespace

const std::vector<NamedShape> kShapes = {
    {"v2-lite", "DeepSeek-V2-Lite, 16B-A2.4B, 27 layers", [](ModelPlan& p) { plan_deepseek2(p, kV2Lite); }},
    {"v3", "DeepSeek-V3 and R1, 671B-A37B, 61 layers, 3 of them dense", [](ModelPlan& p) { plan_deepseek2(p, kV3); }},
    {"moonlight", "Moonlight, 16B-A3B, 27 layers", [](ModelPlan& p) { plan_deepseek2(p, kMoonlight); }},
    {"qwen3-30b-a3b", "Qwen3-30B-A3B, 48 layers", [](ModelPlan& p) { plan_qwen3moe(p, kQwen3, 128); }},
    {"gpt-oss-20b", "gpt-oss-20b, 21B-A3.6B, 24 layers", [](ModelPlan& p) { plan_gpt_oss(p, kGptOss, 64); }},
    {"tiny", "a deepseek2 model of a few megabytes, 3 layers", [](ModelPlan& p) { plan_deepseek2(p, kTiny); }},
};

}  // namespace coterie::bench
