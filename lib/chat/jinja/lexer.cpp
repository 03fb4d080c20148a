// Source: Jinja 3.1's documentation ("Whitespace Control", "Literals").
#include "chat/jinja/lexer.h"

#include <algorithm>

#include "chat/jinja/strings.h"

namespace coterie::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

// One newline character for each line break, and none at the very end.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      out += '\n';
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string source, std::vector<Token>* out) : source_(std::move(source)), rest_(source_), out_(*out) {}

  Status run() {
    while (!rest_.empty()) COTERIE_RETURN_IF_ERROR(text());
    push(Token::Kind::kEnd, "");
    return {};
  }

 private:
  Status fail(const char* what) const { return Error(Code::kBadFile, "line %d: %s", line_, what); }

  void push(Token::Kind kind, std::string text) { out_.push_back({kind, std::move(text), line_}); }

  std::string_view take(size_t n) {
    const std::string_view taken = rest_.substr(0, n);
    line_ += static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
    rest_.remove_prefix(taken.size());
    if (!taken.empty()) at_line_start_ = taken.back() == '\n';
    return taken;
  }

  // Text up to the next tag, and that tag.
  Status text() {
    size_t end = rest_.find('{');
    while (end < rest_.size() &&
           (end + 1 == rest_.size() || std::string_view("{%#").find(rest_[end + 1]) == rest_.npos)) {
      end = rest_.find('{', end + 1);
    }
    end = std::min(end, rest_.size());
    const bool from_line_start = at_line_start_;
    const std::string_view all = take(end);
    if (rest_.empty()) {
      push_text(all);
      return {};
    }
    const char tag = rest_[1];
    take(2);
    const char sign = rest_.empty() ? '\0' : rest_[0];
    if (sign == '-' || sign == '+') take(1);
    push_text(sign == '-'                 ? trimmed_right(all)
              : sign == '+' || tag == '{' ? all
                                          : without_indent(all, from_line_start));
    if (tag == '#') return comment();
    if (tag == '%' && at_raw()) return raw();
    const bool is_print = tag == '{';
    push(is_print ? Token::Kind::kPrintBegin : Token::Kind::kTagBegin, "");
    return inside(is_print);
  }

  void push_text(std::string_view text) {
    if (!text.empty()) push(Token::Kind::kText, std::string(text));
  }

  // lstrip_blocks: without the white space between the line's beginning and the tag, if nothing else stands there.
  static std::string_view without_indent(std::string_view text, bool from_line_start) {
    const size_t newline = text.rfind('\n');
    if (newline == text.npos && !from_line_start) return text;
    const size_t begin = newline == text.npos ? 0 : newline + 1;
    return trimmed_right(text.substr(begin)).empty() ? text.substr(0, begin) : text;
  }

  void skip_blank() { take(rest_.size() - trimmed_left(rest_).size()); }

  // If the tag ends here ("-%}", "+%}" or "%}"), passes it and what whitespace control drops behind it.
  bool pass_end(std::string_view end) {
    const bool has_sign = !rest_.empty() && (rest_[0] == '-' || (rest_[0] == '+' && end != "}}"));
    if (!rest_.substr(has_sign).starts_with(end)) return false;
    const char sign = has_sign ? rest_[0] : '\0';
    take(has_sign + end.size());
    if (sign == '-') {
      skip_blank();
    } else if (sign == '\0' && end != "}}" && rest_.starts_with('\n')) {
      take(1);  // trim_blocks
    }
    return true;
  }

  Status comment() {
    for (;;) {
      const size_t end = rest_.find("#}");
      if (end == rest_.npos) return fail("a comment that does not end");
      const size_t sign = end > 0 && (rest_[end - 1] == '-' || rest_[end - 1] == '+');
      take(end - sign);
      if (pass_end("#}")) return {};
    }
  }

  bool at_raw() const {
    const std::string_view inner = trimmed_left(rest_);
    return inner.starts_with("raw") && (inner.size() == 3 || !is_name_part(inner[3]));
  }

  Status raw() {
    skip_blank();
    take(3);
    skip_blank();
    if (!pass_end("%}")) return fail("expected the end of the tag after raw");
    for (size_t at = rest_.find("{%"); at != rest_.npos; at = rest_.find("{%", at + 2)) {
      std::string_view inner = rest_.substr(at + 2);
      const char sign = inner.starts_with('-') || inner.starts_with('+') ? inner[0] : '\0';
      if (sign != '\0') inner.remove_prefix(1);
      inner = trimmed_left(inner);
      if (!inner.starts_with("endraw")) continue;
      const bool from_line_start = at_line_start_;
      const std::string_view all = rest_.substr(0, at);
      push_text(sign == '-' ? trimmed_right(all) : sign == '+' ? all : without_indent(all, from_line_start));
      take(rest_.size() - inner.size() + 6);
      skip_blank();
      return pass_end("%}") ? Status() : fail("expected the end of the tag after endraw");
    }
    return fail("raw without endraw");
  }

  // The tokens of one tag.
  Status inside(bool is_print) {
    std::string open;  // brackets that are open: the tag cannot end inside of them
    for (;;) {
      skip_blank();
      if (rest_.empty()) return fail("a tag that does not end");
      if (open.empty() && pass_end(is_print ? "}}" : "%}")) {
        push(is_print ? Token::Kind::kPrintEnd : Token::Kind::kTagEnd, "");
        return {};
      }
      const char c = rest_[0];
      if (c == '"' || c == '\'') {
        COTERIE_RETURN_IF_ERROR(string());
      } else if (is_digit(c)) {
        number();
      } else if (is_name_start(c)) {
        size_t n = 1;
        while (n < rest_.size() && is_name_part(rest_[n])) ++n;
        push(Token::Kind::kName, std::string(take(n)));
      } else {
        COTERIE_RETURN_IF_ERROR(punctuation(&open));
      }
    }
  }

  Status punctuation(std::string* open) {
    for (std::string_view two : {"**", "//", "==", "!=", "<=", ">="}) {
      if (!rest_.starts_with(two)) continue;
      push(Token::Kind::kOperator, std::string(take(2)));
      return {};
    }
    const char c = rest_[0];
    if (std::string_view("+-*/%~<>=.,:|()[]{};").find(c) == std::string_view::npos)
      return fail("an unexpected character");
    if (c == '(' || c == '[' || c == '{') *open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (!open->ends_with(c)) return fail("a closing bracket without its opening one");
      open->pop_back();
    }
    push(Token::Kind::kOperator, std::string(take(1)));
    return {};
  }

  void number() {
    const bool may_be_float = out_.empty() || out_.back().text != "." || out_.back().kind != Token::Kind::kOperator;
    const auto digits = [this](size_t n) {
      while (n < rest_.size() && (is_digit(rest_[n]) || rest_[n] == '_')) ++n;
      return n;
    };
    size_t n = digits(0);
    bool is_float = false;
    if (may_be_float && n + 1 < rest_.size() && rest_[n] == '.' && is_digit(rest_[n + 1])) {
      n = digits(n + 1);
      is_float = true;
    }
    if (may_be_float && n < rest_.size() && (rest_[n] == 'e' || rest_[n] == 'E')) {
      const size_t sign = n + 1 < rest_.size() && (rest_[n + 1] == '+' || rest_[n + 1] == '-');
      if (n + 1 + sign < rest_.size() && is_digit(rest_[n + 1 + sign])) {
        n = digits(n + 1 + sign);
        is_float = true;
      }
    }
    std::string text(take(n));
    std::erase(text, '_');
    push(is_float ? Token::Kind::kFloat : Token::Kind::kInteger, std::move(text));
  }

  Status string() {
    const char quote = rest_[0];
    size_t n = 1;
    while (n < rest_.size() && rest_[n] != quote) n += rest_[n] == '\\' ? 2 : 1;
    if (n >= rest_.size()) return fail("a string that does not end");
    std::string value;
    if (!unescape(rest_.substr(1, n - 1), &value)) return fail("a string with a broken escape");
    push(Token::Kind::kString, std::move(value));
    take(n + 1);
    return {};
  }

  const std::string source_;
  std::string_view rest_;
  std::vector<Token>& out_;
  int line_ = 1;
  bool at_line_start_ = true;
};

}  // namespace

Status tokenize(std::string_view source, std::vector<Token>* out) { return Lexer(normalized(source), out).run(); }

}  // namespace coterie::jinja
