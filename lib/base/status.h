// Status: how everything the outside can cause is reported. Codes equal coterie_status (include/coterie/coterie.h).
#pragma once

#include <cstdarg>
#include <cstdint>
#include <string>
#include <utility>

namespace coterie {

enum class Code : int32_t {
  kOk = 0,
  kCancelled = 1,
  kInvalidArgument = 10,
  kOutOfMemory = 11,
  kInternal = 12,
  kIo = 20,
  kBadFile = 21,
  kUnsupported = 22,
  kContextFull = 30,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// printf-style: Error(Code::kBadFile, "%s: offset %llu", name, offset). The message names the key or tensor first.
Status Error(Code code, const char* format, ...) __attribute__((format(printf, 2, 3)));

const char* code_name(Code code);

}  // namespace coterie

#define COTERIE_RETURN_IF_ERROR(expression)              \
  do {                                                   \
    if (::coterie::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// Only a bug can fail it: checked in debug and sanitizer builds, free elsewhere.
#if defined(COTERIE_CHECKED)
#define COTERIE_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define COTERIE_ASSERT(condition) ((void)0)
#endif
