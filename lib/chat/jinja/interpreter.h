// Interpreter: walks a template's tree. One rendering, on one heap.
#pragma once

#include "chat/jinja/ast.h"
#include "chat/jinja/heap.h"

namespace coterie::jinja {

class Interpreter {
 public:
  explicit Interpreter(Heap& heap) : heap_(heap) {}

  // Runs a template with the variables of a scope, which it may change. Errors name the line.
  Status run(const Ast& ast, Scope* variables, MarkedText* out);

 private:
  enum class Flow : uint8_t { kOn, kBreak, kContinue };
  struct Loop;

  Status execute(const Block& block, Scope* scope, MarkedText* out, Flow* flow);
  Status execute(const Statement& s, Scope* scope, MarkedText* out, Flow* flow);
  Status run_if(const Statement& s, Scope* scope, MarkedText* out, Flow* flow);
  Status run_for(const Statement& s, Scope* scope, MarkedText* out, Flow* flow);
  Status run_set(const Statement& s, Scope* scope);
  Status run_call(const Statement& s, Scope* scope, MarkedText* out);
  Status run_with(const Statement& s, Scope* scope, MarkedText* out, Flow* flow);
  Status capture(const Statement& s, Scope* scope, Value* out);
  Status select_items(const Statement& s, Scope* scope, std::vector<Value>* items);
  Status assign(const std::vector<std::string>& targets, const Value& value, Scope* scope);

  Status evaluate(const Expression& e, Scope* scope, Value* out);
  Status evaluate_kind(const Expression& e, Scope* scope, Value* out);
  Status evaluate_all(const Expression& e, size_t from, Scope* scope, std::vector<Value>* out);
  Status look_up(const Expression& e, Scope* scope, Value* out);
  Status make_dict(const Expression& e, Scope* scope, Value* out);
  Status evaluate_slice(const Expression& e, Scope* scope, Value* out);
  Status evaluate_comparison(const Expression& e, Scope* scope, Value* out);
  Status evaluate_call(const Expression& e, const Value* caller, Scope* scope, Value* out);
  Status evaluate_filter(const Expression& e, Scope* scope, Value* out);
  Status evaluate_test(const Expression& e, Scope* scope, Value* out);
  Status evaluate_sign(const Expression& e, Scope* scope, Value* out);
  Status collect_arguments(const Expression& e, Scope* scope, Arguments* out);
  Status call_macro(const Callable& macro, const Arguments& arguments, const Value* caller, Value* out);
  Status bind_macro(const Macro& macro, const Arguments& arguments, Scope* scope);

  Heap& heap_;
  int line_ = 0;  // of what was last evaluated
};

}  // namespace coterie::jinja
