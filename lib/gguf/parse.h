// parse_contents: the bytes of one GGUF file -> its keys and tensors, every claim of the file checked. Knows nothing of
// shards, of what keys mean (but general.alignment), or of where the bytes come from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "gguf/gguf.h"

namespace coterie {

struct Contents {
  std::vector<KeyValue> values;  // sorted by key, each once
  std::vector<Tensor> tensors;   // in file order, file = 0; names may repeat
};

// kBadFile or kUnsupported: name names the file in messages. bytes must be aligned to 8.
Status parse_contents(std::span<const std::byte> bytes, const std::string& name, Contents* out);

}  // namespace coterie
