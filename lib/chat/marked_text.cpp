#include "chat/marked_text.h"

#include <algorithm>

namespace coterie {

void MarkedText::mark(size_t begin, size_t end) {
  if (begin == end) return;
  if (!foreign_.empty() && foreign_.back().end == begin) {
    foreign_.back().end = end;
  } else {
    foreign_.push_back({begin, end});
  }
}

void MarkedText::append(std::string_view bytes, bool foreign) {
  if (foreign) mark(bytes_.size(), bytes_.size() + bytes.size());
  bytes_ += bytes;
}

void MarkedText::append(const MarkedText& other, size_t begin, size_t end) {
  const size_t at = bytes_.size();
  auto range = std::lower_bound(other.foreign_.begin(), other.foreign_.end(), begin,
                                [](const Range& r, size_t position) { return r.end <= position; });
  for (; range != other.foreign_.end() && range->begin < end; ++range) {
    mark(at + std::max(range->begin, begin) - begin, at + std::min(range->end, end) - begin);
  }
  bytes_.append(other.bytes_, begin, end - begin);
}

MarkedText MarkedText::part(size_t begin, size_t end) const {
  MarkedText out;
  out.append(*this, begin, end);
  return out;
}

}  // namespace coterie
