// Reader: a position in a range of bytes that cannot leave it. A read that does not fit returns false and moves nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace coterie {

static_assert(std::endian::native == std::endian::little, "GGUF files are read in place");
static_assert(sizeof(size_t) == sizeof(uint64_t), "models are larger than a 32-bit address space");

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  const std::byte* at() const { return bytes_.data() + offset_; }

  bool skip(size_t n) {
    if (n > remaining()) return false;
    offset_ += n;
    return true;
  }

  // Fields of a GGUF head are not aligned.
  template <class T>
  bool read(T* out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (sizeof(T) > remaining()) return false;
    std::memcpy(out, at(), sizeof(T));
    offset_ += sizeof(T);
    return true;
  }

  // A 64-bit length and as many bytes, at most `most`.
  bool read_string(size_t most, std::string_view* out) {
    Reader next = *this;
    uint64_t length;
    if (!next.read(&length) || length > most) return false;
    *out = {reinterpret_cast<const char*>(next.at()), 0};
    if (!next.skip(length)) return false;
    *out = {out->data(), length};
    *this = next;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

}  // namespace coterie
