// The chat formats that are written out here, for files without a template and for those who ask for them.
// chat_template.h has what a file's own template says; prompt.h chooses.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "chat/marked_text.h"
#include "chat/message.h"
#include "text/tokenizer.h"

namespace coterie {

enum class ChatFormat : int32_t {  // values of coterie_chat_format
  kAuto = 0,
  kPlain = 1,
  kDeepSeekV2 = 2,  // also DeepSeek LLM, MoE-16B, Coder-V2
  kDeepSeekV3 = 3,  // also V2.5, V3-0324
  kDeepSeekR1 = 4,  // also its distilled models
  kR1Zero = 5,
};

// The text of the prompt for the next answer; markers are own text, contents foreign.
// System messages stand in front, joined by an empty line; users and assistant take turns and the user has the last
// word. R1-Zero takes one message; plain takes any roles in any order. There are no tools.
// Errors: kInvalidArgument for messages that break these rules, kUnsupported if the vocabulary lacks a marker.
Status write_format(const Tokenizer& tokenizer, ChatFormat format, std::span<const Message> messages, MarkedText* out);

}  // namespace coterie
