#include "chat/jinja/operators.h"

#include <algorithm>
#include <cmath>

#include "chat/jinja/methods.h"
#include "chat/jinja/strings.h"

namespace coterie::jinja {
namespace {

using Type = Value::Type;

Status out_of_range() { return Error(Code::kUnsupported, "a number beyond 64 bits"); }

Status integer_power(int64_t base, int64_t exponent, Value* out) {
  int64_t result = 1;
  if (base == 0 || base == 1 || base == -1) {
    result = exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base;
  } else {
    for (int64_t i = 0; i < exponent; ++i) {
      if (__builtin_mul_overflow(result, base, &result)) return out_of_range();
    }
  }
  *out = Value::from_int(result);
  return {};
}

Status integer_arithmetic(Operator op, int64_t a, int64_t b, Value* out) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case Operator::kAdd: overflow = __builtin_add_overflow(a, b, &result); break;
    case Operator::kSubtract: overflow = __builtin_sub_overflow(a, b, &result); break;
    case Operator::kMultiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    case Operator::kPower: return integer_power(a, b, out);
    default:  // rounded down, as in Python
      if (b == -1) {
        overflow = op == Operator::kFloorDivide && __builtin_sub_overflow(int64_t{0}, a, &result);
      } else {
        const int64_t quotient = a / b - (a % b != 0 && (a < 0) != (b < 0));
        result = op == Operator::kFloorDivide ? quotient : a - quotient * b;
      }
  }
  if (overflow) return out_of_range();
  *out = Value::from_int(result);
  return {};
}

Status float_arithmetic(Operator op, double a, double b, Value* out) {
  double result = 0;
  switch (op) {
    case Operator::kAdd: result = a + b; break;
    case Operator::kSubtract: result = a - b; break;
    case Operator::kMultiply: result = a * b; break;
    case Operator::kDivide: result = a / b; break;
    case Operator::kFloorDivide: result = std::floor(a / b); break;
    case Operator::kModulo: result = a - std::floor(a / b) * b; break;
    default: result = std::pow(a, b);
  }
  if (!std::isfinite(result)) return out_of_range();
  *out = Value::from_float(result);
  return {};
}

Status number_arithmetic(Operator op, const Value& left, const Value& right, Value* out) {
  const bool divides = op == Operator::kDivide || op == Operator::kFloorDivide || op == Operator::kModulo;
  if (divides && right.as_float() == 0) return Error(Code::kUnsupported, "division by zero");
  const bool in_integers =
      left.is_int() && right.is_int() && op != Operator::kDivide && (op != Operator::kPower || right.as_int() >= 0);
  return in_integers ? integer_arithmetic(op, left.as_int(), right.as_int(), out)
                     : float_arithmetic(op, left.as_float(), right.as_float(), out);
}

Status repeat(Heap& heap, const Value& what, int64_t times, Value* out) {
  const uint64_t n = times < 0 ? 0 : static_cast<uint64_t>(times);
  const uint64_t one = what.is_string() ? what.string->memory_bytes() + 1 : what.list->items.size() * sizeof(Value) + 1;
  if (n > UINT64_MAX / one) return heap.afford(UINT64_MAX);
  COTERIE_RETURN_IF_ERROR(heap.afford(n * one));
  if (what.is_string()) {
    MarkedText text;
    for (uint64_t i = 0; i < n; ++i) text.append(*what.string);
    *out = heap.string(std::move(text));
    return heap.spend(n);
  }
  std::vector<Value> items;
  for (uint64_t i = 0; i < n; ++i) items.insert(items.end(), what.list->items.begin(), what.list->items.end());
  *out = heap.list(std::move(items));
  return heap.spend(n);
}

Status concatenate(Heap& heap, const Value& left, const Value& right, Value* out) {
  MarkedText text;
  COTERIE_RETURN_IF_ERROR(print(heap, left, &text));
  COTERIE_RETURN_IF_ERROR(print(heap, right, &text));
  *out = heap.string(std::move(text));
  return {};
}

Status equal_lists(Heap& heap, const List& left, const List& right, bool* out) {
  *out = left.items.size() == right.items.size();
  for (size_t i = 0; *out && i < left.items.size(); ++i) {
    COTERIE_RETURN_IF_ERROR(equal(heap, left.items[i], right.items[i], out));
  }
  return {};
}

