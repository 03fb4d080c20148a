#include "chat/jinja/list_filters.h"

#include <algorithm>
#include <utility>

#include "chat/jinja/arguments.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"
#include "chat/jinja/text_operations.h"

namespace coterie::jinja::list_filters {
namespace {

// What "a.b.0" leads to from an item: attributes, items and indexes. An integer is an index.
Status follow(Heap& heap, Value value, const Value& path, Value* out) {
  if (path.is_int()) return item(heap, value, path, out);
  const MarkedText* text = nullptr;
  COTERIE_RETURN_IF_ERROR(want_string(path, "attribute", &text));
  std::string_view rest = text->bytes();
  for (bool more = true; more;) {
    const size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    more = dot != rest.npos;
    if (more) rest.remove_prefix(dot + 1);
    const bool is_index = !name.empty() && name.size() < 10 && name.find_first_not_of("0123456789") == name.npos;
    const Value key = is_index ? Value::from_int(std::stoll(std::string(name))) : heap.own(name);
    if (value.is(Value::Type::kNamespace)) {
      COTERIE_RETURN_IF_ERROR(attribute(heap, value, name, nullptr, out));
    } else {
      COTERIE_RETURN_IF_ERROR(item(heap, value, key, out));
    }
    value = *out;
  }
  return {};
}

// A stable order of items by their keys, which are [items.size()].
Status sort_by(Heap& heap, const std::vector<Value>& keys, bool ignores_case, bool is_reversed,
               std::vector<size_t>* order_out) {
  std::vector<Value> folded = keys;
  for (Value& key : folded) {
    if (!ignores_case || !key.is_string()) continue;
    COTERIE_RETURN_IF_ERROR(heap.spend_scan(key.bytes().size()));
    key = remade(heap, *key.string, lower(key.bytes()));
  }
  order_out->resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) (*order_out)[i] = i;
  Status status;
  const auto comes_first = [&](size_t a, size_t b) {
    if (is_reversed) std::swap(a, b);
    int sign = 0;
    if (status.ok()) status = order(heap, folded[a], folded[b], &sign);
    return sign < 0;
  };
  std::stable_sort(order_out->begin(), order_out->end(), comes_first);
  return status;
}

Status pick(Heap& heap, const Value& value, const Arguments& arguments, bool by_attribute, bool keeps, Value* out) {
  std::vector<Value> items, kept;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  Arguments rest = arguments;
  Value path;
  if (by_attribute) {
    if (rest.positional.empty()) return Error(Code::kUnsupported, "no attribute to select by");
    path = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  Test test = nullptr;
  if (!rest.positional.empty()) {
    const MarkedText* name = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(rest.positional[0], "the test", &name));
    COTERIE_RETURN_IF_ERROR(find_test(name->bytes(), &test));
    rest.positional.erase(rest.positional.begin());
  }
  for (const Value& one : items) {
    COTERIE_RETURN_IF_ERROR(heap.spend(1));
    Value tested = one;
    if (by_attribute) COTERIE_RETURN_IF_ERROR(follow(heap, one, path, &tested));
    bool passes = is_true(tested);
    if (test != nullptr) COTERIE_RETURN_IF_ERROR(test(heap, tested, rest, &passes));
    if (passes == keeps) kept.push_back(one);
  }
  *out = heap.list(std::move(kept));
  return {};
}

Status extreme(Heap& heap, const Value& value, const Arguments& arguments, int wanted_sign, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  *out = Value::undefined(nullptr);
  for (size_t i = 0; i < items.size(); ++i) {
    int sign = wanted_sign;
    if (i > 0) COTERIE_RETURN_IF_ERROR(order(heap, items[i], *out, &sign));
    if ((sign < 0 && wanted_sign < 0) || (sign > 0 && wanted_sign > 0)) *out = items[i];
  }
  return {};
}

}  // namespace

Status list(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  *out = heap.list(std::move(items));
  return {};
}

Status first(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  *out = items.empty() ? Value::undefined(nullptr) : items.front();
  return {};
}

Status last(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  *out = items.empty() ? Value::undefined(nullptr) : items.back();
  return {};
}

Status reverse(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  std::reverse(items.begin(), items.end());
  if (!value.is_string()) {
    *out = heap.list(std::move(items));
    return {};
  }
  return jinja::join(heap, items, MarkedText(), out);
}

