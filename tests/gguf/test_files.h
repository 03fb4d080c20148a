// What tests of files share: a file parsed in memory, a folder that cleans up after itself, data beside the repository.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <ctime>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/expect_status.h"
#include "base/status.h"
#include "gguf/gguf.h"
#include "gguf/gguf_builder.h"

namespace coterie::test {

// A file in memory that must parse: file->tensor("x").
class Parsed {
 public:
  explicit Parsed(const GgufBuilder& builder) : Parsed(builder.build()) {}
  explicit Parsed(Bytes bytes) : bytes_(std::move(bytes)) {
    const Status status = Gguf::parse(bytes_, "test.gguf", &gguf_);
    if (!status.ok()) throw std::runtime_error(status.message());  // fails the test
  }
  const Gguf* operator->() const { return gguf_.get(); }
  const Gguf& operator*() const { return *gguf_; }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  std::unique_ptr<Gguf> gguf_;
};

inline Status parse(std::span<const std::byte> bytes) {
  std::unique_ptr<Gguf> gguf;
  Status status = Gguf::parse(bytes, "test.gguf", &gguf);
  EXPECT_EQ(gguf != nullptr, status.ok());
  return status;
}
inline Status parse(const GgufBuilder& builder) { return parse(builder.build()); }

// The same, and how long it took: processor time, so that a busy machine is not mistaken for a slow reader.
inline Status timed_parse(std::span<const std::byte> bytes, double* seconds) {
  const std::clock_t begin = std::clock();
  Status status = parse(bytes);
  *seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  return status;
}

// "t7" (gcc 12 warns wrongly where a literal is added to a string).
inline std::string numbered(const char* prefix, size_t number) {
  return std::string(prefix).append(std::to_string(number));
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "coterie-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::string path(std::string_view name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

// A file of the data that lies beside the repository, "" if it is not there.
inline std::string shared_file(const std::string& name) {
  const std::string path = std::string(COTERIE_SOURCE_DIR) + "/../shared/" + name;
  return std::filesystem::exists(path) ? path : std::string();
}

}  // namespace coterie::test
