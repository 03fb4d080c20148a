// Source: Python's documentation of str and dict.
#include "chat/jinja/methods.h"

#include <algorithm>
#include <utility>

#include "chat/jinja/arguments.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"
#include "chat/jinja/text_operations.h"

namespace coterie::jinja {
namespace {

template <bool kLeft, bool kRight>
Status strip(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value characters = Value::none();
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"chars"}, &characters));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(self.bytes().size()));
  std::string_view view = self.bytes();
  if (characters.is_none()) {
    if (kLeft) view = trimmed_left(view);
    if (kRight) view = trimmed_right(view);
  } else {
    const MarkedText* set = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(characters, "chars", &set));
    COTERIE_RETURN_IF_ERROR(heap.spend_scan(view.size(), 16 * set->size()));
    if (kLeft) view = trimmed_left(view, set->bytes());
    if (kRight) view = trimmed_right(view, set->bytes());
  }
  *out = part_of(heap, *self.string, view);
  return {};
}

// Words between white space; behind n_splits of them the rest as it stands.
std::vector<std::string_view> words(std::string_view text, int64_t n_splits) {
  std::vector<std::string_view> parts;
  for (text = trimmed_left(text); !text.empty(); text = trimmed_left(text)) {
    size_t end = text.size();
    if (n_splits-- != 0) {
      end = 0;
      while (end < text.size() && trimmed_left(text.substr(end, 4)).size() == std::min<size_t>(4, text.size() - end)) {
        end += character_bytes(text.substr(end));
      }
    }
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parts;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, int64_t n_splits) {
  std::vector<std::string_view> parts;
  for (size_t end; n_splits-- != 0 && (end = text.find(separator)) != text.npos;) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_from_the_right(std::string_view text, std::string_view separator,
                                                   int64_t n_splits) {
  std::vector<std::string_view> parts;
  for (size_t at; n_splits-- != 0 && (at = text.rfind(separator)) != text.npos;) {
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Value list_of(Heap& heap, const MarkedText& text, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  for (std::string_view part : parts) items.push_back(part_of(heap, text, part));
  return heap.list(std::move(items));
}

template <bool kFromRight>
Status split(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given[2] = {Value::none(), Value::from_int(-1)};
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"sep", "maxsplit"}, given));
  int64_t n_splits = -1;
  COTERIE_RETURN_IF_ERROR(want_int(given[1], "maxsplit", &n_splits));
  const std::string_view text = self.bytes();
  if (given[0].is_none()) {
    if (kFromRight && n_splits >= 0) return Error(Code::kUnsupported, "rsplit without a separator");
    COTERIE_RETURN_IF_ERROR(heap.spend(text.size()));
    *out = list_of(heap, *self.string, words(text, n_splits));
    return {};
  }
  const MarkedText* separator = nullptr;
  COTERIE_RETURN_IF_ERROR(want_string(given[0], "sep", &separator));
  if (separator->empty()) return Error(Code::kUnsupported, "split with an empty separator");
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text.size(), separator->size()));
  *out = list_of(heap, *self.string,
                 kFromRight ? split_from_the_right(text, separator->bytes(), n_splits)
                            : split_at(text, separator->bytes(), n_splits));
  return {};
}

Status splitlines(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::string_view text = self.bytes();
  COTERIE_RETURN_IF_ERROR(heap.spend(text.size()));
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\r"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + (text.substr(end).starts_with("\r\n") ? 2 : 1)));
  }
  *out = list_of(heap, *self.string, lines);
  return {};
}

template <bool kAtEnd>
Status begins(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"prefix"}, &given));
  std::vector<Value> alternatives = {given};
  if (given.is(Value::Type::kList)) alternatives = given.list->items;
  *out = Value::from_bool(false);
  for (const Value& one : alternatives) {
    const MarkedText* text = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(one, kAtEnd ? "the suffix" : "the prefix", &text));
    COTERIE_RETURN_IF_ERROR(heap.spend(1 + text->size() / 64));
    const bool fits = kAtEnd ? self.bytes().ends_with(text->bytes()) : self.bytes().starts_with(text->bytes());
    if (fits) *out = Value::from_bool(true);
  }
  return {};
}

template <bool kAtEnd>
Status remove_affix(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given;
  const MarkedText* affix = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"affix"}, &given));
  COTERIE_RETURN_IF_ERROR(want_string(given, "the affix", &affix));
  std::string_view view = self.bytes();
  if (kAtEnd && view.ends_with(affix->bytes())) view.remove_suffix(affix->size());
  if (!kAtEnd && view.starts_with(affix->bytes())) view.remove_prefix(affix->size());
  *out = part_of(heap, *self.string, view);
  return {};
}