Status equal_dicts(Heap& heap, const Dict& left, const Dict& right, bool* out) {
  *out = left.entries.size() == right.entries.size();
  for (size_t i = 0; *out && i < left.entries.size(); ++i) {
    COTERIE_RETURN_IF_ERROR(heap.spend(1 + right.entries.size() / 8));
    const Value* other = right.find(left.entries[i].key->bytes());
    *out = other != nullptr;
    if (*out) COTERIE_RETURN_IF_ERROR(equal(heap, left.entries[i].value, *other, out));
  }
  return {};
}

Status contains(Heap& heap, const Value& container, const Value& what, bool* out) {
  *out = false;
  switch (container.type) {
    case Type::kUndefined: return {};
    case Type::kString:
      if (!what.is_string()) return cannot("look in a string for", what);
      COTERIE_RETURN_IF_ERROR(heap.spend_scan(container.bytes().size(), what.bytes().size()));
      *out = container.bytes().find(what.bytes()) != std::string_view::npos;
      return {};
    case Type::kList:
      for (const Value& one : container.list->items) {
        COTERIE_RETURN_IF_ERROR(equal(heap, one, what, out));
        if (*out) break;
      }
      return {};
    case Type::kDict:
      COTERIE_RETURN_IF_ERROR(heap.spend(container.dict->entries.size() / 8));
      *out = what.is_string() && container.dict->find(what.bytes()) != nullptr;
      return {};
    default: return cannot("look for something in", container);
  }
}

// Python's slice.indices: the first index, and how many follow at this step.
Status slice_range(const Value& start, const Value& stop, const Value& step, int64_t length, int64_t* first, int64_t* n,
                   int64_t* stride) {
  for (const Value* part : {&start, &stop, &step}) {
    if (!part->is_none() && !part->is_int()) return cannot("slice with", *part);
  }
  *stride = step.is_none() ? 1 : step.as_int();
  if (*stride == 0) return Error(Code::kUnsupported, "a slice with step 0");
  *stride = std::max<int64_t>(*stride, -INT64_MAX);
  const bool backwards = *stride < 0;
  const auto clamped = [&](const Value& v, int64_t otherwise) {
    if (v.is_none()) return otherwise;
    const int64_t i = v.as_int() < 0 ? v.as_int() + length : v.as_int();
    return backwards ? std::clamp<int64_t>(i, -1, length - 1) : std::clamp<int64_t>(i, 0, length);
  };
  *first = clamped(start, backwards ? length - 1 : 0);
  const int64_t last = clamped(stop, backwards ? -1 : length);
  const int64_t distance = backwards ? *first - last : last - *first;
  const int64_t size = backwards ? -*stride : *stride;
  *n = distance <= 0 ? 0 : (distance - 1) / size + 1;
  return {};
}

Status print_quoted(Heap& heap, const Value& value, MarkedText* out) {
  if (!value.is_string()) return value.is_undefined() ? cannot("print", value) : print(heap, value, out);
  out->append(quoted(value.bytes()), value.string->has_foreign());
  return heap.spend_scan(value.bytes().size());
}

Status print_list(Heap& heap, const List& list, MarkedText* out) {
  out->append("[", false);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out->append(", ", false);
    COTERIE_RETURN_IF_ERROR(print_quoted(heap, list.items[i], out));
  }
  out->append("]", false);
  return {};
}

Status print_dict(Heap& heap, const Dict& dict, MarkedText* out) {
  out->append("{", false);
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    const Dict::Entry& entry = dict.entries[i];
    if (i > 0) out->append(", ", false);
    out->append(quoted(entry.key->bytes()), entry.key->has_foreign());
    out->append(": ", false);
    COTERIE_RETURN_IF_ERROR(print_quoted(heap, entry.value, out));
  }
  out->append("}", false);
  return {};
}

}  // namespace

Status cannot(const char* what, const Value& value) {
  if (value.is_undefined() && value.name != nullptr) {
    return Error(Code::kUnsupported, "cannot %s \"%.100s\", which is undefined", what, value.name->c_str());
  }
  return Error(Code::kUnsupported, "cannot %s %s", what, type_name(value));
}

