// The values of a template while it is rendered, as Jinja (that is, Python) has them. They are plain: strings, lists
// and the rest belong to a Heap, which frees them all at once, so that neither depth nor cycles of values can matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/marked_text.h"

namespace coterie::jinja {

struct Callable;
struct Dict;
struct List;

struct Value {
  enum class Type : uint8_t {
    kUndefined,
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,  // and tuples
    kDict,
    kNamespace,  // a dictionary that templates may change, and that is no mapping
    kCallable,
  };

  Type type = Type::kUndefined;
  union {
    const std::string* name = nullptr;  // of an undefined value: what was asked for, or null
    bool boolean;
    int64_t integer;
    double number;
    const MarkedText* string;
    const List* list;
    const Dict* dict;
    Dict* fields;  // of a namespace
    const Callable* callable;
  };

  static Value undefined(const std::string* name) {
    Value v;
    v.name = name;
    return v;
  }
  static Value none() { return of(Type::kNone); }
  static Value from_bool(bool b) {
    Value v = of(Type::kBool);
    v.boolean = b;
    return v;
  }
  static Value from_int(int64_t i) {
    Value v = of(Type::kInt);
    v.integer = i;
    return v;
  }
  static Value from_float(double d) {
    Value v = of(Type::kFloat);
    v.number = d;
    return v;
  }

  bool is(Type t) const { return type == t; }
  bool is_undefined() const { return type == Type::kUndefined; }
  bool is_none() const { return type == Type::kNone; }
  bool is_string() const { return type == Type::kString; }
  bool is_int() const { return type == Type::kInt || type == Type::kBool; }  // bool is an int in Python
  bool is_number() const { return is_int() || type == Type::kFloat; }
  std::string_view bytes() const { return string->bytes(); }
  int64_t as_int() const { return type == Type::kBool ? int64_t{boolean} : integer; }
  double as_float() const { return type == Type::kFloat ? number : static_cast<double>(as_int()); }

 private:
  friend class Heap;
  static Value of(Type t) {
    Value v;
    v.type = t;
    return v;
  }
};

struct List {
  std::vector<Value> items;
};

struct Dict {
  struct Entry {
    const MarkedText* key;
    Value value;
  };
  std::vector<Entry> entries;  // in the order in which they were added

  const Value* find(std::string_view key) const;
  void set(const MarkedText* key, const Value& value);  // in the place of an entry of the same key, or at the end
};

// What a function was called with.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> keyword;
};

// "a string", "undefined", ... for messages.
const char* type_name(const Value& value);

bool is_true(const Value& value);

}  // namespace coterie::jinja
