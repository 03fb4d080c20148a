#include "chat/jinja/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"
#include "text/unicode.h"

namespace coterie::jinja {
namespace {

using Type = Value::Type;

constexpr size_t kMaxDepth = 64;

// Receives what nlohmann's parser finds and builds values of it; of equal keys the last counts, in the first one's
// place.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(Heap& heap, bool foreign) : heap_(heap), foreign_(foreign) {}

  bool null() override { return add(Value::none()); }
  bool boolean(bool v) override { return add(Value::from_bool(v)); }
  bool number_integer(number_integer_t v) override { return add(Value::from_int(v)); }
  bool number_unsigned(number_unsigned_t v) override {
    return add(v > INT64_MAX ? Value::from_float(static_cast<double>(v)) : Value::from_int(static_cast<int64_t>(v)));
  }
  bool number_float(number_float_t v, const string_t&) override { return add(Value::from_float(v)); }
  bool string(string_t& v) override { return add(heap_.string(MarkedText(v, foreign_))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(true); }
  bool key(string_t& v) override {
    open_.back().key = heap_.string(MarkedText(v, foreign_)).string;
    return pays();
  }
  bool end_object() override { return close(heap_.dict(std::move(open_.back().dict))); }
  bool start_array(size_t) override { return open(false); }
  bool end_array() override { return close(heap_.list(std::move(open_.back().items))); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    if (status_.ok()) status_ = Error(Code::kInvalidArgument, "no JSON at byte %zu", position);
    return false;
  }

  const Status& status() const { return status_; }
  const Value& result() const { return result_; }

 private:
  struct Open {
    bool is_object;
    const MarkedText* key = nullptr;
    Dict dict = {};
    std::vector<Value> items = {};
  };

  bool pays() {
    if (status_.ok()) status_ = heap_.spend(1);
    return status_.ok();
  }

  bool open(bool is_object) {
    if (open_.size() == kMaxDepth) {
      status_ = Error(Code::kInvalidArgument, "JSON nested deeper than %zu levels, the limit", kMaxDepth);
      return false;
    }
    open_.push_back({is_object});
    return true;
  }

  bool close(Value value) {
    open_.pop_back();
    return add(value);
  }

  bool add(Value value) {
    if (open_.empty()) {
      result_ = value;
    } else if (!open_.back().is_object) {
      open_.back().items.push_back(value);
    } else {
      Dict& dict = open_.back().dict;
      if (status_.ok()) status_ = heap_.spend(dict.entries.size() / 8);
      dict.set(open_.back().key, value);
    }
    return pays();
  }

  Heap& heap_;
  const bool foreign_;
  std::vector<Open> open_;
  Value result_;
  Status status_;
};

void append_escaped_code(uint32_t unit, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out += {'\\', 'u', kHex[unit >> 12], kHex[unit >> 8 & 15], kHex[unit >> 4 & 15], kHex[unit & 15]};
}

std::string json_string(std::string_view text, bool ensure_ascii) {
  static constexpr std::string_view kSpecial = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
  std::string out = "\"";
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (const size_t which = kSpecial.find(text[0]); which != kSpecial.npos) {
      out += '\\';
      out += kLetters[which];
    } else if (byte < 0x20) {
      append_escaped_code(byte, &out);
    } else if (ensure_ascii && n > 1) {
      const uint32_t code = decode(text.substr(0, n));
      if (code >= 0x10000) append_escaped_code(0xd800 + ((code - 0x10000) >> 10), &out);
      append_escaped_code(code >= 0x10000 ? 0xdc00 + (code & 0x3ff) : code, &out);
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n);
  }
  out += '"';
  return out;
}

class Writer {
 public:
  Writer(Heap& heap, const JsonStyle& style, std::string* out) : heap_(heap), style_(style), out_(*out) {}

  bool has_foreign() const { return has_foreign_; }

  Status write(const Value& value) {
    const Heap::Level level(heap_);
    COTERIE_RETURN_IF_ERROR(level.check());
    COTERIE_RETURN_IF_ERROR(heap_.spend(1));
    COTERIE_RETURN_IF_ERROR(heap_.afford(out_.size()));
    switch (value.type) {
      case Type::kNone: out_ += "null"; return {};
      case Type::kBool: out_ += value.boolean ? "true" : "false"; return {};
      case Type::kInt: out_ += std::to_string(value.integer); return {};
      case Type::kFloat: out_ += float_text(value.number); return {};
      case Type::kString: return write_string(*value.string);
      case Type::kList: return write_list(*value.list);
      case Type::kDict: return write_dict(*value.dict);
      default: return cannot("write as JSON", value);
    }
  }

 private:
  Status write_string(const MarkedText& text) {
    COTERIE_RETURN_IF_ERROR(heap_.spend(text.size() / 2));
    has_foreign_ |= text.has_foreign();
    out_ += json_string(text.bytes(), style_.ensure_ascii);
    return {};
  }

  void new_line(int64_t depth) {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(style_.indent * depth), ' ');
  }

  void separate(size_t index) {
    if (index > 0) out_ += style_.item_separator;
    new_line(depth_);
  }

  Status write_list(const List& list) {
    out_ += '[';
    ++depth_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      separate(i);
      COTERIE_RETURN_IF_ERROR(write(list.items[i]));
    }
    --depth_;
    if (!list.items.empty()) new_line(depth_);
    out_ += ']';
    return {};
  }

  Status write_dict(const Dict& dict) {
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->key->bytes() < b->key->bytes(); });
    }
    out_ += '{';
    ++depth_;
    for (size_t i = 0; i < entries.size(); ++i) {
      separate(i);
      COTERIE_RETURN_IF_ERROR(write_string(*entries[i]->key));
      out_ += style_.key_separator;
      COTERIE_RETURN_IF_ERROR(write(entries[i]->value));
    }
    --depth_;
    if (!entries.empty()) new_line(depth_);
    out_ += '}';
    return {};
  }

  Heap& heap_;
  const JsonStyle& style_;
  std::string& out_;
  int64_t depth_ = 0;
  bool has_foreign_ = false;
};

}  // namespace

Status parse_json(Heap& heap, std::string_view text, bool foreign, const char* what, Value* out) {
  Builder builder(heap, foreign);
  const bool parsed = nlohmann::json::sax_parse(text, &builder);
  if (!builder.status().ok()) return Error(builder.status().code(), "%s: %s", what, builder.status().message().c_str());
  if (!parsed) return Error(Code::kInvalidArgument, "%s: no JSON", what);
  *out = builder.result();
  return {};
}

Status write_json(Heap& heap, const Value& value, const JsonStyle& style, MarkedText* out) {
  std::string text;
  Writer writer(heap, style, &text);
  COTERIE_RETURN_IF_ERROR(writer.write(value));
  out->append(text, writer.has_foreign());
  return {};
}

}  // namespace coterie::jinja
