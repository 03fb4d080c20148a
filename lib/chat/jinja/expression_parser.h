// ExpressionParser: what stands inside of the tags. The statements around it are parser.cpp's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/lexer.h"

namespace coterie::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, Ast* ast) : ast_(*ast), tokens_(std::move(tokens)) {}

 protected:
  using Kind = Expression::Kind;

  // One level of a recursion over the source.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : depth_(parser.depth_) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool is_too_deep() const { return depth_ > kMaxDepth; }

   private:
    int& depth_;
  };

  Status expression(const Expression** out);       // without "if" for kFor's iterable: see disjunction
  Status expression_list(const Expression** out);  // a, b is a tuple
  Status disjunction(const Expression** out);
  Status primary(const Expression** out);
  Status postfix(const Expression* operand, bool filters, const Expression** out);
  Status filter(const Expression* operand, const Expression** out);  // the name and arguments after "|"
  Status arguments(Expression* call);

  const Token& token() const { return tokens_[at_]; }
  bool at(Token::Kind kind) const { return token().kind == kind; }
  bool at_operator(std::string_view text) const { return at(Token::Kind::kOperator) && token().text == text; }
  bool at_name(std::string_view text) const { return at(Token::Kind::kName) && token().text == text; }
  bool pass_operator(std::string_view text);
  bool pass_name(std::string_view text);
  void pass() { at_ += token().kind != Token::Kind::kEnd; }
  Status expect_operator(std::string_view text);
  Status expect_identifier(std::string* out);
  Status fail(const std::string& expected) const;  // "expected X, found Y"
  Status too_deep() const;
  Expression* make(Kind kind);

  static constexpr int kMaxDepth = 64;
  Ast& ast_;

 private:
  Status conjunction(const Expression** out);
  Status negation(const Expression** out);
  Status comparison(const Expression** out);
  Status arithmetic(int level, const Expression** out);
  Status unary(bool filters, const Expression** out);
  Status number(const Expression** out);
  Status string(const Expression** out);
  Status sequence(const char* closing, const Expression** out);
  Status dictionary(const Expression** out);
  Status parenthesis(const Expression** out);
  Status subscript(const Expression* operand, const Expression** out);
  Status attribute(const Expression* operand, const Expression** out);
  Status test(const Expression* operand, const Expression** out);
  bool begins_test_argument() const;
  bool pass_comparison(Operator* out);
  bool pass_arithmetic(int level, Operator* out);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace coterie::jinja
