// Source: the grammar that Jinja 3.1's parser follows. Weakest first: if-else, or, and, not, comparisons (chained), +
// -,
// ~, * / // %, **, signs; filters and tests bind strongest.
#include "chat/jinja/expression_parser.h"

#include <charconv>

namespace coterie::jinja {
namespace {

constexpr int kPowerLevel = 3;

}  // namespace

bool ExpressionParser::pass_operator(std::string_view text) {
  if (!at_operator(text)) return false;
  pass();
  return true;
}

bool ExpressionParser::pass_name(std::string_view text) {
  if (!at_name(text)) return false;
  pass();
  return true;
}

Status ExpressionParser::fail(const std::string& expected) const {
  std::string found = "the end of the template";
  switch (token().kind) {
    case Token::Kind::kText: found = "text"; break;
    case Token::Kind::kTagBegin: found = "{%"; break;
    case Token::Kind::kTagEnd: found = "%}"; break;
    case Token::Kind::kPrintBegin: found = "{{"; break;
    case Token::Kind::kPrintEnd: found = "}}"; break;
    case Token::Kind::kString: found = "a string"; break;
    case Token::Kind::kEnd: break;
    default: found.assign("\"").append(token().text, 0, 40).append("\"");
  }
  return Error(Code::kBadFile, "line %d: expected %s, found %s", token().line, expected.c_str(), found.c_str());
}

Status ExpressionParser::too_deep() const {
  return Error(Code::kUnsupported, "line %d: nested deeper than %d levels, the limit", token().line, kMaxDepth);
}

Status ExpressionParser::expect_operator(std::string_view text) {
  if (pass_operator(text)) return {};
  return fail(std::string(text));
}

Status ExpressionParser::expect_identifier(std::string* out) {
  if (!at(Token::Kind::kName)) return fail("a name");
  *out = token().text;
  pass();
  return {};
}

Expression* ExpressionParser::make(Kind kind) {
  ast_.expressions.push_back({kind, token().line});
  return &ast_.expressions.back();
}

Status ExpressionParser::expression(const Expression** out) {
  const Level level(*this);
  if (level.is_too_deep()) return too_deep();
  COTERIE_RETURN_IF_ERROR(disjunction(out));
  while (pass_name("if")) {
    Expression* conditional = make(Kind::kConditional);
    const Expression *condition = nullptr, *otherwise = nullptr;
    COTERIE_RETURN_IF_ERROR(disjunction(&condition));
    if (pass_name("else")) COTERIE_RETURN_IF_ERROR(expression(&otherwise));
    conditional->operands = {condition, *out, otherwise};
    *out = conditional;
  }
  return {};
}

Status ExpressionParser::expression_list(const Expression** out) {
  COTERIE_RETURN_IF_ERROR(expression(out));
  if (!at_operator(",")) return {};
  Expression* tuple = make(Kind::kList);
  tuple->operands = {*out};
  while (pass_operator(",")) {
    if (at(Token::Kind::kTagEnd) || at(Token::Kind::kPrintEnd) || at_operator(")") || at_operator("=")) break;
    const Expression* item = nullptr;
    COTERIE_RETURN_IF_ERROR(expression(&item));
    tuple->operands.push_back(item);
  }
  *out = tuple;
  return {};
}

Status ExpressionParser::disjunction(const Expression** out) {
  COTERIE_RETURN_IF_ERROR(conjunction(out));
  while (pass_name("or")) {
    Expression* both = make(Kind::kOr);
    const Expression* right = nullptr;
    COTERIE_RETURN_IF_ERROR(conjunction(&right));
    both->operands = {*out, right};
    *out = both;
  }
  return {};
}

Status ExpressionParser::conjunction(const Expression** out) {
  COTERIE_RETURN_IF_ERROR(negation(out));
  while (pass_name("and")) {
    Expression* both = make(Kind::kAnd);
    const Expression* right = nullptr;
    COTERIE_RETURN_IF_ERROR(negation(&right));
    both->operands = {*out, right};
    *out = both;
  }
  return {};
}

Status ExpressionParser::negation(const Expression** out) {
  if (!at_name("not")) return comparison(out);
  const Level level(*this);
  if (level.is_too_deep()) return too_deep();
  Expression* inverted = make(Kind::kNot);
  pass();
  const Expression* operand = nullptr;
  COTERIE_RETURN_IF_ERROR(negation(&operand));
  inverted->operands = {operand};
  *out = inverted;
  return {};
}

bool ExpressionParser::pass_comparison(Operator* out) {
  static constexpr std::pair<std::string_view, Operator> kSigns[] = {
      {"==", Operator::kEqual},     {"!=", Operator::kNotEqual}, {"<", Operator::kLess},
      {"<=", Operator::kLessEqual}, {">", Operator::kGreater},   {">=", Operator::kGreaterEqual}};
  for (const auto& [sign, op] : kSigns) {
    *out = op;
    if (pass_operator(sign)) return true;
  }
  *out = Operator::kIn;
  if (pass_name("in")) return true;
  *out = Operator::kNotIn;
  if (!at_name("not") || tokens_[at_ + 1].kind != Token::Kind::kName || tokens_[at_ + 1].text != "in") return false;
  pass();
  pass();
  return true;
}

Status ExpressionParser::comparison(const Expression** out) {
  COTERIE_RETURN_IF_ERROR(arithmetic(0, out));
  Expression* chain = nullptr;
  for (Operator op; pass_comparison(&op);) {
    if (chain == nullptr) {
      chain = make(Kind::kCompare);
      chain->operands = {*out};
    }
    const Expression* right = nullptr;
    COTERIE_RETURN_IF_ERROR(arithmetic(0, &right));
    chain->operators.push_back(op);
    chain->operands.push_back(right);
    *out = chain;
  }
  return {};
}

bool ExpressionParser::pass_arithmetic(int level, Operator* out) {
  static constexpr struct {
    int level;
    std::string_view sign;
    Operator op;
  } kSigns[] = {{0, "+", Operator::kAdd},      {0, "-", Operator::kSubtract},        {1, "~", Operator::kConcatenate},
                {2, "*", Operator::kMultiply}, {2, "/", Operator::kDivide},          {2, "//", Operator::kFloorDivide},
                {2, "%", Operator::kModulo},   {kPowerLevel, "**", Operator::kPower}};
  for (const auto& sign : kSigns) {
    *out = sign.op;
    if (sign.level == level && pass_operator(sign.sign)) return true;
  }
  return false;
}

Status ExpressionParser::arithmetic(int level, const Expression** out) {
  if (level > kPowerLevel) return unary(true, out);
  COTERIE_RETURN_IF_ERROR(arithmetic(level + 1, out));
  for (Operator op; pass_arithmetic(level, &op);) {
    Expression* both = make(Kind::kArithmetic);
    const Expression* right = nullptr;
    COTERIE_RETURN_IF_ERROR(arithmetic(level + 1, &right));
    both->operators = {op};
    both->operands = {*out, right};
    *out = both;
  }
  return {};
}

Status ExpressionParser::unary(bool filters, const Expression** out) {
  if (!at_operator("-") && !at_operator("+")) {
    const Expression* operand = nullptr;
    COTERIE_RETURN_IF_ERROR(primary(&operand));
    return postfix(operand, filters, out);
  }
  const Level level(*this);
  if (level.is_too_deep()) return too_deep();
  Expression* signed_value = make(at_operator("-") ? Kind::kNegate : Kind::kPlus);
  pass();
  const Expression* operand = nullptr;
  COTERIE_RETURN_IF_ERROR(unary(false, &operand));
  signed_value->operands = {operand};
  return postfix(signed_value, filters, out);
}

Status ExpressionParser::primary(const Expression** out) {
  switch (token().kind) {
    case Token::Kind::kInteger:
    case Token::Kind::kFloat: return number(out);
    case Token::Kind::kString: return string(out);
    case Token::Kind::kName: break;
    default:
      if (at_operator("(")) return parenthesis(out);
      if (at_operator("[")) return sequence("]", out);
      if (at_operator("{")) return dictionary(out);
      return fail("a value");
  }
  const std::string& name = token().text;
  Expression* e = make(Kind::kLiteral);
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    e->literal = Value::from_bool(name[0] == 't' || name[0] == 'T');
  } else if (name == "none" || name == "None") {
    e->literal = Value::none();
  } else {
    e->kind = Kind::kName;
    e->name = name;
  }
  pass();
  *out = e;
  return {};
}

