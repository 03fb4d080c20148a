// Statements; expressions.cpp has the rest. Scopes as in Jinja 3.1: loops and macros have their own, "if" has none, and
// a macro sees the variables of where it was defined.
#include "chat/jinja/interpreter.h"

#include <iterator>
#include <utility>

#include "chat/jinja/operators.h"

namespace coterie::jinja {

// The variable "loop" of one loop.
struct Interpreter::Loop {
  enum Field { kIndex, kIndex0, kRevIndex, kRevIndex0, kFirst, kLast, kLength, kPrevious, kNext, kCount };

  explicit Loop(Heap& heap) {
    static const MarkedText kNames[kCount] = {{"index", false},     {"index0", false},   {"revindex", false},
                                              {"revindex0", false}, {"first", false},    {"last", false},
                                              {"length", false},    {"previtem", false}, {"nextitem", false}};
    Dict empty;
    for (const MarkedText& name : kNames) empty.entries.push_back({&name, {}});
    value = heap.space(std::move(empty));
  }

  void enter(const std::vector<Value>& items, size_t i) {
    const auto set = [this](Field field, const Value& v) { value.fields->entries[field].value = v; };
    const auto index = static_cast<int64_t>(i), n = static_cast<int64_t>(items.size());
    set(kIndex, Value::from_int(index + 1));
    set(kIndex0, Value::from_int(index));
    set(kRevIndex, Value::from_int(n - index));
    set(kRevIndex0, Value::from_int(n - index - 1));
    set(kFirst, Value::from_bool(i == 0));
    set(kLast, Value::from_bool(i + 1 == items.size()));
    set(kLength, Value::from_int(n));
    set(kPrevious, i == 0 ? Value::undefined(nullptr) : items[i - 1]);
    set(kNext, i + 1 == items.size() ? Value::undefined(nullptr) : items[i + 1]);
  }

