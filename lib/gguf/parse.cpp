#include "gguf/parse.h"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>

#include "gguf/names.h"
#include "gguf/reader.h"

namespace coterie {
namespace {

// Limits of the reference reader (ggml src/gguf.cpp) and of the text of the format (ggml docs/gguf.md).
constexpr size_t kMaxString = size_t{1} << 30;
constexpr uint64_t kMaxElements = uint64_t{1} << 30;
constexpr size_t kMaxKey = 65535;
constexpr size_t kMaxTensorName = 63;
constexpr uint32_t kMaxDims = 4;
constexpr uint32_t kMinAlignment = 8;  // so that plain floats can be read where they lie
constexpr uint32_t kMaxAlignment = 1u << 20;
constexpr uint32_t kDefaultAlignment = 32;
// Smallest encodings, which bound how many fit into a file.
constexpr size_t kMinKeyValueBytes = 8 + 1 + 4 + 1;
constexpr size_t kMinTensorInfoBytes = 8 + 1 + 4 + 8 + 4 + 8;
constexpr uint64_t kFirstReserve = 2048;  // entries made room for on a file's word alone

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& file, Contents* out)
      : bytes_(bytes), file_(file), reader_(bytes), out_(*out) {}

  Status run() {
    COTERIE_RETURN_IF_ERROR(header());
    COTERIE_RETURN_IF_ERROR(key_values());
    COTERIE_RETURN_IF_ERROR(tensor_infos());
    return place_tensors();
  }

 private:
  // What is being read, for messages.
  struct Subject {
    const char* kind;
    uint64_t index = 0, total = 0;
    std::string_view name = {};
  };

  Status header();
  Status key_values();
  Status key_value();
  Status value(Value* v);
  Status value_type(ValueType* type);
  Status array_head(Value* v);
  Status elements(const Value& v);
  Status strings(uint64_t count);
  Status bools(uint64_t count);
  Status alignment(const Value& v);
  Status reject_duplicate_keys();
  Status tensor_infos();
  Status tensor_info();
  Status shape(Tensor* t);
  Status type_and_size(Tensor* t);
  Status place_tensors();
  Status place(size_t section, Tensor* t);
  Status reject_overlaps();

  // Checked reads. They remember where the field began, so that a complaint about it points there.
  template <class T>
  Status read(const char* what, T* out) {
    field_ = reader_.offset();
    return reader_.read(out) ? Status() : past_end(what, sizeof(T));
  }
  Status read_string(const char* what, size_t most, std::string_view* out);
  Status read_count(const char* what, size_t smallest, uint64_t* count);

  Status past_end(const char* what, uint64_t n) const {
    return fail(Code::kBadFile, "%" PRIu64 " bytes of %s reach past the end of the file (%zu bytes)", n, what,
                bytes_.size());
  }
  // "model.gguf: tensor output.weight at offset 96: " and what is wrong there.
  Status fail(Code code, const char* format, ...) const __attribute__((format(printf, 3, 4)));

  std::span<const std::byte> bytes_;
  const std::string& file_;
  Reader reader_;
  Contents& out_;
  Subject subject_{"header"};
  size_t field_ = 0;
  uint64_t n_keys_ = 0, n_tensors_ = 0;
  uint32_t alignment_ = kDefaultAlignment;
};

Status Parser::fail(Code code, const char* format, ...) const {
  char reason[256];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  std::string subject = subject_.kind;
  if (!subject_.name.empty()) {
    subject.append(" ").append(printable(subject_.name));
  } else if (subject_.total != 0) {
    subject.append(" ").append(std::to_string(subject_.index)).append(" of ").append(std::to_string(subject_.total));
  }
  return Error(code, "%s: %s at offset %zu: %s", file_.c_str(), subject.c_str(), field_, reason);
}

Status Parser::read_string(const char* what, size_t most, std::string_view* out) {
  field_ = reader_.offset();
  if (reader_.read_string(most, out)) return {};
  uint64_t length = 0;
  if (!Reader(reader_).read(&length)) return past_end(what, sizeof length);
  if (length <= most) return past_end(what, length);
  return fail(Code::kBadFile, "%s of %" PRIu64 " bytes, expected at most %zu", what, length, most);
}

Status Parser::read_count(const char* what, size_t smallest, uint64_t* count) {
  COTERIE_RETURN_IF_ERROR(read(what, count));
  if (*count <= reader_.remaining() / smallest) return {};
  return fail(Code::kBadFile, "%s is %" PRIu64 ", but only %zu bytes follow", what, *count, reader_.remaining());
}

Status Parser::header() {
  char magic[4] = {};
  uint32_t version = 0;
  COTERIE_RETURN_IF_ERROR(read("magic", &magic));
  if (std::string_view(magic, 4) != "GGUF") {
    return fail(Code::kBadFile, "not a GGUF file: it begins with \"%s\", expected \"GGUF\"",
                printable({magic, 4}).c_str());
  }
  COTERIE_RETURN_IF_ERROR(read("version", &version));
  if (version == 0) return fail(Code::kBadFile, "version 0, expected 2 or 3");
  if ((version & 0xffff) == 0) return fail(Code::kUnsupported, "the file is big-endian, expected little-endian");
  if (version != 2 && version != 3) return fail(Code::kUnsupported, "version %u, expected 2 or 3", version);
  COTERIE_RETURN_IF_ERROR(read_count("tensor count", kMinTensorInfoBytes, &n_tensors_));
  return read_count("key count", kMinKeyValueBytes, &n_keys_);
}