Status replace_method(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given[3] = {{}, {}, Value::from_int(-1)};
  const MarkedText *from = nullptr, *to = nullptr;
  int64_t count = -1;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"old", "new", "count"}, given));
  COTERIE_RETURN_IF_ERROR(want_string(given[0], "old", &from));
  COTERIE_RETURN_IF_ERROR(want_string(given[1], "new", &to));
  COTERIE_RETURN_IF_ERROR(want_int(given[2], "count", &count));
  return replace(heap, *self.string, *from, *to, count, out);
}

template <std::string (*kChange)(std::string_view)>
Status change_letters(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(self.bytes().size()));
  *out = remade(heap, *self.string, kChange(self.bytes()));
  return {};
}

// The index of the first or last occurrence in characters, -1 if there is none.
template <bool kLast>
Status find(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given;
  const MarkedText* what = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"sub"}, &given));
  COTERIE_RETURN_IF_ERROR(want_string(given, "sub", &what));
  const std::string_view text = self.bytes();
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text.size(), what->size()));
  const size_t at = kLast ? text.rfind(what->bytes()) : text.find(what->bytes());
  *out = Value::from_int(at == text.npos ? -1 : static_cast<int64_t>(count_characters(text.substr(0, at))));
  return {};
}

Status count(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given;
  const MarkedText* what = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"sub"}, &given));
  COTERIE_RETURN_IF_ERROR(want_string(given, "sub", &what));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(self.bytes().size(), what->size()));
  const size_t n =
      what->empty() ? count_characters(self.bytes()) + 1 : split_at(self.bytes(), what->bytes(), -1).size() - 1;
  *out = Value::from_int(static_cast<int64_t>(n));
  return {};
}

Status join_method(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"iterable"}, &given));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, given, &items));
  for (const Value& one : items) {
    const MarkedText* text = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(one, "an item to join", &text));
  }
  return join(heap, items, *self.string, out);
}

Status isdigit(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(self.bytes().size()));
  *out =
      Value::from_bool(!self.bytes().empty() && self.bytes().find_first_not_of("0123456789") == std::string_view::npos);
  return {};
}

// ---- mappings ----

Status get(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  Value given[2] = {{}, Value::none()};
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"key", "default"}, given));
  COTERIE_RETURN_IF_ERROR(heap.spend(self.dict->entries.size() / 8));
  const Value* found = given[0].is_string() ? self.dict->find(given[0].bytes()) : nullptr;
  *out = found == nullptr ? given[1] : *found;
  return {};
}

Status items(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  return items_of_dict(heap, self, out);
}

Status keys(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> all;
  COTERIE_RETURN_IF_ERROR(items_of(heap, self, &all));
  *out = heap.list(std::move(all));
  return {};
}

Status values(Heap& heap, const Value& self, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(heap.spend(self.dict->entries.size() / 8));
  std::vector<Value> all;
  for (const Dict::Entry& entry : self.dict->entries) all.push_back(entry.value);
  *out = heap.list(std::move(all));
  return {};
}

constexpr std::pair<std::string_view, Callable::Method> kStringMethods[] = {
    {"strip", strip<true, true>},
    {"lstrip", strip<true, false>},
    {"rstrip", strip<false, true>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"startswith", begins<false>},
    {"endswith", begins<true>},
    {"removeprefix", remove_affix<false>},
    {"removesuffix", remove_affix<true>},
    {"replace", replace_method},
    {"upper", change_letters<upper>},
    {"lower", change_letters<lower>},
    {"title", change_letters<titled>},
    {"capitalize", change_letters<capitalized>},
    {"find", find<false>},
    {"rfind", find<true>},
    {"count", count},
    {"join", join_method},
    {"isdigit", isdigit},
};

constexpr std::pair<std::string_view, Callable::Method> kDictMethods[] = {
    {"get", get}, {"items", items}, {"keys", keys}, {"values", values}};

}  // namespace

Callable::Method find_method(const Value& object, std::string_view name) {
  if (object.is_string()) {
    for (const auto& [known, method] : kStringMethods) {
      if (known == name) return method;
    }
  } else if (object.is(Value::Type::kDict)) {
    for (const auto& [known, method] : kDictMethods) {
      if (known == name) return method;
    }
  }
  return nullptr;
}

}  // namespace coterie::jinja
