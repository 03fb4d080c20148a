// One maker per file of this folder; registry.cpp lists them.
#pragma once

#include "models/model.h"

namespace coterie {

Status make_deepseek2(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_deepseek32(const LoadContext& context, std::unique_ptr<Architecture>* out);
Status make_llama(const LoadContext& context, std::unique_ptr<Architecture>* out);

}  // namespace coterie