Status arithmetic(Heap& heap, Operator op, const Value& left, const Value& right, Value* out) {
  if (op == Operator::kConcatenate) return concatenate(heap, left, right, out);
  if (left.is_number() && right.is_number()) return number_arithmetic(op, left, right, out);
  if (op == Operator::kAdd && left.is_string() && right.is_string()) return concatenate(heap, left, right, out);
  if (op == Operator::kAdd && left.is(Type::kList) && right.is(Type::kList)) {
    std::vector<Value> items = left.list->items;
    items.insert(items.end(), right.list->items.begin(), right.list->items.end());
    *out = heap.list(std::move(items));
    return heap.spend(out->list->items.size() / 8);
  }
  const auto repeats = [](const Value& v) { return v.is_string() || v.is(Type::kList); };
  if (op == Operator::kMultiply && repeats(left) && right.is_int()) return repeat(heap, left, right.as_int(), out);
  if (op == Operator::kMultiply && repeats(right) && left.is_int()) return repeat(heap, right, left.as_int(), out);
  if (left.is_undefined()) return cannot("calculate with", left);
  if (right.is_undefined()) return cannot("calculate with", right);
  return Error(Code::kUnsupported, "cannot calculate with %s and %s", type_name(left), type_name(right));
}

Status equal(Heap& heap, const Value& left, const Value& right, bool* out) {
  const Heap::Level level(heap);
  COTERIE_RETURN_IF_ERROR(level.check());
  COTERIE_RETURN_IF_ERROR(heap.spend(1));
  *out = false;
  if (left.is_number() && right.is_number()) {
    *out = left.is_int() && right.is_int() ? left.as_int() == right.as_int() : left.as_float() == right.as_float();
    return {};
  }
  if (left.type != right.type) return {};
  switch (left.type) {
    case Type::kString: *out = left.bytes() == right.bytes(); return heap.spend(left.bytes().size() / 64);
    case Type::kList: return equal_lists(heap, *left.list, *right.list, out);
    case Type::kDict: return equal_dicts(heap, *left.dict, *right.dict, out);
    case Type::kNamespace: *out = left.fields == right.fields; return {};
    case Type::kCallable: *out = left.callable == right.callable; return {};
    default: *out = true; return {};
  }
}

Status order(Heap& heap, const Value& left, const Value& right, int* out) {
  COTERIE_RETURN_IF_ERROR(heap.spend(1));
  if (left.is_int() && right.is_int()) {
    *out = (left.as_int() > right.as_int()) - (left.as_int() < right.as_int());
  } else if (left.is_number() && right.is_number()) {
    *out = (left.as_float() > right.as_float()) - (left.as_float() < right.as_float());
  } else if (left.is_string() && right.is_string()) {
    *out = left.bytes().compare(right.bytes());
    return heap.spend(std::min(left.bytes().size(), right.bytes().size()) / 64);
  } else {
    return Error(Code::kUnsupported, "cannot order %s and %s", type_name(left), type_name(right));
  }
  return {};
}

Status compare(Heap& heap, Operator op, const Value& left, const Value& right, bool* out) {
  int sign = 0;
  switch (op) {
    case Operator::kEqual:
    case Operator::kNotEqual:
      COTERIE_RETURN_IF_ERROR(equal(heap, left, right, out));
      *out = *out == (op == Operator::kEqual);
      return {};
    case Operator::kIn:
    case Operator::kNotIn:
      COTERIE_RETURN_IF_ERROR(contains(heap, right, left, out));
      *out = *out == (op == Operator::kIn);
      return {};
    default: break;
  }
  COTERIE_RETURN_IF_ERROR(order(heap, left, right, &sign));
  *out = op == Operator::kLess        ? sign < 0
         : op == Operator::kLessEqual ? sign <= 0
         : op == Operator::kGreater   ? sign > 0
                                      : sign >= 0;
  return {};
}

Status attribute(Heap& heap, const Value& object, std::string_view name, const std::string* shown_name, Value* out) {
  if (object.is_undefined()) return cannot("read an attribute of", object);
  *out = Value::undefined(shown_name);
  if (Callable::Method method = find_method(object, name)) {
    *out = heap.method(method, object);
  } else if (object.is(Type::kDict) || object.is(Type::kNamespace)) {
    const Dict& dict = object.is(Type::kDict) ? *object.dict : *object.fields;
    if (const Value* found = dict.find(name)) *out = *found;
    return heap.spend(dict.entries.size() / 8);
  }
  return {};
}