Status join(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[2] = {heap.own(""), {}};
  const MarkedText* separator = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"d", "attribute"}, given));
  COTERIE_RETURN_IF_ERROR(want_string(given[0], "the separator", &separator));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  for (Value& one : items) {
    if (!given[1].is_undefined()) COTERIE_RETURN_IF_ERROR(follow(heap, one, given[1], &one));
  }
  return jinja::join(heap, items, *separator, out);
}

Status unique(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  std::vector<Value> items, kept, folded;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  for (const Value& one : items) {
    const Value key = one.is_string() ? remade(heap, *one.string, lower(one.bytes())) : one;
    bool seen = false;
    for (size_t i = 0; i < folded.size() && !seen; ++i) COTERIE_RETURN_IF_ERROR(equal(heap, folded[i], key, &seen));
    if (seen) continue;
    kept.push_back(one);
    folded.push_back(key);
  }
  *out = heap.list(std::move(kept));
  return {};
}

Status sort(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[3];
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"reverse", "case_sensitive", "attribute"}, given));
  std::vector<Value> items, keys, sorted;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  keys = items;
  for (Value& key : keys) {
    if (!given[2].is_undefined()) COTERIE_RETURN_IF_ERROR(follow(heap, key, given[2], &key));
  }
  std::vector<size_t> places;
  COTERIE_RETURN_IF_ERROR(sort_by(heap, keys, !is_true(given[1]), is_true(given[0]), &places));
  for (size_t place : places) sorted.push_back(items[place]);
  *out = heap.list(std::move(sorted));
  return {};
}

Status dictsort(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[3] = {{}, heap.own("key"), {}}, pairs;
  const MarkedText* by = nullptr;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"case_sensitive", "by", "reverse"}, given));
  COTERIE_RETURN_IF_ERROR(want_string(given[1], "by", &by));
  COTERIE_RETURN_IF_ERROR(items_of_dict(heap, value, &pairs));
  std::vector<Value> keys, sorted;
  for (const Value& pair : pairs.list->items) keys.push_back(pair.list->items[by->bytes() == "value"]);
  std::vector<size_t> places;
  COTERIE_RETURN_IF_ERROR(sort_by(heap, keys, !is_true(given[0]), is_true(given[2]), &places));
  for (size_t place : places) sorted.push_back(pairs.list->items[place]);
  *out = heap.list(std::move(sorted));
  return {};
}

// map(attribute="a.b", default=x), or map("filter", arguments ...)
Status map(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  Arguments rest = arguments;
  Filter filter = nullptr;
  Value given[2];
  if (rest.positional.empty()) {
    COTERIE_RETURN_IF_ERROR(bind(arguments, {"attribute", "default"}, given));
  } else {
    const MarkedText* name = nullptr;
    COTERIE_RETURN_IF_ERROR(want_string(rest.positional[0], "the filter", &name));
    COTERIE_RETURN_IF_ERROR(find_filter(name->bytes(), &filter));
    rest.positional.erase(rest.positional.begin());
  }
  const Heap::Level level(heap);
  COTERIE_RETURN_IF_ERROR(level.check());
  for (Value& one : items) {
    COTERIE_RETURN_IF_ERROR(heap.spend(1));
    const Value before = one;
    COTERIE_RETURN_IF_ERROR(filter != nullptr ? filter(heap, before, rest, &one)
                                              : follow(heap, before, given[0], &one));
    if (filter == nullptr && one.is_undefined()) one = given[1];
  }
  *out = heap.list(std::move(items));
  return {};
}

Status select(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return pick(heap, value, arguments, false, true, out);
}
Status reject(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return pick(heap, value, arguments, false, false, out);
}
Status selectattr(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return pick(heap, value, arguments, true, true, out);
}
Status rejectattr(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return pick(heap, value, arguments, true, false, out);
}
Status max(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return extreme(heap, value, arguments, 1, out);
}
Status min(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  return extreme(heap, value, arguments, -1, out);
}

Status sum(Heap& heap, const Value& value, const Arguments& arguments, Value* out) {
  Value given[2] = {{}, Value::from_int(0)};
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"attribute", "start"}, given));
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(items_of(heap, value, &items));
  *out = given[1];
  for (Value one : items) {
    if (!given[0].is_undefined()) COTERIE_RETURN_IF_ERROR(follow(heap, one, given[0], &one));
    const Value before = *out;
    COTERIE_RETURN_IF_ERROR(heap.spend(1));
    COTERIE_RETURN_IF_ERROR(arithmetic(heap, Operator::kAdd, before, one, out));
  }
  return {};
}

}  // namespace coterie::jinja::list_filters
