#include "formatting.h"

#include <cstdarg>
#include <cstdio>
#include <iterator>

std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

std::string size_of(uint64_t bytes) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  auto value = static_cast<double>(bytes);
  size_t power = 0;
  while (value >= 999.5 && power + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++power;
  }
  const int decimals = power == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return format("%.*f %sB", decimals, value, kPrefixes[power]);
}
