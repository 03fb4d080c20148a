#include "fuzz/gguf_walk.h"

#include <cstdint>
#include <memory>
#include <string_view>

#include "gguf/gguf.h"
#include "gguf/names.h"

namespace coterie::test {
namespace {

void require(bool condition) {
  if (!condition) __builtin_trap();
}

volatile uint64_t g_sink;  // what is read must not be optimised away

void touch(const std::byte* begin, const std::byte* end) {
  if (begin != end) g_sink = g_sink + std::to_integer<uint64_t>(begin[0]) + std::to_integer<uint64_t>(end[-1]);
}

void touch(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  touch(begin, begin + text.size());
}

void walk_strings(const Value& value) {
  const std::byte* cursor = value.data;
  for (uint64_t i = 0; i < value.count; ++i) touch(value.next_string(&cursor));
  require(cursor == value.end);
}

void walk_numbers(const Value& value) {
  require(static_cast<size_t>(value.end - value.data) == value.count * value_type_bytes(value.element));
  for (const uint64_t i : {uint64_t{0}, value.count / 2, value.count - 1, value.count, ~uint64_t{0}}) {
    uint64_t u;
    int64_t s;
    double d;
    bool b;
    const int n_fitting = value.get(i, &u) + value.get(i, &s) + value.get(i, &d) + value.get(i, &b);
    require((n_fitting > 0) == (i < value.count));
  }
}

// Keys to look for: what engines ask for, and what the parser itself reads.
void walk_keys(const Gguf& gguf, std::span<const std::byte> bytes) {
  for (const char* key : {"general.architecture", "general.alignment", "split.count", "flag", "tokens", "scores", "u8",
                          "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "text", "flags", "words"}) {
    uint32_t u;
    float f;
    bool b;
    std::string_view text;
    for (const Status& s : {gguf.read(key, &u), gguf.read(key, &f), gguf.read(key, &b), gguf.read(key, &text)}) {
      require(s.ok() || is_plain_text(s.message()));
    }
    const Value* value = gguf.find(key);
    if (value == nullptr) continue;
    require(value->data >= bytes.data() && value->data <= value->end && value->end <= bytes.data() + bytes.size());
    if (value->is_string()) {
      walk_strings(*value);
    } else {
      walk_numbers(*value);
    }
  }
}

void walk_tensors(const Gguf& gguf, std::span<const std::byte> bytes) {
  for (const Tensor& t : gguf.tensors()) {
    require(gguf.tensor(t.name) == &t);
    require(t.offset <= bytes.size() && t.n_bytes <= bytes.size() - t.offset && t.n_bytes > 0);
    require(t.data == bytes.data() + t.offset && t.offset % 8 == 0);
    require(t.n_elements() / type_info(t.type).block_elems * type_info(t.type).block_bytes == t.n_bytes);
    touch(t.data, t.data + t.n_bytes);
    touch(t.name);
  }
}

}  // namespace

bool walk(std::span<const std::byte> bytes) {
  std::unique_ptr<Gguf> gguf;
  const Status status = Gguf::parse(bytes, "fuzz.gguf", &gguf);
  if (!status.ok()) {
    require(gguf == nullptr && is_plain_text(status.message()));
    require(status.message().starts_with("fuzz.gguf: "));
    return false;
  }
  walk_keys(*gguf, bytes);
  walk_tensors(*gguf, bytes);
  return true;
}

}  // namespace coterie::test
