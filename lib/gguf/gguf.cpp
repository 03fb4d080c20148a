#include "gguf/gguf.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <limits>

#include "gguf/mapping.h"
#include "gguf/names.h"
#include "gguf/parse.h"

namespace coterie {
namespace {

// "-00002-of-00005.gguf", the end of a shard's path; index counts from 0.
std::string shard_suffix(uint32_t index, uint32_t n_shards) {
  char text[48];
  snprintf(text, sizeof text, "-%05u-of-%05u.gguf", index + 1, n_shards);
  return text;
}

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// What a value is, for messages: "array of 3 u32", "string" or "i32 -5".
std::string describe(const Value& v) {
  const std::string type = value_type_name(v.element);
  if (v.is_array()) return "array of " + std::to_string(v.count) + " " + type;
  int64_t integer;
  uint64_t natural;
  double real;
  if (v.get(0, &integer)) return type + " " + std::to_string(integer);
  if (v.get(0, &natural)) return type + " " + std::to_string(natural);
  if (v.get(0, &real)) return type + " " + std::to_string(real);
  return type;
}

}  // namespace

struct Gguf::File {
  std::string name;  // as messages show it
  Mapping mapping;   // empty if the bytes are the caller's
  std::span<const std::byte> bytes;
};

Gguf::Gguf() = default;
Gguf::~Gguf() = default;

Status Gguf::open(const std::string& path, std::unique_ptr<Gguf>* out) {
  std::unique_ptr<Gguf> gguf(new Gguf);
  COTERIE_RETURN_IF_ERROR(gguf->load(path));
  uint32_t n_shards = 1;
  COTERIE_RETURN_IF_ERROR(gguf->read_optional("split.count", &n_shards));
  if (n_shards > 1) COTERIE_RETURN_IF_ERROR(gguf->load_other_shards(path, n_shards));
  COTERIE_RETURN_IF_ERROR(gguf->index_tensors());
  *out = std::move(gguf);
  return {};
}

Status Gguf::parse(std::span<const std::byte> bytes, const std::string& name, std::unique_ptr<Gguf>* out) {
  auto file = std::make_unique<File>();
  file->name = printable(name);
  file->bytes = bytes;
  std::unique_ptr<Gguf> gguf(new Gguf);
  COTERIE_RETURN_IF_ERROR(gguf->add_file(std::move(file)));
  uint32_t n_shards = 1;
  COTERIE_RETURN_IF_ERROR(gguf->read_optional("split.count", &n_shards));
  if (n_shards > 1) return gguf->fail("split.count", Code::kUnsupported, "a split model cannot be read from memory");
  COTERIE_RETURN_IF_ERROR(gguf->index_tensors());
  *out = std::move(gguf);
  return {};
}

Status Gguf::load(const std::string& path) {
  auto file = std::make_unique<File>();
  COTERIE_RETURN_IF_ERROR(Mapping::open(path, &file->mapping));
  file->name = printable(base_name(path));
  file->bytes = file->mapping.bytes();
  return add_file(std::move(file));
}

Status Gguf::add_file(std::unique_ptr<File> file) {
  if (reinterpret_cast<uintptr_t>(file->bytes.data()) % alignof(uint64_t) != 0) {
    return Error(Code::kInvalidArgument, "%s: the bytes are not aligned to %zu", file->name.c_str(),
                 alignof(uint64_t));
  }
  Contents contents;
  COTERIE_RETURN_IF_ERROR(parse_contents(file->bytes, file->name, &contents));
  values_ = std::move(contents.values);
  tensors_ = std::move(contents.tensors);
  files_.push_back(std::move(file));
  return {};
}

// The paths differ from the first shard's in the number alone, so none leads out of its folder.
Status Gguf::load_other_shards(const std::string& path, uint32_t n_shards) {
  constexpr uint32_t kMostShards = 65535;  // split.count is a u16
  if (n_shards > kMostShards) {
    return fail("split.count", Code::kBadFile, "%u shards, expected at most %u", n_shards, kMostShards);
  }
  uint32_t index = 0, n_tensors = 0;
  COTERIE_RETURN_IF_ERROR(read("split.no", &index));
  if (index != 0) {
    return fail("split.no", Code::kUnsupported, "this is shard %" PRIu64 " of %u, open the first one instead",
                uint64_t{index} + 1, n_shards);
  }
  COTERIE_RETURN_IF_ERROR(read("split.tensors.count", &n_tensors));
  const std::string first = shard_suffix(0, n_shards);
  if (!path.ends_with(first)) {
    return fail("split.count", Code::kBadFile, "the first of %u shards, but its name does not end in %s", n_shards,
                first.c_str());
  }
  const std::string prefix = path.substr(0, path.size() - first.size());
  for (uint32_t i = 1; i < n_shards; ++i) {
    COTERIE_RETURN_IF_ERROR(load_shard(prefix + shard_suffix(i, n_shards), i, n_shards));
  }
  if (tensors_.size() == n_tensors) return {};
  return fail("split.tensors.count", Code::kBadFile, "%u tensors, but the %u shards hold %zu", n_tensors, n_shards,
              tensors_.size());
}

Status Gguf::load_shard(const std::string& path, uint32_t index, uint32_t n_shards) {
  Gguf shard;
  if (Status status = shard.load(path); !status.ok()) {
    return Error(status.code(), "%s (shard %u of %u)", status.message().c_str(), index + 1, n_shards);
  }
  uint32_t its_index = 0, its_n_shards = 0;
  COTERIE_RETURN_IF_ERROR(shard.read("split.no", &its_index));
  COTERIE_RETURN_IF_ERROR(shard.read("split.count", &its_n_shards));
  if (its_index != index) {
    return shard.fail("split.no", Code::kBadFile, "found %u, expected %u", its_index, index);
  }
  if (its_n_shards != n_shards) {
    return shard.fail("split.count", Code::kBadFile, "found %u, expected %u as in %s", its_n_shards, n_shards,
                      files_[0]->name.c_str());
  }
  COTERIE_RETURN_IF_ERROR(check_same(shard, "split.tensors.count"));
  COTERIE_RETURN_IF_ERROR(check_same(shard, "general.architecture"));
  for (Tensor t : shard.tensors_) {
    t.file = index;
    tensors_.push_back(t);
  }
  files_.push_back(std::move(shard.files_[0]));
  return {};
}

// A shard need not repeat a key of the first, but must not contradict it.
Status Gguf::check_same(const Gguf& shard, std::string_view key) const {
  const Value* theirs = shard.find(key);
  const Value* ours = find(key);
  if (theirs == nullptr || ours == nullptr) return {};
  const bool same_bytes =
      ours->type == theirs->type && std::equal(ours->data, ours->end, theirs->data, theirs->end);
  int64_t a, b;  // writers differ in the width of integers
  if (same_bytes || (ours->get(0, &a) && theirs->get(0, &b) && a == b)) return {};
  return shard.fail(key, Code::kBadFile, "differs from that of %s", files_[0]->name.c_str());
}

Status Gguf::index_tensors() {
  by_name_.resize(tensors_.size());
  for (size_t i = 0; i < by_name_.size(); ++i) by_name_[i] = {tensors_[i].name, i};
  std::sort(by_name_.begin(), by_name_.end());
  const auto same = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                       [](const auto& a, const auto& b) { return a.first == b.first; });
  if (same == by_name_.end()) return {};
  const Tensor& first = tensors_[same->second];
  const Tensor& second = tensors_[same[1].second];
  return Error(Code::kBadFile, "%s: tensor %s at offset %" PRIu64 ": the name is there twice, first in %s at offset %"
               PRIu64, files_[second.file]->name.c_str(), printable(second.name).c_str(), second.offset,
               files_[first.file]->name.c_str(), first.offset);
}

