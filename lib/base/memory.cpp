#include "base/memory.h"

#include <sys/mman.h>

#include <utility>

namespace coterie {

Buffer::Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ != nullptr) munmap(data_, size_);
}

Status Buffer::allocate(size_t size, const char* what, Buffer* out) {
  *out = Buffer();
  if (size == 0) return {};
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return Error(Code::kOutOfMemory, "%s: %zu bytes are not to be had", what, size);
  out->data_ = static_cast<std::byte*>(p);
  out->size_ = size;
  return {};
}

}  // namespace coterie
