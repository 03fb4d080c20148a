// Utf8Stream: turns the bytes of tokens, which may end inside a character, into text that is whole at every moment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coterie {

class Utf8Stream {
 public:
  // Appends to out all text that is certain, and holds back the beginning of a character that more bytes could
  // complete: at most 3 bytes. Bytes that no continuation can save become U+FFFD, one for each maximal subpart.
  void push(std::string_view bytes, std::string* out);

  // Ends the text: what is still held back becomes one U+FFFD. The stream is then as new.
  void finish(std::string* out);

  size_t n_held() const { return held_.size(); }

 private:
  std::string held_;
};

}  // namespace coterie
