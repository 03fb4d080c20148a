// Binder: tensors of a file by name, checked against the shape that the hyper-parameters demand. The first failure wins.
// Config: hyper-parameters under the architecture's prefix, checked for range; likewise.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "models/model.h"
#include "nn/tensor.h"

namespace coterie {

constexpr uint32_t kMost = 1u << 24;  // of any one dimension: the product of two fits into 64 bits

class Binder {
 public:
  explicit Binder(const LoadContext& context) : gguf_(context.gguf), kernels_(context.kernels) {}

  // Names below are prefixed by "blk.<layer>.".
  void in_layer(uint32_t layer) { prefix_ = "blk." + std::to_string(layer) + "."; }
  void outside_layers() { prefix_.clear(); }

  bool has(std::string_view name) const { return gguf_.tensor(prefix_ + std::string(name)) != nullptr; }

  // n_in is the contiguous axis, as in the file's order of dimensions. With the scales that the file has for the weights.
  void matrix(std::string_view name, nn::Matrix* out, uint64_t n_in, uint64_t n_out);
  void stack(std::string_view name, nn::Stack* out, uint64_t n_in, uint64_t n_out, uint64_t n);
  // The same from n tensors: name.0.weight, name.1.weight and so on.
  void numbered_stack(std::string_view name, nn::Stack* out, uint64_t n_in, uint64_t n_out, uint64_t n);
  void vector(std::string_view name, nn::Vector* out, uint64_t n);
  // n_rows vectors, one behind the other.
  void vectors(std::string_view name, nn::Vector* out, uint64_t n, uint64_t n_rows);
  // Null when the file has no such tensor.
  void optional_vector(std::string_view name, nn::Vector* out, uint64_t n) { if (has(name)) vector(name, out, n); }

  // For a matrix whose product takes floats (the router): quantised types are refused.
  void float_matrix(std::string_view name, nn::Matrix* out, uint64_t n_in, uint64_t n_out);

  // There is no tensor that was not bound: one that the architecture does not know would be missing from its computation.
  // Left alone are layers n_layer .. n_block-1, of prediction, and what only repeats other tensors (attn_kv_b beside
  // attn_k_b, rotary tables).
  void refuse_unknown(uint32_t n_layer, uint32_t n_block);

  const Status& status() const { return status_; }

 private:
  const Tensor* find(std::string_view name, std::initializer_list<uint64_t> ne);
  // The scales of n matrices, from a tensor [n] or, for all of them, [1]; empty where the file has none.
  std::vector<nn::Vector> scales(std::string_view weight, uint64_t n);
  nn::Matrix scaled_view(std::string_view name, const Tensor& t);
  void floats(std::string_view name, nn::Vector* out, std::initializer_list<uint64_t> ne);
  void fail(Status status) { if (status_.ok()) status_ = std::move(status); }

  const Gguf& gguf_;
  const Kernels& kernels_;
  std::string prefix_;
  std::unordered_set<const Tensor*> bound_;
  Status status_;
};

class Config {
 public:
  Config(const Gguf& gguf, std::string_view architecture) : gguf_(gguf), prefix_(std::string(architecture) + ".") {}

  bool has(std::string_view key) const { return gguf_.find(prefix_ + std::string(key)) != nullptr; }
  // Required, and in [least, most]. An array (a value per layer) is taken when all its elements are equal.
  void integer(std::string_view key, uint32_t* out, uint32_t least, uint32_t most);
  // *out stays when the key is missing.
  void optional_integer(std::string_view key, uint32_t* out, uint32_t least, uint32_t most);
  // Finite and in [least, most].
  void real(std::string_view key, float* out, float least, float most);
  // *out stays when the key is missing.
  void optional_real(std::string_view key, float* out, float least, float most);
  void optional_bool(std::string_view key, bool* out);
  std::string_view optional_string(std::string_view key, std::string_view otherwise);

  // Unless the condition holds: the value of key, which is named with it, contradicts the others.
  void check(bool condition, std::string_view key, const char* expected);
  // The value of key is valid but not served.
  void unsupported(std::string_view key, const char* expected);

  const Status& status() const { return status_; }

 private:
  void fail(Status status) { if (status_.ok()) status_ = std::move(status); }
  std::string shown(std::string_view key) const;  // "deepseek2.block_count: 0"
  Status read_integer(const std::string& key, uint32_t* out) const;

  const Gguf& gguf_;
  std::string prefix_;
  Status status_;
};

}  // namespace coterie