Status ExpressionParser::number(const Expression** out) {
  const std::string& text = token().text;
  Expression* e = make(Kind::kLiteral);
  int64_t integer = 0;
  double real = 0;
  const char* end = text.data() + text.size();
  const bool is_float = at(Token::Kind::kFloat);
  const auto result = is_float ? std::from_chars(text.data(), end, real) : std::from_chars(text.data(), end, integer);
  if (result.ec != std::errc() || result.ptr != end) return fail("a number of 64 bits");
  e->literal = is_float ? Value::from_float(real) : Value::from_int(integer);
  pass();
  *out = e;
  return {};
}

Status ExpressionParser::string(const Expression** out) {
  Expression* e = make(Kind::kLiteral);
  ast_.texts.emplace_back();
  for (; at(Token::Kind::kString); pass()) ast_.texts.back().append(token().text, false);
  e->literal.type = Value::Type::kString;
  e->literal.string = &ast_.texts.back();
  *out = e;
  return {};
}

Status ExpressionParser::parenthesis(const Expression** out) {
  pass();
  if (at_operator(")")) {  // the empty tuple
    *out = make(Kind::kList);
  } else {
    COTERIE_RETURN_IF_ERROR(expression_list(out));
  }
  return expect_operator(")");
}

Status ExpressionParser::sequence(const char* closing, const Expression** out) {
  Expression* list = make(Kind::kList);
  pass();
  while (!pass_operator(closing)) {
    if (!list->operands.empty()) {
      COTERIE_RETURN_IF_ERROR(expect_operator(","));
      if (pass_operator(closing)) break;
    }
    const Expression* item = nullptr;
    COTERIE_RETURN_IF_ERROR(expression(&item));
    list->operands.push_back(item);
  }
  *out = list;
  return {};
}

