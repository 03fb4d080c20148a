// The chat template of a file, rendered as Hugging Face's transformers would: which variables it gets, and what it
// makes of messages, tools and options.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "chat/marked_text.h"
#include "chat/message.h"
#include "text/tokenizer.h"

namespace coterie {

enum class Thinking : int32_t { kAuto = 0, kOn = 1, kOff = 2 };  // values of coterie_thinking

struct TemplateOptions {
  Thinking thinking = Thinking::kAuto;
  std::string_view tools = {};      // a JSON array, or empty
  std::string_view date = {};       // YYYY-MM-DD; empty: today
  std::string_view variables = {};  // a JSON object of further variables, or empty
};

// The text of the prompt for the next answer. Everything from messages and options is foreign.
//   - The roles are system, user, assistant, tool and developer.
//   - Reasoning is the message's reasoning_content (where a template reads "thinking" instead, as gpt-oss does, that);
//     the template says what becomes of it.
//   - Calls of tools come with their arguments as an object, and with content none if they have none; where the
//   template
//     cannot render that, with the arguments as text or the content as "".
// Errors: kBadFile for a template that is none; kInvalidArgument for messages or options that are wrong or that the
// template refuses; kUnsupported for what the template has no place for (thinking, tools, calls) or fails to compute.
Status render_chat_template(const Tokenizer& tokenizer, const TemplateOptions& options,
                            std::span<const Message> messages, MarkedText* out);

}  // namespace coterie
