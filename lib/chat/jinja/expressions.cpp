#include <utility>

#include "chat/jinja/filters.h"
#include "chat/jinja/interpreter.h"
#include "chat/jinja/operators.h"

namespace coterie::jinja {

using Kind = Expression::Kind;

Status Interpreter::evaluate(const Expression& e, Scope* scope, Value* out) {
  const Heap::Level level(heap_);
  COTERIE_RETURN_IF_ERROR(level.check());
  line_ = e.line;
  COTERIE_RETURN_IF_ERROR(heap_.spend(1));
  return evaluate_kind(e, scope, out);
}

Status Interpreter::evaluate_kind(const Expression& e, Scope* scope, Value* out) {
  Value left, right;
  switch (e.kind) {
    case Kind::kLiteral: *out = e.literal; return {};
    case Kind::kName: return look_up(e, scope, out);
    case Kind::kList: {
      std::vector<Value> items;
      COTERIE_RETURN_IF_ERROR(evaluate_all(e, 0, scope, &items));
      *out = heap_.list(std::move(items));
      return {};
    }
    case Kind::kDict: return make_dict(e, scope, out);
    case Kind::kAttribute:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
      return attribute(heap_, left, e.name, &e.name, out);
    case Kind::kItem:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[1], scope, &right));
      return item(heap_, left, right, out);
    case Kind::kSlice: return evaluate_slice(e, scope, out);
    case Kind::kCall: return evaluate_call(e, nullptr, scope, out);
    case Kind::kFilter: return evaluate_filter(e, scope, out);
    case Kind::kTest: return evaluate_test(e, scope, out);
    case Kind::kNot:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
      *out = Value::from_bool(!is_true(left));
      return {};
    case Kind::kNegate:
    case Kind::kPlus: return evaluate_sign(e, scope, out);
    case Kind::kAnd:
    case Kind::kOr:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, out));
      return is_true(*out) == (e.kind == Kind::kAnd) ? evaluate(*e.operands[1], scope, out) : Status();
    case Kind::kArithmetic:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[1], scope, &right));
      return arithmetic(heap_, e.operators[0], left, right, out);
    case Kind::kCompare: return evaluate_comparison(e, scope, out);
    case Kind::kConditional:
      COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
      *out = Value::undefined(nullptr);
      if (is_true(left)) return evaluate(*e.operands[1], scope, out);
      return e.operands[2] == nullptr ? Status() : evaluate(*e.operands[2], scope, out);
  }
  return {};
}

Status Interpreter::evaluate_all(const Expression& e, size_t from, Scope* scope, std::vector<Value>* out) {
  for (size_t i = from; i < e.operands.size(); ++i) {
    COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[i], scope, &out->emplace_back()));
  }
  return {};
}

Status Interpreter::look_up(const Expression& e, Scope* scope, Value* out) {
  for (const Scope* s = scope; s != nullptr; s = s->parent) {
    COTERIE_RETURN_IF_ERROR(heap_.spend(s->variables.size() / 8));
    if (const Value* found = s->find(e.name)) {
      *out = *found;
      return {};
    }
  }
  const Callable::Function function = find_function(e.name);
  *out = function == nullptr ? Value::undefined(&e.name) : heap_.function(function);
  return {};
}

Status Interpreter::make_dict(const Expression& e, Scope* scope, Value* out) {
  Dict dict;
  for (size_t i = 0; i < e.operands.size(); i += 2) {
    Value key, value;
    COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[i], scope, &key));
    COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[i + 1], scope, &value));
    if (!key.is_string()) return cannot("make a key of", key);
    COTERIE_RETURN_IF_ERROR(heap_.spend(dict.entries.size() / 8));
    dict.set(key.string, value);
  }
  *out = heap_.dict(std::move(dict));
  return {};
}

Status Interpreter::evaluate_slice(const Expression& e, Scope* scope, Value* out) {
  Value parts[4] = {{}, Value::none(), Value::none(), Value::none()};
  for (size_t i = 0; i < 4; ++i) {
    if (e.operands[i] != nullptr) COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[i], scope, &parts[i]));
  }
  return slice(heap_, parts[0], parts[1], parts[2], parts[3], out);
}

// a < b < c is a < b and b < c.
Status Interpreter::evaluate_comparison(const Expression& e, Scope* scope, Value* out) {
  Value left, right;
  COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &left));
  bool holds = true;
  for (size_t i = 0; holds && i < e.operators.size(); ++i) {
    COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[i + 1], scope, &right));
    COTERIE_RETURN_IF_ERROR(compare(heap_, e.operators[i], left, right, &holds));
    left = right;
  }
  *out = Value::from_bool(holds);
  return {};
}

