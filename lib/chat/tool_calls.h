// Calls of tools as models write them: which notation a model has, and its text to calls.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "chat/message.h"
#include "text/tokenizer.h"

namespace coterie {

enum class ToolSyntax : uint8_t {
  kNone,
  kDeepSeek,  // V3, R1: function<sep>name and fenced JSON; V3.1: name<sep>JSON
  kDsml,      // V3.2, V4: an element for each argument
  kTags,      // <tool_call> around JSON (Hermes, Qwen), <function=name> (Qwen3-Coder) or <arg_key> (GLM)
  kKimi,      // functions.name:index and JSON
  kLlama,     // {"name": ..., "parameters": ...} is the whole answer
  kHarmony,   // gpt-oss: a message to functions.name
};

// By the file's chat template; without one by the vocabulary.
ToolSyntax recognise_tool_syntax(const Tokenizer& tokenizer);

// How a syntax marks its regions. A region of calls goes from a beginning to an end, that of kLlama to the end of the
// answer. `tokens` are all texts that may be control tokens, beginnings and ends included.
struct ToolMarkers {
  std::span<const std::string_view> begins, ends, tokens;
};
ToolMarkers markers_of(ToolSyntax syntax);

// The tools that a prompt offers.
class Tools {
 public:
  // A JSON array as the chat template gets it; an empty text is no tools. Errors: kInvalidArgument.
  static Status parse(std::string_view json, Tools* out);

  bool empty() const { return parameters_.empty(); }
  bool has(std::string_view name) const { return parameters_.contains(std::string(name)); }

  enum class Kind : uint8_t { kUnknown, kText, kOther };
  Kind kind(std::string_view name, std::string_view parameter) const;

 private:
  std::map<std::string, std::map<std::string, Kind>> parameters_;  // by tool and name
};

// Reads the calls at the beginning of a region and appends them. Returns how many bytes it understood: all of them, or
// as far as the last whole call reaches; 0 if there is none. Arguments come out as JSON in one spelling. Where the
// notation does not say whether an argument is text or JSON, its schema does; without one it is JSON if it can be.
size_t parse_tool_calls(ToolSyntax syntax, const Tools& tools, std::string_view region, std::vector<ToolCall>* out);

// A call of kHarmony: its recipient ("functions.name") and what the message says. False if it is none.
bool parse_harmony_call(std::string_view recipient, std::string_view text, ToolCall* out);

}  // namespace coterie
