// Mapping: a whole file, read-only, in memory for as long as the object lives.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/status.h"

namespace coterie {

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // kIo with the system's reason, also for what is not a regular file; kBadFile for an empty file. Never blocks on a
  // FIFO. Links are followed: model stores keep shards as links.
  static Status open(const std::string& path, Mapping* out);

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace coterie
