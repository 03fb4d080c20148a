// A chat template: a bounded Jinja engine. It reads the variables it is given and nothing else, changes nothing
// outside, and ends in an error when it takes more steps, memory or nesting than a template has reason to. Not here:
// what the variables of a chat are (chat/chat_template.h).
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/heap.h"

namespace coterie::jinja {

class Template {
 public:
  // Errors: kBadFile for source that is no template, naming the line; kUnsupported for what chat templates do not use.
  static Status parse(std::string_view source, std::unique_ptr<Template>* out);

  // Appends what the template says. The values of the variables belong to the heap. Many threads may render at once.
  // Errors: kInvalidArgument when the template raises an exception; kUnsupported for operations that fail (None + "x"),
  // for functions, filters and tests that this engine lacks, and beyond the heap's limits. They name the line.
  Status render(Heap& heap, const std::vector<std::pair<std::string_view, Value>>& variables, MarkedText* out) const;

  // Whether it uses a variable of this name, or a field or string of this name, anywhere.
  bool reads(std::string_view variable) const;
  bool names(std::string_view field) const;

 private:
  Template() = default;
  Ast ast_;
};

}  // namespace coterie::jinja
