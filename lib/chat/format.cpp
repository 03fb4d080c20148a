// Sources: DeepSeek's tokenizer_config.json templates (V2-Lite-Chat, V3, R1, R1-0528) and the R1 paper, table 1.
#include "chat/format.h"

#include <algorithm>
#include <string>

#include "chat/markers.h"

namespace coterie {
namespace {

constexpr std::string_view kSystem = "system", kUser = "user", kAssistant = "assistant";

// ---- prompts ----

// Collects a prompt. The first error stays and silences what follows.
class Prompt {
 public:
  explicit Prompt(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void text(std::string_view text) { text_.append(text, false); }
  void content(std::string_view text) { text_.append(text, true); }
  void marker(std::string_view name) {
    need(tokenizer_.find(name), name);
    text(name);
  }
  void bos() { token(tokenizer_.bos(), "BOS"); }
  void eos() { token(tokenizer_.eos(), "EOS"); }

  Status finish(MarkedText* out) {
    if (status_.ok()) *out = std::move(text_);
    return status_;
  }

 private:
  void token(int32_t id, std::string_view name) {
    std::string piece;
    need(id, name);
    tokenizer_.append_piece(id, true, &piece);
    text(piece);
  }
  void need(int32_t id, std::string_view name) {
    if (id >= 0 || !status_.ok()) return;
    status_ = Error(Code::kUnsupported, "chat format: the vocabulary has no token %.*s, which the format needs",
                    static_cast<int>(name.size()), name.data());
  }

  const Tokenizer& tokenizer_;
  MarkedText text_;
  Status status_;
};

std::string system_text(std::span<const Message> messages) {
  std::string text;
  bool first = true;
  for (const Message& m : messages) {
    if (m.role != kSystem) continue;
    if (!first) text += "\n\n";
    text += m.content;
    first = false;
  }
  return text;
}

std::string_view without_reasoning(std::string_view content) {
  const size_t end = content.rfind(kThinkEnd);
  return end == content.npos ? content : content.substr(end + kThinkEnd.size());
}

// "one\ntwo"
void write_plain(const Tokenizer& tokenizer, std::span<const Message> messages, Prompt* prompt) {
  if (tokenizer.adds_bos() && tokenizer.bos() >= 0) prompt->bos();
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i > 0) prompt->text("\n");
    prompt->content(messages[i].content);
  }
}

// BOS system "\n\nUser: " u1 "\n\nAssistant: " a1 EOS "User: " u2 "\n\nAssistant:"
void write_v2(std::span<const Message> messages, Prompt* prompt) {
  prompt->bos();
  const std::string system = system_text(messages);
  prompt->content(system);
  if (!system.empty()) prompt->text("\n\n");
  for (const Message& m : messages) {
    if (m.role == kUser) {
      prompt->text("User: ");
      prompt->content(m.content);
      prompt->text("\n\n");
    } else if (m.role == kAssistant) {
      prompt->text("Assistant: ");
      prompt->content(m.content);
      prompt->eos();
    }
  }
  prompt->text(kAssistantPrefix);
}

// BOS system <User> u1 <Assistant> a1 EOS <User> u2 <Assistant>, and for R1 <think> "\n"
void write_v3(ChatFormat format, std::span<const Message> messages, Prompt* prompt) {
  prompt->bos();
  prompt->content(system_text(messages));
  for (const Message& m : messages) {
    if (m.role == kUser) {
      prompt->marker(kUserMarker);
      prompt->content(m.content);
    } else if (m.role == kAssistant) {
      prompt->marker(kAssistantMarker);
      prompt->content(format == ChatFormat::kDeepSeekV3 ? m.content : without_reasoning(m.content));
      prompt->marker(kEndMarker);
    }
  }
  prompt->marker(kAssistantMarker);
  if (format != ChatFormat::kDeepSeekR1) return;
  prompt->marker(kThink);
  prompt->text("\n");
}

void write_r1_zero(const Tokenizer& tokenizer, std::string_view question, Prompt* prompt) {
  if (tokenizer.adds_bos() && tokenizer.bos() >= 0) prompt->bos();
  prompt->text(kR1ZeroIntroduction);
  prompt->content(question);
  prompt->text(". ");
  prompt->text(kAssistantPrefix);
}

// ---- rules for messages ----

Status check_roles(std::span<const Message> messages) {
  if (messages.empty()) return Error(Code::kInvalidArgument, "messages: none, expected at least one");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = messages[i].role;
    if (!messages[i].tool_calls.empty()) {
      return Error(Code::kUnsupported, "messages[%zu].tool_calls: only the chat template of a file can render them", i);
    }
    if (role == kSystem || role == kUser || role == kAssistant) continue;
    return Error(Code::kInvalidArgument, "messages[%zu].role: \"%.*s\", expected \"system\", \"user\" or \"assistant\"",
                 i, static_cast<int>(std::min<size_t>(role.size(), 40)), role.data());
  }
  return Status();
}

// Users and assistant take turns; the assistant may begin, the user has the last word.
Status check_turns(std::span<const Message> messages) {
  std::string_view last;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = messages[i].role;
    if (role == kSystem) continue;
    if (role == last) {
      return Error(Code::kInvalidArgument, "messages[%zu].role: %.*s twice in a row, expected the two to take turns", i,
                   static_cast<int>(role.size()), role.data());
    }
    last = role;
  }
  if (last == kUser) return Status();
  return Error(Code::kInvalidArgument, "messages: the last one is from the %s, expected one from the user to answer",
               last.empty() ? "system" : "assistant");
}

Status check_messages(ChatFormat format, std::span<const Message> messages) {
  COTERIE_RETURN_IF_ERROR(check_roles(messages));
  if (format == ChatFormat::kPlain) return Status();
  if (format != ChatFormat::kR1Zero) return check_turns(messages);
  if (messages.size() == 1 && messages[0].role == kUser) return Status();
  return Error(Code::kInvalidArgument, "messages: %zu, expected one from the user: R1-Zero knows no conversations",
               messages.size());
}

}  // namespace

Status write_format(const Tokenizer& tokenizer, ChatFormat format, std::span<const Message> messages, MarkedText* out) {
  COTERIE_RETURN_IF_ERROR(check_messages(format, messages));
  Prompt prompt(tokenizer);
  switch (format) {
    case ChatFormat::kPlain: write_plain(tokenizer, messages, &prompt); break;
    case ChatFormat::kDeepSeekV2: write_v2(messages, &prompt); break;
    case ChatFormat::kDeepSeekV3:
    case ChatFormat::kDeepSeekR1: write_v3(format, messages, &prompt); break;
    case ChatFormat::kR1Zero: write_r1_zero(tokenizer, messages[0].content, &prompt); break;
    case ChatFormat::kAuto: return Error(Code::kInternal, "chat format: not resolved");
  }
  return prompt.finish(out);
}

}  // namespace coterie
