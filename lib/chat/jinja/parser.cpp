#include "chat/jinja/parser.h"

#include <initializer_list>
#include <utility>

#include "chat/jinja/expression_parser.h"

namespace coterie::jinja {
namespace {

constexpr size_t kMaxSourceBytes = 256u << 10;

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Status run() {
    COTERIE_RETURN_IF_ERROR(block({}, &ast_.body));
    return at(Token::Kind::kEnd) ? Status() : fail("a statement");
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  Statement* make_statement(Statement::Kind kind) {
    ast_.statements.push_back({kind, token().line});
    return &ast_.statements.back();
  }

  // Statements up to a tag that begins with one of the names, of which the "{%" is passed; or up to the end.
  Status block(Names ends, Block* out) {
    const Level level(*this);
    if (level.is_too_deep()) return too_deep();
    while (!at(Token::Kind::kEnd)) {
      if (at(Token::Kind::kText)) {
        Statement* text = make_statement(Statement::Kind::kText);
        text->text.append(token().text, false);
        out->push_back(text);
        pass();
      } else if (at(Token::Kind::kPrintBegin)) {
        COTERIE_RETURN_IF_ERROR(print(out));
      } else {
        pass();  // kTagBegin
        for (std::string_view end : ends) {
          if (at_name(end)) return {};
        }
        COTERIE_RETURN_IF_ERROR(statement(out));
      }
    }
    return ends.size() == 0 ? Status() : fail(std::string(*(ends.end() - 1)));
  }

  // The rest of a tag, then a block up to one of the names.
  Status block_behind_tag(Names ends, std::vector<Block>* out) {
    COTERIE_RETURN_IF_ERROR(tag_end());
    out->emplace_back();
    return block(ends, &out->back());
  }

  Status tag_end() {
    if (!at(Token::Kind::kTagEnd)) return fail("the end of the tag");
    pass();
    return {};
  }

  Status print(Block* out) {
    pass();
    Statement* s = make_statement(Statement::Kind::kPrint);
    COTERIE_RETURN_IF_ERROR(expression_list(&s->expression));
    if (!at(Token::Kind::kPrintEnd)) return fail("}}");
    pass();
    out->push_back(s);
    return {};
  }

  Status statement(Block* out) {
    static constexpr struct {
      std::string_view name;
      Statement::Kind kind;
      Status (Parser::*parse)(Statement*);
    } kStatements[] = {
        {"if", Statement::Kind::kIf, &Parser::if_statement},
        {"for", Statement::Kind::kFor, &Parser::for_statement},
        {"set", Statement::Kind::kSet, &Parser::set_statement},
        {"macro", Statement::Kind::kMacro, &Parser::macro_statement},
        {"call", Statement::Kind::kCall, &Parser::call_statement},
        {"filter", Statement::Kind::kFilter, &Parser::filter_statement},
        {"with", Statement::Kind::kWith, &Parser::with_statement},
        {"generation", Statement::Kind::kBlock, &Parser::generation_statement},
        {"break", Statement::Kind::kBreak, &Parser::loop_control},
        {"continue", Statement::Kind::kContinue, &Parser::loop_control},
    };
    for (const auto& known : kStatements) {
      if (!at_name(known.name)) continue;
      Statement* s = make_statement(known.kind);
      pass();
      COTERIE_RETURN_IF_ERROR((this->*known.parse)(s));
      COTERIE_RETURN_IF_ERROR(tag_end());
      out->push_back(s);
      return {};
    }
    for (std::string_view other : {"include", "import", "from", "extends", "block", "do", "autoescape", "trans"}) {
      if (!at_name(other)) continue;
      return Error(Code::kUnsupported, "line %d: the statement \"%s\"", token().line, token().text.c_str());
    }
    return fail("a statement");
  }

  Status if_statement(Statement* s) {
    do {
      const Expression* condition = nullptr;
      COTERIE_RETURN_IF_ERROR(expression(&condition));
      s->conditions.push_back(condition);
      COTERIE_RETURN_IF_ERROR(block_behind_tag({"elif", "else", "endif"}, &s->blocks));
    } while (pass_name("elif"));
    if (pass_name("else")) COTERIE_RETURN_IF_ERROR(block_behind_tag({"endif"}, &s->blocks));
    pass();  // endif
    return {};
  }

  Status targets(std::vector<std::string>* out) {
    const bool is_closed = pass_operator("(");
    do {
      COTERIE_RETURN_IF_ERROR(expect_identifier(&out->emplace_back()));
    } while (pass_operator(","));
    return is_closed ? expect_operator(")") : Status();
  }

  Status for_statement(Statement* s) {
    COTERIE_RETURN_IF_ERROR(targets(&s->targets));
    if (!pass_name("in")) return fail("\"in\"");
    COTERIE_RETURN_IF_ERROR(disjunction(&s->expression));
    if (pass_name("if")) {
      s->conditions.push_back(nullptr);
      COTERIE_RETURN_IF_ERROR(expression(&s->conditions[0]));
    }
    if (at_name("recursive")) return Error(Code::kUnsupported, "line %d: a recursive loop", token().line);
    COTERIE_RETURN_IF_ERROR(block_behind_tag({"else", "endfor"}, &s->blocks));
    if (pass_name("else")) COTERIE_RETURN_IF_ERROR(block_behind_tag({"endfor"}, &s->blocks));
    pass();  // endfor
    return {};
  }

  Status set_statement(Statement* s) {
    COTERIE_RETURN_IF_ERROR(targets(&s->targets));
    if (s->targets.size() == 1 && pass_operator(".")) {
      Expression* object = make(Kind::kName);
      object->name = s->targets[0];
      s->object = object;
      COTERIE_RETURN_IF_ERROR(expect_identifier(&s->targets[0]));
    }
    if (pass_operator("=")) return expression_list(&s->expression);
    if (pass_operator("|")) COTERIE_RETURN_IF_ERROR(filters(&s->expression));
    COTERIE_RETURN_IF_ERROR(block_behind_tag({"endset"}, &s->blocks));
    pass();
    return {};
  }

  // One or more filters over what a block will say.
  Status filters(const Expression** out) {
    Expression* block = make(Kind::kName);
    block->name = kCapturedBlock;
    *out = block;
    do {
      COTERIE_RETURN_IF_ERROR(filter(*out, out));
    } while (pass_operator("|"));
    return {};
  }

  Status parameters(std::vector<Parameter>* out) {
    COTERIE_RETURN_IF_ERROR(expect_operator("("));
    for (bool first = true; !pass_operator(")"); first = false) {
      if (!first) {
        COTERIE_RETURN_IF_ERROR(expect_operator(","));
        if (pass_operator(")")) break;
      }
      Parameter p{};
      COTERIE_RETURN_IF_ERROR(expect_identifier(&p.name));
      if (pass_operator("=")) COTERIE_RETURN_IF_ERROR(expression(&p.default_value));
      out->push_back(std::move(p));
    }
    return {};
  }

  Status macro_body(std::string_view end, Macro* macro) {
    COTERIE_RETURN_IF_ERROR(tag_end());
    COTERIE_RETURN_IF_ERROR(block({end}, &macro->body));
    pass();
    return {};
  }

  Status macro_statement(Statement* s) {
    COTERIE_RETURN_IF_ERROR(expect_identifier(&s->macro.name));
    COTERIE_RETURN_IF_ERROR(parameters(&s->macro.parameters));
    return macro_body("endmacro", &s->macro);
  }

  Status call_statement(Statement* s) {
    s->macro.name = "caller";
    if (at_operator("(")) COTERIE_RETURN_IF_ERROR(parameters(&s->macro.parameters));
    COTERIE_RETURN_IF_ERROR(expression(&s->expression));
    if (s->expression->kind != Kind::kCall) return fail("a call");
    return macro_body("endcall", &s->macro);
  }

  Status filter_statement(Statement* s) {
    COTERIE_RETURN_IF_ERROR(filters(&s->expression));
    COTERIE_RETURN_IF_ERROR(block_behind_tag({"endfilter"}, &s->blocks));
    pass();
    return {};
  }

  Status with_statement(Statement* s) {
    while (!at(Token::Kind::kTagEnd)) {
      if (!s->targets.empty()) COTERIE_RETURN_IF_ERROR(expect_operator(","));
      COTERIE_RETURN_IF_ERROR(expect_identifier(&s->targets.emplace_back()));
      COTERIE_RETURN_IF_ERROR(expect_operator("="));
      COTERIE_RETURN_IF_ERROR(expression(&s->operands.emplace_back()));
    }
    COTERIE_RETURN_IF_ERROR(block_behind_tag({"endwith"}, &s->blocks));
    pass();
    return {};
  }

  // Hugging Face's tag around what an assistant says; it has no effect on the text.
  Status generation_statement(Statement* s) {
    COTERIE_RETURN_IF_ERROR(block_behind_tag({"endgeneration"}, &s->blocks));
    pass();
    return {};
  }

  Status loop_control(Statement*) { return {}; }
};

}  // namespace

Status parse(std::string_view source, Ast* out) {
  if (source.size() > kMaxSourceBytes) {
    return Error(Code::kUnsupported, "%zu bytes, at most %zu are supported", source.size(), kMaxSourceBytes);
  }
  std::vector<Token> tokens;
  COTERIE_RETURN_IF_ERROR(tokenize(source, &tokens));
  return Parser(std::move(tokens), out).run();
}

}  // namespace coterie::jinja
