// Small well-formed files for mutation to start from: every value type, several tensor types, both versions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gguf/gguf_builder.h"

namespace coterie::test {

inline std::vector<Bytes> gguf_seeds() {
  GgufBuilder values;
  values.kv("u8", uint8_t{1}).kv("i8", int8_t{-1}).kv("u16", uint16_t{2}).kv("i16", int16_t{-2}).kv("u32", 3u);
  values.kv("i32", -3).kv("u64", uint64_t{4}).kv("i64", int64_t{-4}).kv("f32", 0.5f).kv("f64", 0.25).kv("flag", true);
  values.kv("text", "hello").kv("words", std::vector<std::string>{"a", "", "bcd"});
  values.kv("flags", std::vector<bool>{true, false}).kv("scores", std::vector<float>{1, 2, 3});
  GgufBuilder tensors;
  tensors.alignment(16).kv("general.architecture", "llama").version(2);
  tensors.tensor("a", TensorType::F32, {4, 2}).tensor("b.weight", TensorType::Q8_0, {32, 3});
  tensors.tensor("c", TensorType::Q4_K, {256, 1, 2}).tensor("d", TensorType::I8, {1, 1, 1, 5});
  GgufBuilder split;
  split.kv("split.no", uint16_t{0}).kv("split.count", uint16_t{1}).kv("split.tensors.count", 1);
  split.tensor("t", TensorType::F16, {16});
  return {values.build(), tensors.build(), split.build(), GgufBuilder().build()};
}

}  // namespace coterie::test