Status Parser::key_values() {
  out_.values.reserve(std::min(n_keys_, kFirstReserve));
  for (uint64_t i = 0; i < n_keys_; ++i) {
    subject_ = {"key", i, n_keys_};
    COTERIE_RETURN_IF_ERROR(key_value());
  }
  return reject_duplicate_keys();
}

Status Parser::key_value() {
  std::string_view key;
  COTERIE_RETURN_IF_ERROR(read_string("name", kMaxKey, &key));
  if (key.empty()) return fail(Code::kBadFile, "the key is empty");
  subject_.name = key;
  if (!is_plain_text(key)) return fail(Code::kBadFile, "the key is not plain UTF-8 text");
  Value v;
  COTERIE_RETURN_IF_ERROR(value(&v));
  out_.values.push_back({key, v});
  return key == "general.alignment" ? alignment(v) : Status();
}

Status Parser::value(Value* v) {
  COTERIE_RETURN_IF_ERROR(value_type(&v->type));
  v->element = v->type;
  v->count = 1;
  if (v->is_array()) COTERIE_RETURN_IF_ERROR(array_head(v));
  v->data = reader_.at();
  COTERIE_RETURN_IF_ERROR(elements(*v));
  v->end = reader_.at();
  return {};
}

Status Parser::value_type(ValueType* type) {
  uint32_t number = 0;
  COTERIE_RETURN_IF_ERROR(read("type", &number));
  *type = static_cast<ValueType>(number);
  if (number <= static_cast<uint32_t>(ValueType::kF64)) return {};
  return fail(Code::kBadFile, "value type %u, expected 0 to 12", number);
}

Status Parser::array_head(Value* v) {
  COTERIE_RETURN_IF_ERROR(value_type(&v->element));
  if (v->element == ValueType::kArray) return fail(Code::kUnsupported, "an array of arrays");
  COTERIE_RETURN_IF_ERROR(read("count", &v->count));
  if (v->count <= kMaxElements) return {};
  return fail(Code::kBadFile, "an array of %" PRIu64 " elements, expected at most %" PRIu64, v->count, kMaxElements);
}

Status Parser::elements(const Value& v) {
  if (v.is_string()) return strings(v.count);
  if (v.element == ValueType::kBool) return bools(v.count);
  field_ = reader_.offset();
  const size_t n_bytes = v.count * value_type_bytes(v.element);  // at most 2^33
  return reader_.skip(n_bytes) ? Status() : past_end(value_type_name(v.element), n_bytes);
}

Status Parser::strings(uint64_t count) {
  std::string_view text;
  for (uint64_t i = 0; i < count; ++i) {
    if (!reader_.read_string(kMaxString, &text)) return read_string("string", kMaxString, &text);
  }
  return {};
}

Status Parser::bools(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    uint8_t byte = 0;
    COTERIE_RETURN_IF_ERROR(read("bool", &byte));
    if (byte > 1) return fail(Code::kBadFile, "a bool of %u, expected 0 or 1", byte);
  }
  return {};
}

Status Parser::alignment(const Value& v) {
  if (v.type != ValueType::kU32) {
    return fail(Code::kBadFile, "its type is %s, expected u32", value_type_name(v.type));
  }
  uint64_t x = 0;
  v.get(0, &x);
  if (!std::has_single_bit(x) || x < kMinAlignment || x > kMaxAlignment) {
    return fail(Code::kBadFile, "alignment %" PRIu64 ", expected a power of two from %u to %u", x, kMinAlignment,
                kMaxAlignment);
  }
  alignment_ = static_cast<uint32_t>(x);
  return {};
}

// By sorting, not hashing: a file could be made of names that all fall into one bucket.
Status Parser::reject_duplicate_keys() {
  auto& values = out_.values;
  std::sort(values.begin(), values.end(), [](const KeyValue& a, const KeyValue& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.value.data < b.value.data;
  });
  const auto same = std::adjacent_find(values.begin(), values.end(),
                                       [](const KeyValue& a, const KeyValue& b) { return a.key == b.key; });
  if (same == values.end()) return {};
  subject_ = {"key", 0, 0, same->key};
  field_ = static_cast<size_t>(same[1].value.data - bytes_.data());
  return fail(Code::kBadFile, "the key is there twice, first with its value at offset %td",
              same->value.data - bytes_.data());
}

Status Parser::tensor_infos() {
  out_.tensors.reserve(std::min(n_tensors_, kFirstReserve));
  for (uint64_t i = 0; i < n_tensors_; ++i) {
    subject_ = {"tensor", i, n_tensors_};
    COTERIE_RETURN_IF_ERROR(tensor_info());
  }
  return {};
}