const Value* Gguf::find(std::string_view key) const {
  const auto at = std::lower_bound(values_.begin(), values_.end(), key,
                                   [](const KeyValue& entry, std::string_view k) { return entry.key < k; });
  return at != values_.end() && at->key == key ? &at->value : nullptr;
}

const Tensor* Gguf::tensor(std::string_view name) const {
  const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [](const auto& entry, std::string_view n) { return entry.first < n; });
  return at != by_name_.end() && at->first == name ? &tensors_[at->second] : nullptr;
}

size_t Gguf::n_files() const { return files_.size(); }

uint64_t Gguf::file_bytes() const {
  uint64_t total = 0;
  for (const auto& file : files_) total += file->bytes.size();
  return total;
}

Status Gguf::fail(std::string_view key, Code code, const char* format, ...) const {
  char reason[256];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  const Value* value = find(key);
  const std::string where =
      value == nullptr ? "" : " at offset " + std::to_string(value->data - files_[0]->bytes.data());
  return Error(code, "%s: key %s%s: %s", files_[0]->name.c_str(), printable(key).c_str(), where.c_str(), reason);
}

Status Gguf::mismatch(std::string_view key, const char* expected) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(key, Code::kBadFile, "missing, expected %s", expected);
  return fail(key, Code::kBadFile, "found %s, expected %s", describe(*value).c_str(), expected);
}

Status Gguf::read(std::string_view key, uint32_t* out) const {
  const Value* value = find(key);
  uint64_t x;
  if (value == nullptr || value->is_array() || !value->get(0, &x) || x > std::numeric_limits<uint32_t>::max()) {
    return mismatch(key, "an integer from 0 to 4294967295");
  }
  *out = static_cast<uint32_t>(x);
  return {};
}

Status Gguf::read(std::string_view key, float* out) const {
  const Value* value = find(key);
  double x;
  if (value == nullptr || value->is_array() || !value->get(0, &x)) return mismatch(key, "a number");
  *out = static_cast<float>(x);
  return {};
}

Status Gguf::read(std::string_view key, bool* out) const {
  const Value* value = find(key);
  return value != nullptr && !value->is_array() && value->get(0, out) ? Status() : mismatch(key, "a bool");
}

Status Gguf::read(std::string_view key, std::string_view* out) const {
  const Value* value = find(key);
  if (value == nullptr || value->is_array() || !value->is_string()) return mismatch(key, "a string");
  const std::byte* cursor = value->data;
  *out = value->next_string(&cursor);
  return {};
}

}  // namespace coterie
