// A conversation as the prompt for its next answer: its text, and that text as ids.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "chat/chat_template.h"
#include "chat/format.h"

namespace coterie {

// With format kAuto the file's template is rendered; without one the format is V3 if the vocabulary has its markers,
// else plain. Other formats are written without the template, and know neither tools nor a switch for thinking. *out is
// left alone on errors, which are those of render_chat_template and write_format.
Status write_prompt(const Tokenizer& tokenizer, ChatFormat format, const TemplateOptions& options,
                    std::span<const Message> messages, MarkedText* out);

// Own text may hold control tokens; foreign text is plain and cannot become one, alone or with its neighbours (but a
// vocabulary's user-defined tokens, such as <think> in DeepSeek's, are recognised in any text). What stands between two
// control tokens is tokenized in one run, whoever it is from. *out is replaced, and left alone on errors.
Status tokenize_prompt(const Tokenizer& tokenizer, const MarkedText& text, std::vector<int32_t>* out);

}  // namespace coterie
