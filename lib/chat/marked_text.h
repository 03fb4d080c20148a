// MarkedText: text of a prompt that remembers which of its bytes are foreign. Own bytes are those of a chat template or
// format and may become control tokens; foreign ones came from messages, tools or options and must stay plain text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coterie {

class MarkedText {
 public:
  struct Range {
    size_t begin, end;
  };

  MarkedText() = default;
  MarkedText(std::string_view bytes, bool foreign) { append(bytes, foreign); }

  std::string_view bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  std::span<const Range> foreign() const { return foreign_; }  // ascending, apart from each other, none empty
  bool has_foreign() const { return !foreign_.empty(); }
  size_t memory_bytes() const { return bytes_.size() + foreign_.size() * sizeof(Range); }

  void append(std::string_view bytes, bool foreign);
  void append(const MarkedText& other) { append(other, 0, other.size()); }
  void append(const MarkedText& other, size_t begin, size_t end);  // other must not be *this
  MarkedText part(size_t begin, size_t end) const;

 private:
  void mark(size_t begin, size_t end);

  std::string bytes_;
  std::vector<Range> foreign_;
};

}  // namespace coterie
