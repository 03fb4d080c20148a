// One maker per file of this folder; registry.cpp lists them.
#pragma once

#include "models/model.h"

namespace coterie {

Status make_deepseek(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_deepseek2(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_deepseek32(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_glm4moe(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_gpt_oss(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_granitemoe(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_llama(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_minimax_m2(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_olmoe(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_qwen2(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_qwen2moe(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_qwen3(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_qwen3moe(const LoadContext& context, std::unique_ptr<Architecture>* out);

}  // namespace coterie
