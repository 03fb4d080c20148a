// Value: typed access to the metadata of a file that has already been checked.
#include <cstring>
#include <utility>

#include "gguf/gguf.h"
#include "gguf/reader.h"

namespace coterie {
namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class From, class To>
bool convert(const std::byte* from, To* out) {
  const From value = load<From>(from);
  if (!std::in_range<To>(value)) return false;
  *out = static_cast<To>(value);
  return true;
}

// The integer of any width at `from`, if it is one and fits.
template <class To>
bool convert_integer(ValueType type, const std::byte* from, To* out) {
  switch (type) {
    case ValueType::kU8: return convert<uint8_t>(from, out);
    case ValueType::kI8: return convert<int8_t>(from, out);
    case ValueType::kU16: return convert<uint16_t>(from, out);
    case ValueType::kI16: return convert<int16_t>(from, out);
    case ValueType::kU32: return convert<uint32_t>(from, out);
    case ValueType::kI32: return convert<int32_t>(from, out);
    case ValueType::kU64: return convert<uint64_t>(from, out);
    case ValueType::kI64: return convert<int64_t>(from, out);
    default: return false;
  }
}

}  // namespace

const char* value_type_name(ValueType type) {
  static const char* const kNames[] = {"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array",
                                       "u64", "i64", "f64"};
  const uint32_t i = static_cast<uint32_t>(type);
  return i < std::size(kNames) ? kNames[i] : "unknown";
}

size_t value_type_bytes(ValueType type) {
  static const uint8_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  const uint32_t i = static_cast<uint32_t>(type);
  return i < std::size(kBytes) ? kBytes[i] : 0;
}

bool Value::get(uint64_t i, uint64_t* out) const {
  return i < count && convert_integer(element, data + i * value_type_bytes(element), out);
}

bool Value::get(uint64_t i, int64_t* out) const {
  return i < count && convert_integer(element, data + i * value_type_bytes(element), out);
}

bool Value::get(uint64_t i, double* out) const {
  if (i >= count) return false;
  const std::byte* from = data + i * value_type_bytes(element);
  uint64_t natural;
  int64_t integer;
  if (element == ValueType::kF32) {
    *out = load<float>(from);
  } else if (element == ValueType::kF64) {
    *out = load<double>(from);
  } else if (convert_integer(element, from, &integer)) {
    *out = static_cast<double>(integer);
  } else if (convert_integer(element, from, &natural)) {
    *out = static_cast<double>(natural);
  } else {
    return false;
  }
  return true;
}

bool Value::get(uint64_t i, bool* out) const {
  if (i >= count || element != ValueType::kBool) return false;
  *out = load<uint8_t>(data + i) != 0;
  return true;
}

std::string_view Value::next_string(const std::byte** cursor) const {
  Reader reader({*cursor, end});
  std::string_view text;
  const bool found = is_string() && reader.read_string(reader.remaining(), &text);
  *cursor = found ? reader.at() : end;
  return found ? text : std::string_view();
}

}  // namespace coterie