Status item(Heap& heap, const Value& object, const Value& key, Value* out) {
  if (object.is_undefined()) return cannot("read an item of", object);
  *out = Value::undefined(nullptr);
  if (object.is(Type::kDict) && key.is_string()) {
    COTERIE_RETURN_IF_ERROR(heap.spend(object.dict->entries.size() / 8));
    const Value* found = object.dict->find(key.bytes());
    if (found != nullptr) *out = *found;
    if (found != nullptr) return {};
  }
  if (key.is_string()) return attribute(heap, object, key.bytes(), nullptr, out);
  if (!key.is_int()) return {};
  if (object.is(Type::kList)) {
    const auto size = static_cast<int64_t>(object.list->items.size());
    const int64_t i = key.as_int() < 0 ? key.as_int() + size : key.as_int();
    if (i >= 0 && i < size) *out = object.list->items[static_cast<size_t>(i)];
  } else if (object.is_string()) {
    COTERIE_RETURN_IF_ERROR(heap.spend_scan(object.bytes().size()));
    const std::vector<size_t> offsets = character_offsets(object.bytes());
    const auto size = static_cast<int64_t>(offsets.size()) - 1;
    const int64_t i = key.as_int() < 0 ? key.as_int() + size : key.as_int();
    if (i < 0 || i >= size) return {};
    const auto at = static_cast<size_t>(i);
    *out = heap.string(object.string->part(offsets[at], offsets[at + 1]));
  }
  return {};
}

Status slice(Heap& heap, const Value& object, const Value& start, const Value& stop, const Value& step, Value* out) {
  if (!object.is(Type::kList) && !object.is_string()) return cannot("slice", object);
  std::vector<size_t> offsets;
  if (object.is_string()) {
    COTERIE_RETURN_IF_ERROR(heap.spend_scan(object.bytes().size()));
    offsets = character_offsets(object.bytes());
  }
  const size_t length = object.is_string() ? offsets.size() - 1 : object.list->items.size();
  int64_t first = 0, n = 0, stride = 1;
  COTERIE_RETURN_IF_ERROR(slice_range(start, stop, step, static_cast<int64_t>(length), &first, &n, &stride));
  COTERIE_RETURN_IF_ERROR(heap.spend(static_cast<uint64_t>(n) / 8));
  MarkedText text;
  std::vector<Value> items;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(first + i * stride);
    if (object.is_string()) {
      text.append(*object.string, offsets[at], offsets[at + 1]);
    } else {
      items.push_back(object.list->items[at]);
    }
  }
  *out = object.is_string() ? heap.string(std::move(text)) : heap.list(std::move(items));
  return {};
}

Status print(Heap& heap, const Value& value, MarkedText* out) {
  const Heap::Level level(heap);
  COTERIE_RETURN_IF_ERROR(level.check());
  COTERIE_RETURN_IF_ERROR(heap.spend(1));
  COTERIE_RETURN_IF_ERROR(heap.afford(out->memory_bytes()));
  switch (value.type) {
    case Type::kUndefined: return {};
    case Type::kNone: out->append("None", false); return {};
    case Type::kBool: out->append(value.boolean ? "True" : "False", false); return {};
    case Type::kInt: out->append(std::to_string(value.integer), false); return {};
    case Type::kFloat: out->append(float_text(value.number), false); return {};
    case Type::kString: out->append(*value.string); return {};
    case Type::kList: return print_list(heap, *value.list, out);
    case Type::kDict: return print_dict(heap, *value.dict, out);
    default: return cannot("print", value);
  }
}

Status items_of(Heap& heap, const Value& value, std::vector<Value>* out) {
  out->clear();
  switch (value.type) {
    case Type::kUndefined: return {};
    case Type::kList: *out = value.list->items; return heap.spend(out->size() / 8);
    case Type::kDict:
      for (const Dict::Entry& entry : value.dict->entries) out->push_back(heap.string(*entry.key));
      return heap.spend(out->size());
    case Type::kString: {
      COTERIE_RETURN_IF_ERROR(heap.spend(value.bytes().size()));
      const std::vector<size_t> offsets = character_offsets(value.bytes());
      for (size_t i = 0; i + 1 < offsets.size(); ++i) {
        out->push_back(heap.string(value.string->part(offsets[i], offsets[i + 1])));
      }
      return {};
    }
    default: return cannot("go over", value);
  }
}

}  // namespace coterie::jinja