Status Interpreter::evaluate_sign(const Expression& e, Scope* scope, Value* out) {
  Value operand;
  COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &operand));
  if (!operand.is_number()) return cannot("put a sign before", operand);
  const Value zero = operand.is_int() ? Value::from_int(0) : Value::from_float(0);
  return arithmetic(heap_, e.kind == Kind::kNegate ? Operator::kSubtract : Operator::kAdd, zero, operand, out);
}

Status Interpreter::collect_arguments(const Expression& e, Scope* scope, Arguments* out) {
  COTERIE_RETURN_IF_ERROR(evaluate_all(e, 1, scope, &out->positional));
  for (const KeywordArgument& keyword : e.keywords) {
    COTERIE_RETURN_IF_ERROR(evaluate(*keyword.value, scope, &out->keyword.emplace_back(keyword.name, Value()).second));
  }
  return {};
}

Status Interpreter::evaluate_filter(const Expression& e, Scope* scope, Value* out) {
  Value operand;
  Arguments arguments;
  Filter filter = nullptr;
  COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &operand));
  COTERIE_RETURN_IF_ERROR(collect_arguments(e, scope, &arguments));
  COTERIE_RETURN_IF_ERROR(find_filter(e.name, &filter));
  return filter(heap_, operand, arguments, out);
}

Status Interpreter::evaluate_test(const Expression& e, Scope* scope, Value* out) {
  Value operand;
  Arguments arguments;
  Test test = nullptr;
  bool passes = false;
  COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &operand));
  COTERIE_RETURN_IF_ERROR(collect_arguments(e, scope, &arguments));
  COTERIE_RETURN_IF_ERROR(find_test(e.name, &test));
  COTERIE_RETURN_IF_ERROR(test(heap_, operand, arguments, &passes));
  *out = Value::from_bool(passes);
  return {};
}

Status Interpreter::evaluate_call(const Expression& e, const Value* caller, Scope* scope, Value* out) {
  Value callee;
  Arguments arguments;
  COTERIE_RETURN_IF_ERROR(evaluate(*e.operands[0], scope, &callee));
  if (!callee.is(Value::Type::kCallable)) return cannot("call", callee);
  COTERIE_RETURN_IF_ERROR(collect_arguments(e, scope, &arguments));
  line_ = e.line;
  const Callable& c = *callee.callable;
  if (c.function != nullptr) return c.function(heap_, arguments, out);
  if (c.method != nullptr) return c.method(heap_, c.self, arguments, out);
  return call_macro(c, arguments, caller, out);
}

Status Interpreter::bind_macro(const Macro& macro, const Arguments& arguments, Scope* scope) {
  const size_t n = arguments.positional.size();
  if (n > macro.parameters.size()) {
    return Error(Code::kUnsupported, "macro %.60s takes at most %zu arguments, not %zu", macro.name.c_str(),
                 macro.parameters.size(), n);
  }
  for (const auto& [name, value] : arguments.keyword) {
    bool is_known = false;
    for (const Parameter& parameter : macro.parameters) is_known |= parameter.name == name;
    if (!is_known) {
      return Error(Code::kUnsupported, "macro %.60s has no parameter \"%.40s\"", macro.name.c_str(),
                   std::string(name).c_str());
    }
    scope->set(name, value);
  }
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    if (i < n) scope->set(parameter.name, arguments.positional[i]);
    if (i < n || scope->find(parameter.name) != nullptr) continue;
    Value value = Value::undefined(&parameter.name);
    if (parameter.default_value != nullptr) COTERIE_RETURN_IF_ERROR(evaluate(*parameter.default_value, scope, &value));
    scope->set(parameter.name, value);
  }
  return {};
}

Status Interpreter::call_macro(const Callable& macro, const Arguments& arguments, const Value* caller, Value* out) {
  Scope* scope = heap_.scope(macro.scope);
  COTERIE_RETURN_IF_ERROR(bind_macro(*macro.macro, arguments, scope));
  if (caller != nullptr) scope->set("caller", *caller);
  MarkedText text;
  Flow flow = Flow::kOn;
  COTERIE_RETURN_IF_ERROR(execute(macro.macro->body, scope, &text, &flow));
  *out = heap_.string(std::move(text));
  return {};
}

}  // namespace coterie::jinja
