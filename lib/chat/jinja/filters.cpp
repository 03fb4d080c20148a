// Source: Jinja 3.1's documentation, "List of Builtin Filters"; tojson and its arguments as Hugging Face's transformers
// define them for chat templates (utils/chat_template_utils.py).
#include "chat/jinja/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "chat/jinja/arguments.h"
#include "chat/jinja/json.h"
#include "chat/jinja/list_filters.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"
#include "chat/jinja/text_operations.h"

namespace coterie::jinja {
namespace {

using Type = Value::Type;

Status as_text(Heap& heap, const Value& value, const MarkedText** out) {
  Value text = value;
  if (!value.is_string()) {
    MarkedText printed;
    COTERIE_RETURN_IF_ERROR(print(heap, value, &printed));
    text = heap.string(std::move(printed));
  }
  *out = text.string;
  return {};
}

Status safe(Heap&, const Value& value, const Arguments& arguments, Value* out) {
  *out = value;
  return bind(arguments, {}, nullptr);
}

Status string(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  MarkedText text;
  COTERIE_RETURN_IF_ERROR(print(heap, value, &text));
  *out = heap.string(std::move(text));
  return {};
}

Status default_value(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[2];
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"default_value", "boolean"}, given));
  if (given[0].is_undefined() && arguments.positional.empty()) given[0] = heap.own("");
  const bool replaces = value.is_undefined() || (is_true(given[1]) && !is_true(value));
  *out = replaces ? given[0] : value;
  return {};
}

Status to_json(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[4];  // Hugging Face's order
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, given));
  JsonStyle style;
  style.ensure_ascii = is_true(given[0]);
  style.sort_keys = is_true(given[3]);
  if (is_true(given[1]) || given[1].is(Type::kInt)) {
    COTERIE_RETURN_IF_ERROR(want_int(given[1], "indent", &style.indent));
    if (style.indent < 0 || style.indent > 64) return Error(Code::kUnsupported, "tojson with an indent beyond 0 to 64");
    style.item_separator = ",";
  }
  if (is_true(given[2])) {
    const MarkedText *item = nullptr, *key = nullptr;
    if (!given[2].is(Type::kList) || given[2].list->items.size() != 2) {
      return Error(Code::kUnsupported, "tojson with separators that are no pair");
    }
    COTERIE_RETURN_IF_ERROR(want_string(given[2].list->items[0], "separators[0]", &item));
    COTERIE_RETURN_IF_ERROR(want_string(given[2].list->items[1], "separators[1]", &key));
    style.item_separator = item->bytes();
    style.key_separator = key->bytes();
  }
  MarkedText text;
  COTERIE_RETURN_IF_ERROR(write_json(heap, value, style, &text));
  *out = heap.string(std::move(text));
  return {};
}

Status from_json(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(want_string(value, "what from_json reads", &text));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text->size()));
  return parse_json(heap, text->bytes(), text->has_foreign(), "from_json", out);
}

// The number that a text begins to be, by Python's int() or float(); otherwise the default.
Status to_number(const Value& value, bool is_float, Value otherwise, Value* out) {
  *out = otherwise;
  if (value.is_number()) {
    const double number = value.as_float();
    if (is_float) {
      *out = Value::from_float(number);
    } else if (value.is_int()) {
      *out = Value::from_int(value.as_int());
    } else if (std::fabs(number) < 9e18) {
      *out = Value::from_int(static_cast<int64_t>(number));
    }
  } else if (value.is_string()) {
    std::string_view text = trimmed_left(trimmed_right(value.bytes()));
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    int64_t integer = 0;
    const char* end = text.data() + text.size();
    const auto whole = std::from_chars(text.data(), end, integer);
    const auto real = std::from_chars(text.data(), end, number);
    if (!is_float && whole.ec == std::errc() && whole.ptr == end) {
      *out = Value::from_int(integer);
    } else if (real.ec == std::errc() && real.ptr == end && std::isfinite(number)) {
      return to_number(Value::from_float(number), is_float, otherwise, out);
    }
  }
  return {};
}

Status to_int(Heap&, const Value& value, const Arguments& arguments, Value* out) {
  Value given[2] = {Value::from_int(0), Value::from_int(10)};
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"default", "base"}, given));
  return to_number(value, false, given[0], out);
}

Status to_float(Heap&, const Value& value, const Arguments& arguments, Value* out) {
  Value given = Value::from_float(0);
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"default"}, &given));
  return to_number(value, true, given, out);
}

Status absolute(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  if (!value.is_number()) return cannot("take the absolute value of", value);
  if (value.as_float() < 0) return arithmetic(heap, Operator::kSubtract, Value::from_int(0), value, out);
  *out = value;
  return {};
}

Status length(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  size_t n = 0;
  switch (value.type) {
    case Type::kUndefined: break;
    case Type::kString:
      COTERIE_RETURN_IF_ERROR(heap.spend_scan(value.bytes().size()));
      n = count_characters(value.bytes());
      break;
    case Type::kList: n = value.list->items.size(); break;
    case Type::kDict: n = value.dict->entries.size(); break;
    default: return cannot("take the length of", value);
  }
  *out = Value::from_int(static_cast<int64_t>(n));
  return {};
}

