// Heap: owns the values of one rendering and counts what it costs. A hostile template must end in an error long before
// time or memory hurt, so every step and every byte made is paid for here.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/status.h"
#include "chat/jinja/value.h"

namespace coterie::jinja {

struct Macro;
class Heap;

struct Limits {
  uint64_t n_steps = 1'000'000;  // expressions, statements, and parts of long operations
  uint64_t n_bytes = 16u << 20;  // of all values made
};

// Variables by name. Names belong to the template or are constants.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> variables;

  void set(std::string_view name, Value value);
  const Value* find(std::string_view name) const;  // in this scope alone
};

struct Callable {
  using Function = Status (*)(Heap& heap, const Arguments& arguments, Value* out);
  using Method = Status (*)(Heap& heap, const Value& self, const Arguments& arguments, Value* out);

  Function function = nullptr;  // one of these three
  Method method = nullptr;
  const Macro* macro = nullptr;
  Value self;              // of a method
  Scope* scope = nullptr;  // where a macro was defined
};

// When a template asks what day it is.
struct Date {
  int year = 1970, month = 1, day = 1;  // from 1
  int hour = 0, minute = 0, second = 0;
  int weekday = 4, day_of_year = 1;  // from 0 (Sunday), from 1
};

class Heap {
 public:
  Heap(const Limits& limits, const Date& date) : limits_(limits), date_(date) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Value string(MarkedText text);
  Value own(std::string_view bytes) { return string(MarkedText(bytes, false)); }
  Value list(std::vector<Value> items);
  Value dict(Dict dict);
  Value space(Dict fields);  // a namespace
  Value callable(const Callable& callable);
  Value function(Callable::Function function);
  Value method(Callable::Method method, const Value& self);
  Scope* scope(Scope* parent);
  const MarkedText* key(std::string_view bytes);  // own bytes

  const Date& date() const { return date_; }

  // Pays for work. Errors: kUnsupported when the template has taken more than its limits allow.
  Status spend(uint64_t n_steps);
  // Whether this many bytes may still be made: asked before making what could be large.
  Status afford(uint64_t n_bytes) const;

  // Pays for looking through this many bytes, for a needle of so many.
  Status spend_scan(size_t n_bytes, size_t n_needle = 1) { return spend(n_bytes / 8 * (1 + n_needle / 128)); }

  // One level of a recursion over the template or a value; on the stack only.
  class Level {
   public:
    explicit Level(Heap& heap) : depth_(heap.depth_) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Status check() const;

   private:
    int& depth_;
  };

 private:
  void pay(uint64_t n_bytes) { n_bytes_ += n_bytes + kOverhead; }

  static constexpr uint64_t kOverhead = 64;  // of one value, about

  const Limits limits_;
  const Date date_;
  uint64_t n_steps_ = 0, n_bytes_ = 0;
  int depth_ = 0;
  std::deque<MarkedText> strings_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Callable> callables_;
  std::deque<Scope> scopes_;
};

}  // namespace coterie::jinja
