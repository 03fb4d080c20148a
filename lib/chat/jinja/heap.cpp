#include "chat/jinja/heap.h"

#include <utility>

namespace coterie::jinja {
namespace {

// Levels of nesting of what is evaluated: each takes a few hundred bytes of stack.
constexpr int kMaxDepth = 200;

}  // namespace

const Value* Dict::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key->bytes() == key) return &entry.value;
  }
  return nullptr;
}

void Dict::set(const MarkedText* key, const Value& value) {
  for (Entry& entry : entries) {
    if (entry.key->bytes() != key->bytes()) continue;
    entry.value = value;
    return;
  }
  entries.push_back({key, value});
}

const char* type_name(const Value& value) {
  switch (value.type) {
    case Value::Type::kUndefined: return "undefined";
    case Value::Type::kNone: return "none";
    case Value::Type::kBool: return "a boolean";
    case Value::Type::kInt: return "an integer";
    case Value::Type::kFloat: return "a float";
    case Value::Type::kString: return "a string";
    case Value::Type::kList: return "a list";
    case Value::Type::kDict: return "a mapping";
    case Value::Type::kNamespace: return "a namespace";
    case Value::Type::kCallable: return "a function";
  }
  return "unknown";
}

bool is_true(const Value& value) {
  switch (value.type) {
    case Value::Type::kUndefined:
    case Value::Type::kNone: return false;
    case Value::Type::kBool: return value.boolean;
    case Value::Type::kInt: return value.integer != 0;
    case Value::Type::kFloat: return value.number != 0;
    case Value::Type::kString: return !value.string->empty();
    case Value::Type::kList: return !value.list->items.empty();
    case Value::Type::kDict: return !value.dict->entries.empty();
    case Value::Type::kNamespace:
    case Value::Type::kCallable: return true;
  }
  return false;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& variable : variables) {
    if (variable.first == name) {
      variable.second = value;
      return;
    }
  }
  variables.emplace_back(name, value);
}

const Value* Scope::find(std::string_view name) const {
  for (const auto& variable : variables) {
    if (variable.first == name) return &variable.second;
  }
  return nullptr;
}

Value Heap::string(MarkedText text) {
  pay(text.memory_bytes());
  strings_.push_back(std::move(text));
  Value v = Value::of(Value::Type::kString);
  v.string = &strings_.back();
  return v;
}

const MarkedText* Heap::key(std::string_view bytes) { return string(MarkedText(bytes, false)).string; }

Value Heap::list(std::vector<Value> items) {
  pay(items.size() * sizeof(Value));
  lists_.push_back({std::move(items)});
  Value v = Value::of(Value::Type::kList);
  v.list = &lists_.back();
  return v;
}

Value Heap::dict(Dict dict) {
  pay(dict.entries.size() * sizeof(Dict::Entry));
  dicts_.push_back(std::move(dict));
  Value v = Value::of(Value::Type::kDict);
  v.dict = &dicts_.back();
  return v;
}

Value Heap::space(Dict fields) {
  pay(fields.entries.size() * sizeof(Dict::Entry));
  dicts_.push_back(std::move(fields));
  Value v = Value::of(Value::Type::kNamespace);
  v.fields = &dicts_.back();
  return v;
}

Value Heap::callable(const Callable& callable) {
  pay(sizeof callable);
  callables_.push_back(callable);
  Value v = Value::of(Value::Type::kCallable);
  v.callable = &callables_.back();
  return v;
}

Value Heap::function(Callable::Function function) {
  Callable c;
  c.function = function;
  return callable(c);
}

Value Heap::method(Callable::Method method, const Value& self) {
  Callable c;
  c.method = method;
  c.self = self;
  return callable(c);
}

Scope* Heap::scope(Scope* parent) {
  pay(sizeof(Scope) + 4 * sizeof(Value));
  scopes_.push_back({parent, {}});
  return &scopes_.back();
}

Status Heap::spend(uint64_t n_steps) {
  n_steps_ += n_steps;
  if (n_steps_ > limits_.n_steps) {
    return Error(Code::kUnsupported, "rendering takes more than %llu steps, the limit",
                 static_cast<unsigned long long>(limits_.n_steps));
  }
  return afford(0);
}

Status Heap::afford(uint64_t n_bytes) const {
  if (n_bytes <= limits_.n_bytes && n_bytes_ <= limits_.n_bytes - n_bytes) return {};
  return Error(Code::kUnsupported, "rendering takes more than %llu bytes of values, the limit",
               static_cast<unsigned long long>(limits_.n_bytes));
}

Status Heap::Level::check() const {
  if (depth_ <= kMaxDepth) return {};
  return Error(Code::kUnsupported, "nested deeper than %d levels, the limit", kMaxDepth);
}

}  // namespace coterie::jinja
