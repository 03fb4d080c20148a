// Buffer: aligned memory that is zero when made and whose absence is a status, not an exception.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace coterie {

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  // size zero bytes aligned to 64; large ones come as untouched pages. what names the owner in the error.
  static Status allocate(size_t size, const char* what, Buffer* out);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// *out = a * b; false if that does not fit.
inline bool checked_mul(size_t a, size_t b, size_t* out) { return !__builtin_mul_overflow(a, b, out); }

}  // namespace coterie