Status ExpressionParser::dictionary(const Expression** out) {
  Expression* dict = make(Kind::kDict);
  pass();
  while (!pass_operator("}")) {
    if (!dict->operands.empty()) {
      COTERIE_RETURN_IF_ERROR(expect_operator(","));
      if (pass_operator("}")) break;
    }
    const Expression *key = nullptr, *value = nullptr;
    COTERIE_RETURN_IF_ERROR(expression(&key));
    COTERIE_RETURN_IF_ERROR(expect_operator(":"));
    COTERIE_RETURN_IF_ERROR(expression(&value));
    dict->operands.insert(dict->operands.end(), {key, value});
  }
  *out = dict;
  return {};
}

// Attributes, items and calls, and if wanted filters and tests.
Status ExpressionParser::postfix(const Expression* operand, bool filters, const Expression** out) {
  for (;;) {
    *out = operand;
    if (at_operator(".")) {
      COTERIE_RETURN_IF_ERROR(attribute(operand, &operand));
    } else if (at_operator("[")) {
      COTERIE_RETURN_IF_ERROR(subscript(operand, &operand));
    } else if (at_operator("(")) {
      Expression* call = make(Kind::kCall);
      call->operands = {operand};
      COTERIE_RETURN_IF_ERROR(arguments(call));
      operand = call;
    } else if (filters && pass_operator("|")) {
      COTERIE_RETURN_IF_ERROR(filter(operand, &operand));
    } else if (filters && at_name("is")) {
      COTERIE_RETURN_IF_ERROR(test(operand, &operand));
    } else {
      return {};
    }
  }
}