Status trim(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value characters = Value::none();
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"chars"}, &characters));
  COTERIE_RETURN_IF_ERROR(as_text(heap, value, &text));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text->size()));
  std::string_view view = trimmed_left(trimmed_right(text->bytes()));
  if (!characters.is_none()) {
    const MarkedText* set = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(characters, "chars", &set));
    COTERIE_RETURN_IF_ERROR(heap.spend_scan(text->size(), 16 * set->size()));
    view = trimmed_left(trimmed_right(text->bytes(), set->bytes()), set->bytes());
  }
  *out = part_of(heap, *text, view);
  return {};
}

template <std::string (*kChange)(std::string_view)>
Status change_letters(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(as_text(heap, value, &text));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text->size()));
  *out = remade(heap, *text, kChange(text->bytes()));
  return {};
}

Status replace_filter(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[3] = {{}, {}, Value::from_int(-1)};
  const MarkedText *text = nullptr, *from = nullptr, *to = nullptr;
  int64_t count = -1;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"old", "new", "count"}, given));
  COTERIE_RETURN_IF_ERROR(as_text(heap, value, &text));
  COTERIE_RETURN_IF_ERROR(as_text(heap, given[0], &from));
  COTERIE_RETURN_IF_ERROR(as_text(heap, given[1], &to));
  if (!given[2].is_none()) COTERIE_RETURN_IF_ERROR(want_int(given[2], "count", &count));
  return replace(heap, *text, *from, *to, count, out);
}

Status indent(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[3] = {Value::from_int(4), Value::from_bool(false), Value::from_bool(false)};
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"width", "first", "blank"}, given));
  COTERIE_RETURN_IF_ERROR(as_text(heap, value, &text));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(text->size()));
  MarkedText margin;
  if (given[0].is_string()) {
    margin = *given[0].string;
  } else {
    int64_t width = 0;
    COTERIE_RETURN_IF_ERROR(want_int(given[0], "width", &width));
    if (width < 0 || width > 1000) return Error(Code::kUnsupported, "indent with a width beyond 0 to 1000");
    margin.append(std::string(static_cast<size_t>(width), ' '), false);
  }
  MarkedText result;
  for (size_t at = 0, end = 0; at <= text->size(); at = end + 1) {
    end = std::min(text->bytes().find('\n', at), text->size());
    const bool is_blank = trimmed_left(text->bytes().substr(at, end - at)).empty();
    if (at == 0 ? is_true(given[1]) : !is_blank || is_true(given[2])) result.append(margin);
    result.append(*text, at, std::min(end + 1, text->size()));
    COTERIE_RETURN_IF_ERROR(heap.spend(1));
    COTERIE_RETURN_IF_ERROR(heap.afford(result.memory_bytes() + margin.memory_bytes()));
  }
  *out = heap.string(std::move(result));
  return {};
}

Status items(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  if (!value.is_undefined()) return items_of_dict(heap, value, out);
  *out = heap.list({});
  return {};
}

Status round(Heap&, const Value& value, const Arguments& arguments, Value* out) {
  Value precision = Value::from_int(0);
  int64_t digits = 0;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"precision"}, &precision));
  COTERIE_RETURN_IF_ERROR(want_int(precision, "precision", &digits));
  if (!value.is_number() || std::abs(digits) > 15) return cannot("round", value);
  const double scale = std::pow(10.0, static_cast<double>(digits));
  *out = Value::from_float(std::nearbyint(value.as_float() * scale) / scale);
  return {};
}

constexpr std::pair<std::string_view, Filter> kFilters[] = {
    {"safe", safe},
    {"string", string},
    {"default", default_value},
    {"d", default_value},
    {"tojson", to_json},
    {"from_json", from_json},
    {"fromjson", from_json},
    {"int", to_int},
    {"float", to_float},
    {"abs", absolute},
    {"round", round},
    {"length", length},
    {"count", length},
    {"trim", trim},
    {"upper", change_letters<upper>},
    {"lower", change_letters<lower>},
    {"title", change_letters<titled>},
    {"capitalize", change_letters<capitalized>},
    {"replace", replace_filter},
    {"indent", indent},
    {"items", items},
    {"list", list_filters::list},
    {"first", list_filters::first},
    {"last", list_filters::last},
    {"reverse", list_filters::reverse},
    {"join", list_filters::join},
    {"unique", list_filters::unique},
    {"sort", list_filters::sort},
    {"dictsort", list_filters::dictsort},
    {"map", list_filters::map},
    {"select", list_filters::select},
    {"reject", list_filters::reject},
    {"selectattr", list_filters::selectattr},
    {"rejectattr", list_filters::rejectattr},
    {"max", list_filters::max},
    {"min", list_filters::min},
    {"sum", list_filters::sum},
};

}  // namespace

Status find_filter(std::string_view name, Filter* out) {
  for (const auto& [known, filter] : kFilters) {
    *out = filter;
    if (known == name) return {};
  }
  return Error(Code::kUnsupported, "the filter \"%.*s\"", static_cast<int>(std::min<size_t>(name.size(), 40)),
               name.data());
}

}  // namespace coterie::jinja
