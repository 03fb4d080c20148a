// What tests of files share: status expectations, a file parsed in memory, a folder that cleans up after itself.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "gguf/gguf.h"
#include "gguf/gguf_builder.h"

#define EXPECT_OK(expression) EXPECT_TRUE(::coterie::test::is_ok(expression))
#define ASSERT_OK(expression) ASSERT_TRUE(::coterie::test::is_ok(expression))
// The status has this code, and its message contains every one of the words: EXPECT_ERROR(s, code, {"key x", "7"}).
#define EXPECT_ERROR(expression, ...) EXPECT_TRUE(::coterie::test::is_error(expression, __VA_ARGS__))

namespace coterie::test {

inline testing::AssertionResult is_ok(const Status& status) {
  if (status.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(status.code()) << ": " << status.message();
}

inline testing::AssertionResult is_error(const Status& status, Code code,
                                         std::initializer_list<std::string_view> words) {
  if (status.code() != code) {
    return testing::AssertionFailure() << "found " << code_name(status.code()) << " (" << status.message()
                                       << "), expected " << code_name(code);
  }
  for (const std::string_view word : words) {
    if (status.message().find(word) != std::string::npos) continue;
    return testing::AssertionFailure() << "no \"" << word << "\" in: " << status.message();
  }
  return testing::AssertionSuccess();
}

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
