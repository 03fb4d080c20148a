#include "base/log.h"

#include <cstdio>

namespace coterie {

void Log::write(LogLevel level, const char* format, ...) const {
  if (sink == nullptr) return;
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  sink(user, static_cast<int32_t>(level), line);
}

}  // namespace coterie
