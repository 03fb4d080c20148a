#include <string>

#include "gguf/names.h"
#include "models/architectures.h"

namespace coterie {
namespace {

struct Entry {
  std::string_view name;  // general.architecture
  Status (*make)(const LoadContext&, std::unique_ptr<Architecture>*);
};

constexpr Entry kArchitectures[] = {
    {"deepseek", make_deepseek},
    {"deepseek2", make_deepseek2},
    {"deepseek32", make_deepseek32},
    {"glm4moe", make_glm4moe},
    {"gpt-oss", make_gpt_oss},
    {"granitemoe", make_granitemoe},
    {"llama", make_llama},
    {"minimax-m2", make_minimax_m2},
    {"olmoe", make_olmoe},
    {"qwen2", make_qwen2},
    {"qwen2moe", make_qwen2moe},
    {"qwen3", make_qwen3},
    {"qwen3moe", make_qwen3moe},
};

}  // namespace

Status make_architecture(const LoadContext& context, std::unique_ptr<Architecture>* out) {
  std::string_view name;
  COTERIE_RETURN_IF_ERROR(context.gguf.read("general.architecture", &name));
  std::string known;
  for (const Entry& entry : kArchitectures) {
    if (entry.name == name) return entry.make(context, out);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return Error(Code::kUnsupported, "key general.architecture: %s, supported are %s", printable(name).c_str(), known.c_str());
}

}  // namespace coterie
