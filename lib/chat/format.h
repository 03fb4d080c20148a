// Chat formats: which one a model speaks, and a conversation as the ids of the prompt for its next answer.
// The formats are written out here; Jinja templates are recognised, not run.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/tokenizer.h"

namespace coterie {

enum class ChatFormat : int32_t {  // values of coterie_chat_format
  kAuto = 0,
  kPlain = 1,
  kDeepSeekV2 = 2,  // also DeepSeek LLM, MoE-16B, Coder-V2
  kDeepSeekV3 = 3,  // also V2.5, V3-0324
  kDeepSeekR1 = 4,  // also its distilled models
  kR1Zero = 5,
  // Not in coterie_chat_format, only found in files: R1 whose template leaves it to the model to begin with <think>
  // (R1-0528, R1 of January 2025).
  kDeepSeekR1Bare = 6,
};

struct Message {
  std::string_view role, content;
};

// The format to use when `wanted` was asked for; for kAuto what the file's template says. Without a template: V3 if the
// vocabulary has its markers, else plain.
// Errors: kUnsupported for a template of another format, kInvalidArgument for a value outside coterie_chat_format.
Status resolve_format(const Tokenizer& tokenizer, ChatFormat wanted, ChatFormat* out);

// The format of a Jinja template, which must not be empty. Errors: kUnsupported, naming what was recognised.
Status recognise_template(std::string_view jinja, ChatFormat* out);

// The prompt for the next answer. Markers are special tokens; contents are plain text and cannot become one (but a
// vocabulary's user-defined tokens, such as <think> in DeepSeek's, are recognised in any text). *out is replaced, and
// left alone on errors.
// System messages stand in front, joined by an empty line; users and assistant take turns and the user has the last
// word. R1-Zero takes one message; plain takes any roles in any order.
// Errors: kInvalidArgument for messages that break these rules, kUnsupported if the vocabulary lacks a marker.
Status render_prompt(const Tokenizer& tokenizer, ChatFormat format, std::span<const Message> messages,
                     std::vector<int32_t>* out);

}  // namespace coterie