Status ExpressionParser::attribute(const Expression* operand, const Expression** out) {
  pass();
  if (at(Token::Kind::kInteger)) {  // a.0 is a[0]
    Expression* item = make(Kind::kItem);
    const Expression* index = nullptr;
    COTERIE_RETURN_IF_ERROR(number(&index));
    item->operands = {operand, index};
    *out = item;
    return {};
  }
  Expression* e = make(Kind::kAttribute);
  e->operands = {operand};
  *out = e;
  return expect_identifier(&e->name);
}

Status ExpressionParser::subscript(const Expression* operand, const Expression** out) {
  Expression* e = make(Kind::kItem);
  pass();
  e->operands = {operand};
  const Expression* part = nullptr;
  bool is_slice = false;
  for (;;) {
    if (at_operator("]") || at_operator(":")) {
      part = nullptr;
    } else {
      COTERIE_RETURN_IF_ERROR(expression(&part));
    }
    e->operands.push_back(part);
    if (!pass_operator(":")) break;
    is_slice = true;
  }
  if (is_slice && e->operands.size() <= 4) {
    e->kind = Kind::kSlice;
    e->operands.resize(4, nullptr);
  } else if (e->operands.size() != 2 || part == nullptr) {
    return fail("an index or a slice");
  }
  *out = e;
  return expect_operator("]");
}

// "(a, b, c=d)": appends to the operands and keywords of a call, filter or test.
Status ExpressionParser::arguments(Expression* call) {
  COTERIE_RETURN_IF_ERROR(expect_operator("("));
  for (bool first = true; !pass_operator(")"); first = false) {
    if (!first) {
      COTERIE_RETURN_IF_ERROR(expect_operator(","));
      if (pass_operator(")")) break;
    }
    const bool is_keyword =
        at(Token::Kind::kName) && tokens_[at_ + 1].kind == Token::Kind::kOperator && tokens_[at_ + 1].text == "=";
    const Expression* value = nullptr;
    if (is_keyword) {
      const std::string name = token().text;
      pass();
      pass();
      COTERIE_RETURN_IF_ERROR(expression(&value));
      call->keywords.push_back({name, value});
    } else if (!call->keywords.empty()) {
      return fail("a keyword argument");
    } else {
      COTERIE_RETURN_IF_ERROR(expression(&value));
      call->operands.push_back(value);
    }
  }
  return {};
}

Status ExpressionParser::filter(const Expression* operand, const Expression** out) {
  Expression* e = make(Kind::kFilter);
  e->operands = {operand};
  *out = e;
  COTERIE_RETURN_IF_ERROR(expect_identifier(&e->name));
  return at_operator("(") ? arguments(e) : Status();
}

// Whether a test's argument follows without parentheses, as in "is divisibleby 3".
bool ExpressionParser::begins_test_argument() const {
  switch (token().kind) {
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
    case Token::Kind::kString: return true;
    case Token::Kind::kOperator: return at_operator("[") || at_operator("{");
    case Token::Kind::kName:
      for (const char* word : {"if", "else", "or", "and", "not", "in", "is", "recursive"}) {
        if (at_name(word)) return false;
      }
      return true;
    default: return false;
  }
}

Status ExpressionParser::test(const Expression* operand, const Expression** out) {
  pass();
  Expression* e = make(Kind::kTest);
  e->operands = {operand};
  const bool is_negated = pass_name("not");
  COTERIE_RETURN_IF_ERROR(expect_identifier(&e->name));
  if (at_operator("(")) {
    COTERIE_RETURN_IF_ERROR(arguments(e));
  } else if (begins_test_argument()) {
    const Expression* argument = nullptr;
    COTERIE_RETURN_IF_ERROR(primary(&argument));
    COTERIE_RETURN_IF_ERROR(postfix(argument, false, &argument));
    e->operands.push_back(argument);
  }
  *out = e;
  if (is_negated) {
    Expression* inverted = make(Kind::kNot);
    inverted->operands = {e};
    *out = inverted;
  }
  return {};
}

}  // namespace coterie::jinja
