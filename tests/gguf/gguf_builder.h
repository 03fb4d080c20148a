// GgufBuilder: GGUF files in memory, for tests: valid ones by default, broken ones on request.
//
//   GgufBuilder b;
//   b.kv("general.architecture", "llama").kv("llama.block_count", 2u).kv("ids", std::vector<int32_t>{1, 2});
//   b.tensor("x", TensorType::F32, {4, 2}, std::vector<float>(8, 1.0f));
//   b.tensor("zeros", TensorType::Q8_0, {64, 3});
//   std::vector<std::byte> file = b.build();   // or b.write(path)
//
// To break one: raw_kv for the value's bytes, the claim_* functions for counts, and b.last_tensor() for the fields of a
// tensor's entry. Whatever has not been broken stays right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "formats.h"
#include "gguf/gguf.h"

namespace coterie::test {

using Bytes = std::vector<std::byte>;

// Appends to bytes as GGUF writes: little-endian, without alignment.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes* out) : out_(*out) {}

  template <class T>
    requires std::is_arithmetic_v<T>
  ByteWriter& put(T value) {
    return put_bytes(&value, sizeof value);
  }
  ByteWriter& put_string(std::string_view text) {
    put<uint64_t>(text.size());
    return put_bytes(text.data(), text.size());
  }
  ByteWriter& put_bytes(const void* from, size_t n) {
    const size_t at = out_.size();
    out_.resize(at + n);
    if (n != 0) std::memcpy(out_.data() + at, from, n);
    return *this;
  }
  ByteWriter& pad_to(size_t multiple) {
    out_.resize((out_.size() + multiple - 1) / multiple * multiple);
    return *this;
  }

 private:
  Bytes& out_;
};

template <class T>
constexpr ValueType value_type_of() {
  static_assert(std::is_arithmetic_v<T>);
  if (std::is_same_v<T, bool>) return ValueType::kBool;
  if (std::is_floating_point_v<T>) return sizeof(T) == 4 ? ValueType::kF32 : ValueType::kF64;
  constexpr ValueType kSigned[] = {ValueType::kI8, ValueType::kI16, ValueType::kI32, ValueType::kI64};
  constexpr ValueType kUnsigned[] = {ValueType::kU8, ValueType::kU16, ValueType::kU32, ValueType::kU64};
  const int log2 = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return std::is_signed_v<T> ? kSigned[log2] : kUnsigned[log2];
}

class GgufBuilder {
 public:
  struct TensorEntry {
    std::string name;
    uint32_t type;
    std::vector<uint64_t> ne;
    Bytes data;
    std::optional<uint32_t> n_dims;   // instead of ne.size()
    std::optional<uint64_t> offset;   // instead of the next free place
  };

  // A key with a value of the C++ type's GGUF type.
  template <class T>
    requires std::is_arithmetic_v<T>
  GgufBuilder& kv(std::string_view key, T value) {
    begin_value(key, value_type_of<T>()).put(value);
    return *this;
  }
  GgufBuilder& kv(std::string_view key, std::string_view value) {
    begin_value(key, ValueType::kString).put_string(value);
    return *this;
  }
  GgufBuilder& kv(std::string_view key, const char* value) { return kv(key, std::string_view(value)); }
  GgufBuilder& kv(std::string_view key, const std::string& value) { return kv(key, std::string_view(value)); }

  // An array.
  template <class T>
  GgufBuilder& kv(std::string_view key, const std::vector<T>& values) {
    ByteWriter to = begin_value(key, ValueType::kArray);
    if constexpr (std::is_arithmetic_v<T>) {
      to.put(static_cast<uint32_t>(value_type_of<T>())).template put<uint64_t>(values.size());
      for (const T value : values) to.put(value);
    } else {
      to.put(static_cast<uint32_t>(ValueType::kString)).template put<uint64_t>(values.size());
      for (const auto& value : values) to.put_string(value);
    }
    return *this;
  }
  GgufBuilder& raw_kv(std::string_view key, uint32_t type, const Bytes& value) {
    begin_value(key, static_cast<ValueType>(type)).put_bytes(value.data(), value.size());
    return *this;
  }

  // A tensor with its data as any vector of plain elements; without data: zeros.
  template <class T>
  GgufBuilder& tensor(std::string_view name, TensorType type, std::vector<uint64_t> ne, const std::vector<T>& data) {
    Bytes bytes(data.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), data.data(), bytes.size());
    tensors_.push_back({std::string(name), static_cast<uint32_t>(type), std::move(ne), std::move(bytes), {}, {}});
    return *this;
  }
  GgufBuilder& tensor(std::string_view name, TensorType type, std::vector<uint64_t> ne) {
    size_t n = 1;
    for (const uint64_t dim : ne) n *= dim;
    const TypeInfo& info = type_info(type);
    return tensor(name, type, std::move(ne), Bytes(n / info.block_elems * info.block_bytes));
  }
  TensorEntry& last_tensor() { return tensors_.back(); }

  // Writes general.alignment and obeys it.
  GgufBuilder& alignment(uint32_t bytes) {
    alignment_ = bytes;
    return kv("general.alignment", bytes);
  }
  GgufBuilder& version(uint32_t number) {
    version_ = number;
    return *this;
  }
  GgufBuilder& claim_keys(uint64_t count) {
    claimed_keys_ = count;
    return *this;
  }
  GgufBuilder& claim_tensors(uint64_t count) {
    claimed_tensors_ = count;
    return *this;
  }

  // The file up to the tensor data, without padding.
  Bytes head() const {
    Bytes out;
    ByteWriter to(&out);
    to.put_bytes("GGUF", 4).put(version_).put(claimed_tensors_.value_or(tensors_.size()));
    to.put(claimed_keys_.value_or(n_keys_)).put_bytes(keys_.data(), keys_.size());
    uint64_t next = 0;
    for (const TensorEntry& t : tensors_) {
      to.put_string(t.name).put(t.n_dims.value_or(static_cast<uint32_t>(t.ne.size())));
      for (const uint64_t dim : t.ne) to.put(dim);
      to.put(t.type).put(t.offset.value_or(next));
      next += aligned(t.data.size());
    }
    return out;
  }

  Bytes build() const {
    Bytes out = head();
    if (tensors_.empty()) return out;
    ByteWriter to(&out);
    to.pad_to(alignment_);
    for (const TensorEntry& t : tensors_) to.put_bytes(t.data.data(), t.data.size()).pad_to(alignment_);
    return out;
  }

  bool write(const std::string& path) const {
    const Bytes file = build();
    std::ofstream to(path, std::ios::binary);
    to.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    return to.good();
  }

 private:
  ByteWriter begin_value(std::string_view key, ValueType type) {
    ++n_keys_;
    return ByteWriter(&keys_).put_string(key).put(static_cast<uint32_t>(type));
  }
  size_t aligned(size_t n) const { return (n + alignment_ - 1) / alignment_ * alignment_; }

  uint32_t version_ = 3;
  uint32_t alignment_ = 32;
  uint64_t n_keys_ = 0;
  std::optional<uint64_t> claimed_keys_, claimed_tensors_;
  Bytes keys_;
  std::vector<TensorEntry> tensors_;
};

}  // namespace coterie::test
