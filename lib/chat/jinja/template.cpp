#include "chat/jinja/template.h"

#include "chat/jinja/interpreter.h"
#include "chat/jinja/parser.h"

namespace coterie::jinja {

Status Template::parse(std::string_view source, std::unique_ptr<Template>* out) {
  std::unique_ptr<Template> made(new Template());
  COTERIE_RETURN_IF_ERROR(jinja::parse(source, &made->ast_));
  *out = std::move(made);
  return {};
}

Status Template::render(Heap& heap, const std::vector<std::pair<std::string_view, Value>>& variables,
                        MarkedText* out) const {
  Scope* scope = heap.scope(nullptr);
  for (const auto& [name, value] : variables) scope->set(name, value);
  return Interpreter(heap).run(ast_, scope, out);
}

bool Template::reads(std::string_view variable) const {
  for (const Expression& e : ast_.expressions) {
    if (e.kind == Expression::Kind::kName && e.name == variable) return true;
  }
  return false;
}

bool Template::names(std::string_view field) const {
  for (const Expression& e : ast_.expressions) {
    if (e.kind == Expression::Kind::kAttribute && e.name == field) return true;
    if (e.kind == Expression::Kind::kLiteral && e.literal.is_string() && e.literal.bytes() == field) return true;
  }
  return false;
}

}  // namespace coterie::jinja
