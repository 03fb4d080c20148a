// tokenize_file MODEL.gguf [--special] [--jsonl] < text
// Prints the ids of standard input, or with --jsonl those of each of its lines, which are JSON strings.
// --special: control tokens are recognised in the text.
// tokenize_file --pieces PRE [--jsonl] < text
// Prints the byte offsets at which the pieces of this pre-tokenizer end instead.
// The processor time taken goes to standard error.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

#include "text/pretokenizer.h"
#include "text/tokenizer.h"

namespace {

void append_utf8(uint32_t c, std::string* out) {
  if (c < 0x80) return out->push_back(static_cast<char>(c));
  int shift = c < 0x800 ? 6 : c < 0x10000 ? 12 : 18;
  static const unsigned char kLead[] = {0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[shift / 6 - 1] | c >> shift));
  while ((shift -= 6) >= 0) out->push_back(static_cast<char>(0x80 | (c >> shift & 0x3F)));
}

// The content of a JSON string that json.dumps or JSON.stringify wrote.
std::string unescape(const std::string& json) {
  std::string text;
  uint32_t high = 0;
  for (size_t i = 1; i + 1 < json.size(); ++i) {
    if (json[i] != '\\') {
      text.push_back(json[i]);
      continue;
    }
    static const char kFrom[] = "nrtbf", kTo[] = "\n\r\t\b\f";
    const char c = json[++i];
    if (c != 'u') {
      const char* at = std::strchr(kFrom, c);
      text.push_back(at != nullptr ? kTo[at - kFrom] : c);
      continue;
    }
    const uint32_t unit = static_cast<uint32_t>(std::stoul(json.substr(i + 1, 4), nullptr, 16));
    i += 4;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
      continue;
    }
    append_utf8(high != 0 ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : unit, &text);
    high = 0;
  }
  return text;
}

void log_line(void*, int32_t, const char* line) { std::fprintf(stderr, "%s\n", line); }

}  // namespace

int main(int argc, char** argv) {
  bool special = false, jsonl = false;
  const char *path = nullptr, *pre = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--special") == 0) special = true;
    else if (std::strcmp(argv[i], "--jsonl") == 0) jsonl = true;
    else if (std::strcmp(argv[i], "--pieces") == 0 && i + 1 < argc) pre = argv[++i];
    else path = argv[i];
  }
  std::unique_ptr<coterie::Gguf> gguf;
  std::unique_ptr<coterie::Tokenizer> tokenizer;
  std::unique_ptr<coterie::Pretokenizer> pretokenizer;
  coterie::Status status;
  if (pre != nullptr) status = coterie::Pretokenizer::create(pre, &pretokenizer);
  else if (path == nullptr) status = coterie::Error(coterie::Code::kInvalidArgument, "no model given");
  else status = coterie::Gguf::open(path, &gguf);
  if (status.ok() && gguf != nullptr) status = coterie::Tokenizer::create(*gguf, {log_line, nullptr}, &tokenizer);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return 1;
  }

  std::string input;
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) input.append(buffer, n);
  std::clock_t ticks = 0;
  for (size_t begin = 0; begin < input.size() || (begin == 0 && !jsonl);) {
    const size_t end = jsonl ? std::min(input.find('\n', begin), input.size()) : input.size();
    const std::string line = input.substr(begin, end - begin);
    const std::string text = jsonl ? unescape(line) : line;
    std::vector<int32_t> ids;
    std::vector<uint32_t> ends;
    const std::clock_t start = std::clock();
    if (pre != nullptr) pretokenizer->split(text, &ends);
    else if (!tokenizer->tokenize(text, false, special, &ids).ok()) return 1;
    ticks += std::clock() - start;
    for (const uint32_t end : ends) ids.push_back(static_cast<int32_t>(end));
    for (size_t i = 0; i < ids.size(); ++i) std::printf("%s%d", i == 0 ? "" : " ", ids[i]);
    std::printf("\n");
    begin = end + 1;
  }
  std::fprintf(stderr, "%zu bytes in %.3f s\n", input.size(), static_cast<double>(ticks) / CLOCKS_PER_SEC);
}
