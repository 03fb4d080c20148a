// The tests behind "is". Source: Jinja 3.1's documentation, "List of Builtin Tests".
#include <algorithm>
#include <utility>

#include "chat/jinja/arguments.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/strings.h"

namespace coterie::jinja {
namespace {

using Type = Value::Type;

template <bool (*kIs)(const Value&)>
Status simple(Heap&, const Value& value, const Arguments& arguments, bool* out) {
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  *out = kIs(value);
  return {};
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_bool(const Value& v) { return v.is(Type::kBool); }
bool is_true_itself(const Value& v) { return v.is(Type::kBool) && v.boolean; }
bool is_false_itself(const Value& v) { return v.is(Type::kBool) && !v.boolean; }
bool is_integer(const Value& v) { return v.is(Type::kInt); }
bool is_float(const Value& v) { return v.is(Type::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is(Type::kDict); }
bool is_callable(const Value& v) { return v.is(Type::kCallable); }
// An undefined value counts as an empty sequence.
bool is_sequence(const Value& v) { return v.is_string() || v.is(Type::kList) || v.is(Type::kDict) || v.is_undefined(); }
bool is_lower(const Value& v) {
  return v.is_string() && v.bytes() != upper(v.bytes()) && v.bytes() == lower(v.bytes());
}
bool is_upper(const Value& v) {
  return v.is_string() && v.bytes() != lower(v.bytes()) && v.bytes() == upper(v.bytes());
}

template <int64_t kRemainder>
Status parity(Heap&, const Value& value, const Arguments& arguments, bool* out) {
  int64_t number = 0;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {}, nullptr));
  COTERIE_RETURN_IF_ERROR(want_int(value, "what is tested", &number));
  *out = (number & 1) == kRemainder;
  return {};
}

Status divisible(Heap& heap, const Value& value, const Arguments& arguments, bool* out) {
  Value by, rest;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"num"}, &by));
  COTERIE_RETURN_IF_ERROR(arithmetic(heap, Operator::kModulo, value, by, &rest));
  *out = !is_true(rest);
  return {};
}

template <Operator kOperator>
Status comparison(Heap& heap, const Value& value, const Arguments& arguments, bool* out) {
  Value other;
  COTERIE_RETURN_IF_ERROR(bind(arguments, {"other"}, &other));
  return compare(heap, kOperator, value, other, out);
}

constexpr std::pair<std::string_view, Test> kTests[] = {
    {"defined", simple<is_defined>},
    {"undefined", simple<is_undefined>},
    {"none", simple<is_none>},
    {"boolean", simple<is_bool>},
    {"true", simple<is_true_itself>},
    {"false", simple<is_false_itself>},
    {"integer", simple<is_integer>},
    {"float", simple<is_float>},
    {"number", simple<is_number>},
    {"string", simple<is_string>},
    {"mapping", simple<is_mapping>},
    {"sequence", simple<is_sequence>},
    {"iterable", simple<is_sequence>},
    {"callable", simple<is_callable>},
    {"lower", simple<is_lower>},
    {"upper", simple<is_upper>},
    {"odd", parity<1>},
    {"even", parity<0>},
    {"divisibleby", divisible},
    {"eq", comparison<Operator::kEqual>},
    {"equalto", comparison<Operator::kEqual>},
    {"sameas", comparison<Operator::kEqual>},
    {"ne", comparison<Operator::kNotEqual>},
    {"lt", comparison<Operator::kLess>},
    {"lessthan", comparison<Operator::kLess>},
    {"le", comparison<Operator::kLessEqual>},
    {"gt", comparison<Operator::kGreater>},
    {"greaterthan", comparison<Operator::kGreater>},
    {"ge", comparison<Operator::kGreaterEqual>},
    {"in", comparison<Operator::kIn>},
};

}  // namespace

Status find_test(std::string_view name, Test* out) {
  for (const auto& [known, test] : kTests) {
    *out = test;
    if (known == name) return {};
  }
  return Error(Code::kUnsupported, "the test \"%.*s\"", static_cast<int>(std::min<size_t>(name.size(), 40)),
               name.data());
}

}  // namespace coterie::jinja
