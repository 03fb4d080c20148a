// Log: the engine's one way to speak. The library itself never prints.
#pragma once

#include "base/status.h"

namespace coterie {

enum class LogLevel : int32_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

struct Log {
  void (*sink)(void* user, int32_t level, const char* line) = nullptr;  // null: silent
  void* user = nullptr;                                                 // handed to sink

  void write(LogLevel level, const char* format, ...) const __attribute__((format(printf, 3, 4)));
};

}  // namespace coterie
