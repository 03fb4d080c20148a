#include "base/status.h"

#include <cstdio>

namespace coterie {

Status Error(Code code, const char* format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return Status(code, text);
}

const char* code_name(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kCancelled: return "cancelled";
    case Code::kInvalidArgument: return "invalid argument";
    case Code::kOutOfMemory: return "out of memory";
    case Code::kInternal: return "internal error";
    case Code::kIo: return "input/output error";
    case Code::kBadFile: return "bad file";
    case Code::kUnsupported: return "unsupported";
    case Code::kContextFull: return "context full";
  }
  return "unknown status";
}

}  // namespace coterie
