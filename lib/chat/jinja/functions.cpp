// The functions that every template knows.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "chat/jinja/arguments.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/operators.h"

namespace coterie::jinja {
namespace {

Status range(Heap& heap, const Arguments& arguments, Value* out) {
  Value given[3];
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"start", "stop", "step"}, given));
  int64_t start = 0, stop = 0, step = 1;
  if (given[1].is_undefined()) {
    COTERIE_RETURN_IF_ERROR(want_int(given[0], "stop", &stop));
  } else {
    COTERIE_RETURN_IF_ERROR(want_int(given[0], "start", &start));
    COTERIE_RETURN_IF_ERROR(want_int(given[1], "stop", &stop));
  }
  if (!given[2].is_undefined()) COTERIE_RETURN_IF_ERROR(want_int(given[2], "step", &step));
  if (step == 0) return Error(Code::kUnsupported, "range with step 0");
  std::vector<Value> items;
  while (step > 0 ? start < stop : start > stop) {
    COTERIE_RETURN_IF_ERROR(heap.spend(1));
    COTERIE_RETURN_IF_ERROR(heap.afford(items.size() * sizeof(Value)));
    items.push_back(Value::from_int(start));
    if (__builtin_add_overflow(start, step, &start)) break;
  }
  *out = heap.list(std::move(items));
  return {};
}

Status copy_fields(Heap& heap, const Arguments& arguments, Dict* out) {
  for (const Value& source : arguments.positional) {
    if (!source.is(Value::Type::kDict)) return cannot("copy the fields of", source);
    COTERIE_RETURN_IF_ERROR(heap.spend(source.dict->entries.size()));
    out->entries.insert(out->entries.end(), source.dict->entries.begin(), source.dict->entries.end());
  }
  for (const auto& [name, value] : arguments.keyword) out->set(heap.key(name), value);
  return {};
}

Status make_namespace(Heap& heap, const Arguments& arguments, Value* out) {
  Dict fields;
  COTERIE_RETURN_IF_ERROR(copy_fields(heap, arguments, &fields));
  *out = heap.space(std::move(fields));
  return {};
}

Status make_dict(Heap& heap, const Arguments& arguments, Value* out) {
  Dict dict;
  COTERIE_RETURN_IF_ERROR(copy_fields(heap, arguments, &dict));
  *out = heap.dict(std::move(dict));
  return {};
}

Status raise_exception(Heap&, const Arguments& arguments, Value*) {
  Value message;
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"message"}, &message));
  COTERIE_RETURN_IF_ERROR(want_string(message, "the message", &text));
  const std::string shown(text->bytes().substr(0, 300));
  return Error(Code::kInvalidArgument, "the template refuses these messages: %s", shown.c_str());
}

std::string padded(const char* format, int number) {
  char text[16];
  snprintf(text, sizeof text, format, number);
  return text;
}
std::string two_digits(int number) { return padded("%02d", number); }

// One conversion of strftime in the C locale; false for one that is not known.
bool format_date(const Date& d, char conversion, std::string* out) {
  static constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                          "May",       "June",     "July",     "August",
                                                          "September", "October",  "November", "December"};
  static constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
  const std::string month = kMonths[static_cast<size_t>(d.month - 1)], day = kDays[static_cast<size_t>(d.weekday)];
  const int hour = d.hour % 12 == 0 ? 12 : d.hour % 12;
  switch (conversion) {
    case 'Y': *out += std::to_string(d.year); return true;
    case 'y': *out += two_digits(d.year % 100); return true;
    case 'm': *out += two_digits(d.month); return true;
    case 'B': *out += month; return true;
    case 'b': *out += month.substr(0, 3); return true;
    case 'd': *out += two_digits(d.day); return true;
    case 'e': *out += padded("%2d", d.day); return true;
    case 'j': *out += padded("%03d", d.day_of_year); return true;
    case 'A': *out += day; return true;
    case 'a': *out += day.substr(0, 3); return true;
    case 'H': *out += two_digits(d.hour); return true;
    case 'I': *out += two_digits(hour); return true;
    case 'M': *out += two_digits(d.minute); return true;
    case 'S': *out += two_digits(d.second); return true;
    case 'p': *out += d.hour < 12 ? "AM" : "PM"; return true;
    case '%': *out += '%'; return true;
    default: return false;
  }
}

Status strftime_now(Heap& heap, const Arguments& arguments, Value* out) {
  Value given;
  const MarkedText* format = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"format"}, &given));
  COTERIE_RETURN_IF_ERROR(want_string(given, "the format", &format));
  COTERIE_RETURN_IF_ERROR(heap.spend_scan(format->size(), 1024));
  std::string text;
  const std::string_view source = format->bytes();
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '%') {
      text += source[i];
      continue;
    }
    const bool is_short = i + 1 < source.size() && source[i + 1] == '-';  // without leading zeros
    i += is_short ? 2 : 1;
    std::string part;
    if (i >= source.size() || !format_date(heap.date(), source[i], &part)) {
      return Error(Code::kUnsupported, "strftime_now with an unknown conversion");
    }
    if (is_short) part.erase(0, std::min(part.find_first_not_of("0 "), part.size() - 1));
    text += part;
  }
  *out = heap.string(MarkedText(text, format->has_foreign()));
  return {};
}

constexpr std::pair<std::string_view, Callable::Function> kFunctions[] = {{"range", range},
                                                                          {"namespace", make_namespace},
                                                                          {"dict", make_dict},
                                                                          {"raise_exception", raise_exception},
                                                                          {"strftime_now", strftime_now}};

}  // namespace

Callable::Function find_function(std::string_view name) {
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  return nullptr;
}

}  // namespace coterie::jinja
