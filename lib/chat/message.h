// What a conversation is made of. Texts belong to the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coterie {

// One call of a tool, by an assistant.
struct ToolCall {
  std::string id;  // may be empty
  std::string name;
  std::string arguments;  // a JSON object as text
  bool operator==(const ToolCall&) const = default;
};

struct Message {
  std::string_view role, content;
  std::string_view reasoning = {};        // of an assistant: apart from the content, or empty
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string_view name = {};             // of a tool, whose result the content is
  std::string_view tool_call_id = {};     // the call that it answers
};

}  // namespace coterie