Status Parser::tensor_info() {
  Tensor t{};
  COTERIE_RETURN_IF_ERROR(read_string("name", kMaxTensorName, &t.name));
  if (t.name.empty()) return fail(Code::kBadFile, "the name is empty");
  subject_.name = t.name;
  if (!is_plain_text(t.name)) return fail(Code::kBadFile, "the name is not plain UTF-8 text");
  COTERIE_RETURN_IF_ERROR(shape(&t));
  COTERIE_RETURN_IF_ERROR(type_and_size(&t));
  COTERIE_RETURN_IF_ERROR(read("data offset", &t.offset));
  out_.tensors.push_back(t);
  return {};
}

Status Parser::shape(Tensor* t) {
  COTERIE_RETURN_IF_ERROR(read("dimension count", &t->n_dims));
  if (t->n_dims < 1 || t->n_dims > kMaxDims) {
    return fail(Code::kBadFile, "%u dimensions, expected 1 to %u", t->n_dims, kMaxDims);
  }
  std::fill(t->ne, t->ne + kMaxDims, uint64_t{1});
  int64_t n_elements = 1;
  for (uint32_t d = 0; d < t->n_dims; ++d) {
    int64_t n = 0;
    COTERIE_RETURN_IF_ERROR(read("dimensions", &n));
    if (n <= 0) return fail(Code::kBadFile, "dimension %u is %" PRId64 ", expected at least 1", d, n);
    if (__builtin_mul_overflow(n_elements, n, &n_elements)) {
      return fail(Code::kBadFile, "dimension %u is %" PRId64 ": the number of elements overflows", d, n);
    }
    t->ne[d] = static_cast<uint64_t>(n);
  }
  return {};
}

Status Parser::type_and_size(Tensor* t) {
  uint32_t number = 0;
  COTERIE_RETURN_IF_ERROR(read("type", &number));
  if (number >= kTensorTypeCount || kTypeInfo[number].name == nullptr) {
    return fail(Code::kUnsupported, "tensor type %u is not one that this version knows", number);
  }
  const TypeInfo& info = kTypeInfo[number];
  t->type = static_cast<TensorType>(number);
  if (t->ne[0] % info.block_elems != 0) {
    return fail(Code::kBadFile, "rows of %" PRIu64 " elements, expected a multiple of %u for %s", t->ne[0],
                info.block_elems, info.name);
  }
  if (__builtin_mul_overflow(t->n_elements() / info.block_elems, size_t{info.block_bytes}, &t->n_bytes)) {
    return fail(Code::kBadFile, "%" PRIu64 " elements of %s: the number of bytes overflows", t->n_elements(),
                info.name);
  }
  return {};
}

Status Parser::place_tensors() {
  if (out_.tensors.empty()) return {};  // then the file may end without padding
  const size_t head = reader_.offset();
  const size_t section = head + (alignment_ - head % alignment_) % alignment_;
  if (section > bytes_.size()) {
    subject_ = {"header"};
    field_ = head;
    return fail(Code::kBadFile, "tensor data would begin at offset %zu, past the end of the file (%zu bytes)", section,
                bytes_.size());
  }
  for (Tensor& t : out_.tensors) COTERIE_RETURN_IF_ERROR(place(section, &t));
  return reject_overlaps();
}

// From an offset in the data section, which begins at `section`, to one in the file.
Status Parser::place(size_t section, Tensor* t) {
  subject_ = {"tensor", 0, 0, t->name};
  field_ = section;
  const size_t room = bytes_.size() - section;
  if (t->offset > room) {
    return fail(Code::kBadFile, "the data begins %" PRIu64 " bytes into a data section of %zu bytes", t->offset, room);
  }
  field_ = section + t->offset;
  if (t->offset % alignment_ != 0) {
    return fail(Code::kBadFile, "the data begins %" PRIu64 " bytes into the data section, expected a multiple of %u",
                t->offset, alignment_);
  }
  if (t->n_bytes > room - t->offset) return past_end(type_info(t->type).name, t->n_bytes);
  t->offset += section;
  t->data = bytes_.data() + t->offset;
  return {};
}

// Tensors may leave gaps and come in any order, but no two share a byte.
Status Parser::reject_overlaps() {
  std::vector<const Tensor*> by_offset;
  by_offset.reserve(out_.tensors.size());
  for (const Tensor& t : out_.tensors) by_offset.push_back(&t);
  std::sort(by_offset.begin(), by_offset.end(), [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const Tensor& before = *by_offset[i - 1];
    const Tensor& t = *by_offset[i];
    if (t.offset - before.offset >= before.n_bytes) continue;
    subject_ = {"tensor", 0, 0, t.name};
    field_ = t.offset;
    return fail(Code::kBadFile, "the data overlaps that of tensor %s (%zu bytes at offset %" PRIu64 ")",
                printable(before.name).c_str(), before.n_bytes, before.offset);
  }
  return {};
}

}  // namespace

Status parse_contents(std::span<const std::byte> bytes, const std::string& name, Contents* out) {
  return Parser(bytes, name, out).run();
}

}  // namespace coterie
