// coterie info: what a model file is and will need, from its head alone.
#include "commands.h"
#include "formatting.h"
#include "terminal.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace {

struct BytesOf {
  const char* key;    // in JSON
  const char* label;  // in the table
  uint64_t bytes;
};

std::vector<BytesOf> bytes_by_class(const coterie::ModelInfo& info) {
  return {{"embedding_bytes", "embedding", info.embedding_bytes},
          {"attention_bytes", "attention", info.attention_bytes},
          {"dense_ffn_bytes", "dense feed-forward", info.dense_ffn_bytes},
          {"router_bytes", "routers", info.router_bytes},
          {"shared_expert_bytes", "shared experts", info.shared_expert_bytes},
          {"routed_expert_bytes", "routed experts", info.routed_expert_bytes},
          {"output_bytes", "output head", info.output_bytes},
          {"norm_bytes", "norms", info.norm_bytes},
          {"other_bytes", "other", info.other_bytes}};
}

// The file's tensor types, the largest first.
std::vector<coterie_type_usage> types_by_size(const coterie::ModelInfo& info) {
  std::vector<coterie_type_usage> types(info.types, info.types + info.n_types);
  std::ranges::stable_sort(types, std::ranges::greater(), &coterie_type_usage::n_bytes);
  return types;
}

std::string to_json(const std::string& path, const coterie::ModelInfo& info) {
  nlohmann::ordered_json json = {
      {"file", path},
      {"architecture", info.architecture},
      {"name", info.name},
      {"n_files", info.n_files},
      {"n_layer", info.n_layer},
      {"n_layer_dense", info.n_layer_dense},
      {"n_embd", info.n_embd},
      {"n_head", info.n_head},
      {"n_vocab", info.n_vocab},
      {"n_ctx_train", info.n_ctx_train},
      {"n_expert", info.n_expert},
      {"n_expert_used", info.n_expert_used},
      {"n_expert_shared", info.n_expert_shared},
      {"n_tensors", info.n_tensors},
      {"n_params", info.n_params},
      {"file_bytes", info.file_bytes},
      {"tensor_bytes", info.tensor_bytes},
  };
  for (const BytesOf& part : bytes_by_class(info)) json[part.key] = part.bytes;
  json["touched_bytes_per_token"] = info.touched_bytes_per_token;
  json["kv_bytes_per_token"] = info.kv_bytes_per_token;
  json["types"] = nlohmann::ordered_json::array();
  for (const coterie_type_usage& type : types_by_size(info))
    json["types"].push_back({{"name", type.name}, {"n_tensors", type.n_tensors}, {"n_bytes", type.n_bytes}});
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string count_of(uint64_t n) {
  static constexpr std::pair<double, const char*> kNames[] = {{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}};
  for (const auto& [unit, name] : kNames)
    if (static_cast<double>(n) >= unit) return format("%.2f %s", static_cast<double>(n) / unit, name);
  return std::to_string(n);
}

std::string percentage(uint64_t part, uint64_t whole) {
  return format("%.1f %%", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string row(const std::string& label, const std::string& value) {
  return format("%-22s %s\n", label.c_str(), value.c_str());
}

std::string part_row(const std::string& label, uint64_t bytes, uint64_t whole, const std::string& note = "") {
  return format("  %-20s %10s %8s%s\n", label.c_str(), size_of(bytes).c_str(), percentage(bytes, whole).c_str(),
                note.c_str());
}

std::string shape_text(const coterie::ModelInfo& info) {
  std::string layers = format("%u", info.n_layer);
  if (info.n_expert > 0 && info.n_layer_dense > 0) layers += format(" (the first %u dense)", info.n_layer_dense);
  std::string text = row("layers", layers);
  text += row("width", format("%u, %u attention heads", info.n_embd, info.n_head));
  if (info.n_expert > 0) {
    std::string experts = format("%u a layer, %u used per token", info.n_expert, info.n_expert_used);
    if (info.n_expert_shared > 0) experts += format(" and %u shared", info.n_expert_shared);
    text += row("experts", experts);
  }
  text += row("vocabulary", format("%u tokens", info.n_vocab));
  text += row("trained context", format("%u tokens", info.n_ctx_train));
  return text;
}

std::string to_table(const std::string& path, const coterie::ModelInfo& info) {
  const uint32_t n_ctx = std::min<uint32_t>(info.n_ctx_train, 4096);
  std::string text = row("model", info.name[0] != '\0' ? info.name : "(no name)");
  text += row("architecture", info.architecture);
  text += row("file", path);
  text += row("file size", size_of(info.file_bytes) + (info.n_files > 1 ? format(" in %u files", info.n_files) : ""));
  text += row("parameters", count_of(info.n_params) + format(" in %llu tensors", 0ULL + info.n_tensors));
  text += shape_text(info);
  text += row("touched per token", size_of(info.touched_bytes_per_token) + " of weights, " +
                                       percentage(info.touched_bytes_per_token, info.tensor_bytes));
  text += row("context memory", size_of(info.kv_bytes_per_token) + " per token, " +
                                    size_of(n_ctx * info.kv_bytes_per_token) + format(" for %u tokens", n_ctx));
  text += "\nbytes by class\n";
  for (const BytesOf& part : bytes_by_class(info)) text += part_row(part.label, part.bytes, info.tensor_bytes);
  text += part_row("all tensors", info.tensor_bytes, info.tensor_bytes);
  text += "\nbytes by tensor type\n";
  for (const coterie_type_usage& type : types_by_size(info))
    text += part_row(type.name, type.n_bytes, info.tensor_bytes, format("  %llu tensors", 0ULL + type.n_tensors));
  return text;
}

}  // namespace

void info(const InfoOptions& options) {
  const std::string path = options.model.path();
  const coterie::ModelInfo info = coterie::file_info(path);
  write_output(options.json ? to_json(path, info) : to_table(path, info));
}
