#include "terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) == 1; }

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c0 = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
    // U+0080 to U+009F are C2 80 to C2 9F in UTF-8
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c0 || c1) {
      out += "\xef\xbf\xbd";  // U+FFFD
      i += c1 ? 1 : 0;
    } else {
      out += text[i];
    }
  }
  return out;
}

void write_output(std::string_view text) {
  if (text.empty()) return;
  static const bool terminal = is_terminal(stdout);
  const std::string safe = terminal ? printable(text) : std::string();
  if (terminal) text = safe;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::runtime_error(std::string("standard output: ") + std::strerror(errno));
}

void write_dim(std::string_view text) {
  static const bool terminal = is_terminal(stderr);
  const std::string safe = printable(text);
  std::fprintf(stderr, terminal ? "\x1b[2m%s\x1b[0m" : "%s", safe.c_str());
  std::fflush(stderr);
}

void StatusLine::set(std::string_view text) {
  if (!is_terminal(stderr)) return;
  std::fprintf(stderr, "\r\x1b[K\x1b[2m%s\x1b[0m", printable(text).c_str());
  std::fflush(stderr);
  shown_ = true;
}

void StatusLine::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}
