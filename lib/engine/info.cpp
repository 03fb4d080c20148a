#include "engine/info.h"

#include <algorithm>

namespace coterie {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// blk.N.*: N; other tensors: 0.
uint32_t layer_of(std::string_view name) {
  uint32_t layer = 0;
  if (!name.starts_with("blk.")) return layer;
  for (char c : name.substr(4)) {
    if (c < '0' || c > '9' || layer > 1000000) break;
    layer = layer * 10 + static_cast<uint32_t>(c - '0');
  }
  return layer;
}

// ffn_gate.3.weight: expert 3, in files that have a tensor for each.
bool of_numbered_expert(std::string_view name) {
  for (std::string_view part : {".ffn_gate.", ".ffn_up.", ".ffn_down."}) {
    const size_t at = name.find(part);
    if (at == std::string_view::npos || at + part.size() >= name.size()) continue;
    const char next = name[at + part.size()];
    if (next >= '0' && next <= '9') return true;
  }
  return false;
}

// Which sum of the answer a tensor belongs to, by the names that GGUF gives tensors.
uint64_t ModelInfo::*class_of(std::string_view name, uint32_t n_layer) {
  if (name.starts_with("token_embd.")) return &ModelInfo::embedding_bytes;
  if (name.starts_with("output.")) return &ModelInfo::output_bytes;
  if (name == "output_norm.weight") return &ModelInfo::norm_bytes;
  if (!name.starts_with("blk.") || layer_of(name) >= n_layer) return &ModelInfo::other_bytes;
  if (contains(name, "_norm.")) return &ModelInfo::norm_bytes;
  if (contains(name, ".attn_") || contains(name, ".indexer.")) return &ModelInfo::attention_bytes;
  if (contains(name, ".ffn_gate_inp.") || contains(name, ".exp_probs_b")) return &ModelInfo::router_bytes;
  if (contains(name, "_exps.") || of_numbered_expert(name)) return &ModelInfo::routed_expert_bytes;
  if (contains(name, "_shexp.")) return &ModelInfo::shared_expert_bytes;
  if (contains(name, ".ffn_")) return &ModelInfo::dense_ffn_bytes;
  return &ModelInfo::other_bytes;
}

// Hyper-parameters of the file under its architecture's prefix. Missing ones keep their default.
class Keys {
 public:
  Keys(const Gguf& gguf, std::string_view architecture) : gguf_(gguf), prefix_(std::string(architecture) + ".") {}
  uint32_t get(std::string_view key, uint32_t otherwise) {
    const Value* value = gguf_.find(prefix_ + std::string(key));
    uint64_t first;
    if (value != nullptr && value->is_array() && value->count > 0 && value->get(0, &first)) {  // one for each layer
      return static_cast<uint32_t>(std::min<uint64_t>(first, UINT32_MAX));
    }
    Status s = gguf_.read_optional(prefix_ + std::string(key), &otherwise);
    if (status_.ok()) status_ = std::move(s);
    return otherwise;
  }
  bool has(std::string_view key) const { return gguf_.find(prefix_ + std::string(key)) != nullptr; }
  const Status& status() const { return status_; }

 private:
  const Gguf& gguf_;
  std::string prefix_;
  Status status_;
};

Status read_keys(const Gguf& gguf, ModelInfo* info) {
  std::string_view text;
  COTERIE_RETURN_IF_ERROR(gguf.read("general.architecture", &text));
  info->architecture = text;
  text = {};
  COTERIE_RETURN_IF_ERROR(gguf.read_optional("general.name", &text));
  info->name = text;

  Keys keys(gguf, info->architecture);
  const uint32_t n_block = keys.get("block_count", 0), n_prediction = keys.get("nextn_predict_layers", 0);
  info->n_layer = n_block - std::min(n_block, n_prediction);
  info->n_embd = keys.get("embedding_length", 0);
  info->n_head = keys.get("attention.head_count", 0);
  info->n_ctx_train = keys.get("context_length", 0);
  info->n_expert = keys.get("expert_count", 0);
  info->n_expert_used = keys.get("expert_used_count", 0);
  info->n_expert_shared = keys.get("expert_shared_count", keys.get("expert_shared_feed_forward_length", 0) != 0);
  info->n_layer_dense = info->n_expert == 0 ? info->n_layer : keys.get("leading_dense_block_count", 0);

  constexpr uint64_t kHalf = 2;  // bytes of a cached number
  const uint32_t head_dim = info->n_embd / std::max(1u, info->n_head);
  if (const uint64_t rank = keys.get("attention.kv_lora_rank", 0); rank != 0) {
    const uint64_t row = rank + keys.get("rope.dimension_count", 0) + keys.get("attention.indexer.key_length", 0);
    info->kv_bytes_per_token = uint64_t{info->n_layer} * row * kHalf;
  } else {
    const uint64_t row = uint64_t{keys.get("attention.key_length", head_dim)} + keys.get("attention.value_length", head_dim);
    info->kv_bytes_per_token = uint64_t{info->n_layer} * keys.get("attention.head_count_kv", info->n_head) * row * kHalf;
  }
  return keys.status();
}

}  // namespace

Status describe(const Gguf& gguf, ModelInfo* out) {
  ModelInfo info;
  COTERIE_RETURN_IF_ERROR(read_keys(gguf, &info));
  info.n_files = static_cast<uint32_t>(gguf.n_files());
  info.file_bytes = gguf.file_bytes();
  TypeUsage usage[kTensorTypeCount] = {};
  for (const Tensor& t : gguf.tensors()) {
    ++info.n_tensors;
    info.n_params += t.n_elements();
    info.tensor_bytes += t.n_bytes;
    info.*class_of(t.name, info.n_layer) += t.n_bytes;
    TypeUsage& u = usage[static_cast<uint32_t>(t.type)];
    u.name = type_info(t.type).name;
    u.n_tensors += 1;
    u.n_bytes += t.n_bytes;
  }
  for (const TypeUsage& u : usage) if (u.n_tensors != 0) info.types.push_back(u);

  const Tensor* embedding = gguf.tensor("token_embd.weight");
  uint64_t row_bytes = 0;
  if (embedding != nullptr && embedding->ne[1] != 0) {
    info.n_vocab = static_cast<uint32_t>(embedding->ne[1]);
    row_bytes = embedding->n_bytes / embedding->ne[1];
  }
  const uint64_t head = info.output_bytes != 0 ? info.output_bytes : info.embedding_bytes;  // tied
  const uint64_t experts =
      info.n_expert == 0 ? 0 : info.routed_expert_bytes / info.n_expert * std::min(info.n_expert_used, info.n_expert);
  info.touched_bytes_per_token = row_bytes + info.attention_bytes + info.dense_ffn_bytes + info.router_bytes +
                                 info.shared_expert_bytes + experts + head + info.norm_bytes;
  *out = std::move(info);
  return {};
}

}  // namespace coterie