  Value value;
};

Status Interpreter::run(const Ast& ast, Scope* variables, MarkedText* out) {
  Flow flow = Flow::kOn;
  Status status = execute(ast.body, variables, out, &flow);
  if (status.ok()) status = heap_.spend(0);
  if (status.ok()) return {};
  return Error(status.code(), "line %d: %s", line_, status.message().c_str());
}

Status Interpreter::execute(const Block& block, Scope* scope, MarkedText* out, Flow* flow) {
  const Heap::Level level(heap_);
  COTERIE_RETURN_IF_ERROR(level.check());
  for (const Statement* s : block) {
    line_ = s->line;
    COTERIE_RETURN_IF_ERROR(heap_.spend(1));
    COTERIE_RETURN_IF_ERROR(execute(*s, scope, out, flow));
    if (*flow != Flow::kOn) break;
  }
  return {};
}

Status Interpreter::execute(const Statement& s, Scope* scope, MarkedText* out, Flow* flow) {
  switch (s.kind) {
    case Statement::Kind::kText: out->append(s.text); return heap_.afford(out->memory_bytes());
    case Statement::Kind::kPrint: {
      Value value;
      COTERIE_RETURN_IF_ERROR(evaluate(*s.expression, scope, &value));
      COTERIE_RETURN_IF_ERROR(print(heap_, value, out));
      return heap_.afford(out->memory_bytes());
    }
    case Statement::Kind::kIf: return run_if(s, scope, out, flow);
    case Statement::Kind::kFor: return run_for(s, scope, out, flow);
    case Statement::Kind::kSet: return run_set(s, scope);
    case Statement::Kind::kMacro: {
      Callable c;
      c.macro = &s.macro;
      c.scope = scope;
      scope->set(s.macro.name, heap_.callable(c));
      return {};
    }
    case Statement::Kind::kCall: return run_call(s, scope, out);
    case Statement::Kind::kFilter: {
      Value value;
      COTERIE_RETURN_IF_ERROR(capture(s, scope, &value));
      return print(heap_, value, out);
    }
    case Statement::Kind::kWith: return run_with(s, scope, out, flow);
    case Statement::Kind::kBlock: return execute(s.blocks[0], scope, out, flow);
    case Statement::Kind::kBreak: *flow = Flow::kBreak; return {};
    case Statement::Kind::kContinue: *flow = Flow::kContinue; return {};
  }
  return {};
}

Status Interpreter::run_if(const Statement& s, Scope* scope, MarkedText* out, Flow* flow) {
  for (size_t i = 0; i < s.conditions.size(); ++i) {
    Value condition;
    COTERIE_RETURN_IF_ERROR(evaluate(*s.conditions[i], scope, &condition));
    if (is_true(condition)) return execute(s.blocks[i], scope, out, flow);
  }
  const bool has_else = s.blocks.size() > s.conditions.size();
  return has_else ? execute(s.blocks.back(), scope, out, flow) : Status();
}

Status Interpreter::assign(const std::vector<std::string>& targets, const Value& value, Scope* scope) {
  COTERIE_RETURN_IF_ERROR(heap_.spend(scope->variables.size() / 8));
  if (targets.size() == 1) {
    scope->set(targets[0], value);
    return {};
  }
  std::vector<Value> parts;
  COTERIE_RETURN_IF_ERROR(items_of(heap_, value, &parts));
  if (parts.size() != targets.size()) {
    return Error(Code::kUnsupported, "cannot unpack %zu values into %zu names", parts.size(), targets.size());
  }
  for (size_t i = 0; i < parts.size(); ++i) scope->set(targets[i], parts[i]);
  return {};
}

// The items of a loop, without those that its condition leaves out.
Status Interpreter::select_items(const Statement& s, Scope* scope, std::vector<Value>* items) {
  Value iterable;
  COTERIE_RETURN_IF_ERROR(evaluate(*s.expression, scope, &iterable));
  COTERIE_RETURN_IF_ERROR(items_of(heap_, iterable, items));
  if (s.conditions.empty()) return {};
  Scope* tested = heap_.scope(scope);
  std::vector<Value> kept;
  for (const Value& one : *items) {
    Value condition;
    COTERIE_RETURN_IF_ERROR(assign(s.targets, one, tested));
    COTERIE_RETURN_IF_ERROR(evaluate(*s.conditions[0], tested, &condition));
    if (is_true(condition)) kept.push_back(one);
  }
  items->swap(kept);
  return {};
}

Status Interpreter::run_for(const Statement& s, Scope* scope, MarkedText* out, Flow* flow) {
  std::vector<Value> items;
  COTERIE_RETURN_IF_ERROR(select_items(s, scope, &items));
  if (items.empty()) return s.blocks.size() > 1 ? execute(s.blocks[1], scope, out, flow) : Status();
  Scope* inner = heap_.scope(scope);
  Loop loop(heap_);
  for (size_t i = 0; i < items.size(); ++i) {
    inner->variables.clear();  // what an iteration sets ends with it
    loop.enter(items, i);
    inner->set("loop", loop.value);
    COTERIE_RETURN_IF_ERROR(assign(s.targets, items[i], inner));
    Flow inner_flow = Flow::kOn;
    COTERIE_RETURN_IF_ERROR(execute(s.blocks[0], inner, out, &inner_flow));
    if (inner_flow == Flow::kBreak) break;
  }
  return {};
}

Status Interpreter::capture(const Statement& s, Scope* scope, Value* out) {
  MarkedText text;
  Flow flow = Flow::kOn;
  Scope* inner = heap_.scope(scope);
  COTERIE_RETURN_IF_ERROR(execute(s.blocks[0], inner, &text, &flow));
  *out = heap_.string(std::move(text));
  if (s.expression == nullptr) return {};
  inner->set(kCapturedBlock, *out);
  return evaluate(*s.expression, inner, out);
}

Status Interpreter::run_set(const Statement& s, Scope* scope) {
  Value value, object;
  COTERIE_RETURN_IF_ERROR(s.blocks.empty() ? evaluate(*s.expression, scope, &value) : capture(s, scope, &value));
  if (s.object == nullptr) return assign(s.targets, value, scope);
  COTERIE_RETURN_IF_ERROR(evaluate(*s.object, scope, &object));
  if (!object.is(Value::Type::kNamespace)) return cannot("set an attribute of", object);
  COTERIE_RETURN_IF_ERROR(heap_.spend(object.fields->entries.size() / 8));
  object.fields->set(heap_.key(s.targets[0]), value);
  return {};
}

Status Interpreter::run_call(const Statement& s, Scope* scope, MarkedText* out) {
  Callable c;
  c.macro = &s.macro;
  c.scope = scope;
  const Value caller = heap_.callable(c);
  Value value;
  COTERIE_RETURN_IF_ERROR(evaluate_call(*s.expression, &caller, scope, &value));
  return print(heap_, value, out);
}

Status Interpreter::run_with(const Statement& s, Scope* scope, MarkedText* out, Flow* flow) {
  Scope* inner = heap_.scope(scope);
  for (size_t i = 0; i < s.targets.size(); ++i) {
    Value value;
    COTERIE_RETURN_IF_ERROR(evaluate(*s.operands[i], scope, &value));
    inner->set(s.targets[i], value);
  }
  return execute(s.blocks[0], inner, out, flow);
}

}  // namespace coterie::jinja
