// Gguf: a GGUF v2/v3 file, or all shards of a split one, as validated metadata and a directory of tensors.
// Trusts no byte: after open() every key, string, array and tensor lies inside its mapping, every size was computed
// without overflow, every tensor is aligned, of a known type and disjoint from the others. Knows no architecture.
// Layout: ggml docs/gguf.md. Nothing is copied: views point into the mapping and live as long as the Gguf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "formats.h"

namespace coterie {

enum class ValueType : uint32_t {
  kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9,
  kU64 = 10, kI64 = 11, kF64 = 12,
};
const char* value_type_name(ValueType type);
size_t value_type_bytes(ValueType type);  // of one element; 0 for strings and arrays

// One metadata value; `data` is its first byte after the type (for arrays: the first element).
struct Value {
  ValueType type;     // kArray for arrays
  ValueType element;  // type of the elements; of a scalar, its own type
  uint64_t count;     // elements; 1 for a scalar
  const std::byte* data;
  const std::byte* end;  // one past the last byte

  bool is_array() const { return type == ValueType::kArray; }
  bool is_string() const { return element == ValueType::kString; }
  // Element i of a scalar (i = 0) or array; false if the type or range does not fit. Integers of any width convert
  // when the value fits, as writers differ in width; bools and floats do not convert to integers.
  bool get(uint64_t i, uint64_t* out) const;
  bool get(uint64_t i, int64_t* out) const;
  bool get(uint64_t i, double* out) const;  // floats and integers
  bool get(uint64_t i, bool* out) const;
  // Strings in order: start with cursor = data, call count times. Never reads past end.
  std::string_view next_string(const std::byte** cursor) const;
};

struct KeyValue {
  std::string_view key;
  Value value;
};

struct Tensor {
  std::string_view name;
  TensorType type;
  uint32_t n_dims;
  uint64_t ne[4];  // ne[0] is the contiguous axis (elements of a row); missing dimensions are 1
  const std::byte* data;
  size_t n_bytes;
  uint64_t offset;  // of data in its file
  uint32_t file;    // shard
  uint64_t n_elements() const { return ne[0] * ne[1] * ne[2] * ne[3]; }
};

class Gguf {
 public:
  // Maps path; when it is the first shard of a split model, maps the others too. kIo if the system refuses, kBadFile
  // if a file breaks the format or shards contradict each other, kUnsupported for what is valid but not served here
  // (other versions, big-endian files, unknown tensor types, nested arrays, a shard that is not the first).
  static Status open(const std::string& path, std::unique_ptr<Gguf>* out);
  // The same from memory (one file, aligned to 8 bytes), which must outlive the Gguf. name stands in messages.
  static Status parse(std::span<const std::byte> bytes, const std::string& name, std::unique_ptr<Gguf>* out);
  ~Gguf();

  const Value* find(std::string_view key) const;  // null if absent
  const Tensor* tensor(std::string_view name) const;
  std::span<const Tensor> tensors() const { return tensors_; }
  size_t n_files() const;
  uint64_t file_bytes() const;

  // Reads a scalar of metadata. Missing or of a wrong type: an error that names the key, expected and found.
  Status read(std::string_view key, uint32_t* out) const;
  Status read(std::string_view key, float* out) const;
  Status read(std::string_view key, bool* out) const;
  Status read(std::string_view key, std::string_view* out) const;
  // The same, leaving *out alone when the key is missing; a wrong type is still an error.
  template <class T>
  Status read_optional(std::string_view key, T* out) const {
    return find(key) == nullptr ? Status() : read(key, out);
  }

 private:
  struct File;
  Gguf();
  Status load(const std::string& path);
  Status add_file(std::unique_ptr<File> file);
  Status load_other_shards(const std::string& path, uint32_t n_shards);
  Status load_shard(const std::string& path, uint32_t index, uint32_t n_shards);
  Status check_same(const Gguf& shard, std::string_view key) const;
  Status index_tensors();
  // "model.gguf: key split.no at offset 96: " and what is wrong with it.
  Status fail(std::string_view key, Code code, const char* format, ...) const __attribute__((format(printf, 4, 5)));
  Status mismatch(std::string_view key, const char* expected) const;

  std::vector<std::unique_ptr<File>> files_;
  std::vector<KeyValue> values_;                              // of the first file, sorted by key
  std::vector<Tensor> tensors_;                               // shard by shard, each in file order
  std::vector<std::pair<std::string_view, size_t>> by_name_;  // name, index in tensors_; sorted
};

}  // namespace coterie
