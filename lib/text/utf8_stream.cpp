#include "text/utf8_stream.h"

#include "text/unicode.h"

namespace coterie {

void Utf8Stream::push(std::string_view bytes, std::string* out) {
  held_.append(bytes);
  std::string_view rest = held_;
  while (!rest.empty()) {
    const Utf8Head head = utf8_head(rest);
    if (head.state == Utf8Head::State::kCut) break;
    out->append(head.state == Utf8Head::State::kWhole ? rest.substr(0, head.n_bytes) : kReplacement);
    rest.remove_prefix(head.n_bytes);
  }
  held_.erase(0, held_.size() - rest.size());
}

void Utf8Stream::finish(std::string* out) {
  if (!held_.empty()) out->append(kReplacement);
  held_.clear();
}

}  // namespace coterie
