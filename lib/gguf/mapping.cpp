#include "gguf/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "gguf/names.h"

namespace coterie {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) {
    do {
      // O_NONBLOCK: or a FIFO without a writer would hold us here for ever.
      fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    } while (fd_ < 0 && errno == EINTR);
  }
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Status system_error(const std::string& path, int reason) {
  return Error(Code::kIo, "%s: %s", printable(path).c_str(), std::system_category().message(reason).c_str());
}

Status check_regular(const std::string& path, const struct stat& info) {
  if (S_ISDIR(info.st_mode)) return system_error(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return Error(Code::kIo, "%s: not a regular file", printable(path).c_str());
  if (info.st_size == 0) return Error(Code::kBadFile, "%s: the file is empty", printable(path).c_str());
  return {};
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

Status Mapping::open(const std::string& path, Mapping* out) {
  *out = Mapping();
  const Descriptor file(path);
  if (file.get() < 0) return system_error(path, errno);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return system_error(path, errno);
  COTERIE_RETURN_IF_ERROR(check_regular(path, info));

  const size_t size = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return system_error(path, errno);
  out->data_ = static_cast<const std::byte*>(data);
  out->size_ = size;
  constexpr size_t kHeadBytes = size_t{16} << 20;  // keys, vocabulary and directory of a large model
  madvise(data, std::min(size, kHeadBytes), MADV_WILLNEED);
#ifdef MADV_HUGEPAGE
  // A page cache of large folios, such as that of ext4, then reads and maps 2 MiB at a fault; others take no notice.
  madvise(data, size, MADV_HUGEPAGE);
#endif
  return {};
}

}  // namespace coterie
