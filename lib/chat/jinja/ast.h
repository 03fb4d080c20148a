// The syntax tree of a template. Nodes belong to an Ast and point to each other.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "chat/jinja/value.h"

namespace coterie::jinja {

enum class Operator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kConcatenate,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Expression;

struct KeywordArgument {
  std::string name;
  const Expression* value;
};

struct Expression {
  enum class Kind : uint8_t {
    kLiteral,    // literal
    kName,       // name
    kList,       // operands; tuples too
    kDict,       // operands: key, value, key, value ...
    kAttribute,  // operands[0].name
    kItem,       // operands[0][operands[1]]
    kSlice,      // operands[0][operands[1]:operands[2]:operands[3]], of which all but the first may be null
    kCall,       // operands[0](operands[1], ..., keywords)
    kFilter,     // operands[0] | name(operands[1], ..., keywords)
    kTest,       // operands[0] is name(operands[1], ...)
    kNot,
    kNegate,
    kPlus,
    kAnd,
    kOr,
    kArithmetic,   // operands[0] operators[0] operands[1]
    kCompare,      // operands[0] operators[0] operands[1] operators[1] operands[2] ...
    kConditional,  // operands[1] if operands[0] else operands[2], which may be null
  };
  Kind kind;
  int line;
  Value literal = {};  // its text belongs to the Ast
  std::string name = {};
  std::vector<const Expression*> operands = {};
  std::vector<KeywordArgument> keywords = {};
  std::vector<Operator> operators = {};
};

// The name under which filters find the text of their block; no template can write it.
inline constexpr const char* kCapturedBlock = "{% %}";

struct Statement;
using Block = std::vector<const Statement*>;

struct Parameter {
  std::string name;
  const Expression* default_value;  // or null
};

struct Macro {
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
};

struct Statement {
  enum class Kind : uint8_t {
    kText,    // text
    kPrint,   // expression
    kIf,      // conditions, blocks: one more block than conditions is the else block
    kFor,     // targets, expression, conditions[0] or none; blocks: body, else
    kSet,     // targets = expression; with blocks[0], of that block, passed through expression if not null
    kMacro,   // macro
    kCall,    // expression is a call, whose caller() is macro
    kFilter,  // expression, of blocks[0]
    kWith,    // targets = operands, blocks[0]
    kBlock,   // blocks[0]
    kBreak,
    kContinue,
  };
  Kind kind;
  int line;
  MarkedText text = {};
  const Expression* expression = nullptr;
  const Expression* object = nullptr;  // of kSet: the namespace whose field targets[0] is set; or null
  std::vector<std::string> targets = {};
  std::vector<const Expression*> conditions = {};
  std::vector<const Expression*> operands = {};
  std::vector<Block> blocks = {};
  Macro macro = {};
};

struct Ast {
  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  std::deque<MarkedText> texts;  // of literals
  Block body;
};

}  // namespace coterie::jinja
