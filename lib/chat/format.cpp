// Sources: DeepSeek's tokenizer_config.json templates (V2-Lite-Chat, V3, R1, R1-0528) and the R1 paper, table 1.
#include "chat/format.h"

#include <algorithm>
#include <string>

#include "chat/markers.h"

namespace coterie {
namespace {

constexpr std::string_view kSystem = "system", kUser = "user", kAssistant = "assistant";

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// ---- prompts ----

// Collects a prompt. Text between two markers is tokenised in one run, since its parts may merge into one token.
// The first error stays and silences what follows.
class Prompt {
 public:
  explicit Prompt(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void text(std::string_view text) { run_ += text; }
  void marker(std::string_view name) { token(tokenizer_.find(name), name); }
  void bos() { token(tokenizer_.bos(), "BOS"); }
  void eos() { token(tokenizer_.eos(), "EOS"); }

  Status finish(std::vector<int32_t>* out) {
    flush();
    if (status_.ok()) *out = std::move(ids_);
    return status_;
  }

 private:
  void token(int32_t id, std::string_view name) {
    flush();
    if (id < 0 && status_.ok()) {
      status_ = Error(Code::kUnsupported, "chat format: the vocabulary has no token %.*s, which the format needs",
                      static_cast<int>(name.size()), name.data());
    }
    ids_.push_back(id);
  }
  void flush() {
    if (status_.ok() && !run_.empty()) status_ = tokenizer_.tokenize(run_, false, false, &ids_);
    run_.clear();
  }

  const Tokenizer& tokenizer_;
  std::string run_;  // text since the last marker
  std::vector<int32_t> ids_;
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
    prompt->text(messages[i].content);
  }
}

// BOS system "\n\nUser: " u1 "\n\nAssistant: " a1 EOS "User: " u2 "\n\nAssistant:"
void write_v2(std::span<const Message> messages, Prompt* prompt) {
  prompt->bos();
  const std::string system = system_text(messages);
  if (!system.empty()) prompt->text(system + "\n\n");
  for (const Message& m : messages) {
    if (m.role == kUser) {
      prompt->text("User: ");
      prompt->text(m.content);
      prompt->text("\n\n");
    } else if (m.role == kAssistant) {
      prompt->text("Assistant: ");
      prompt->text(m.content);
      prompt->eos();
    }
  }
  prompt->text(kAssistantPrefix);
}

// BOS system <User> u1 <Assistant> a1 EOS <User> u2 <Assistant>, and for R1 <think> "\n"
void write_v3(ChatFormat format, std::span<const Message> messages, Prompt* prompt) {
  prompt->bos();
  prompt->text(system_text(messages));
  for (const Message& m : messages) {
    if (m.role == kUser) {
      prompt->marker(kUserMarker);
      prompt->text(m.content);
    } else if (m.role == kAssistant) {
      prompt->marker(kAssistantMarker);
      prompt->text(format == ChatFormat::kDeepSeekV3 ? m.content : without_reasoning(m.content));
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
  prompt->text(question);
  prompt->text(". ");
  prompt->text(kAssistantPrefix);
}

// ---- rules for messages ----

Status check_roles(std::span<const Message> messages) {
  if (messages.empty()) return Error(Code::kInvalidArgument, "messages: none, expected at least one");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = messages[i].role;
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

// ---- templates ----

Status unsupported_template(const char* what) {
  return Error(Code::kUnsupported,
               "tokenizer.chat_template: %s, which this version cannot render; choose a chat format instead", what);
}

// Templates with the markers of the V3 family differ in what they do with reasoning.
Status recognise_v3_family(std::string_view jinja, ChatFormat* out) {
  if (!contains(jinja, kThink) && !contains(jinja, kThinkEnd)) {
    *out = ChatFormat::kDeepSeekV3;
    return Status();
  }
  const bool drops_reasoning =
      contains(jinja, "split('</think>')[-1]") || contains(jinja, "split(\"</think>\")[-1]");
  const size_t condition = jinja.rfind("add_generation_prompt");
  const std::string_view ending = condition == jinja.npos ? "" : jinja.substr(condition);
  // In a Jinja string a newline is written either way.
  const bool forces_think =
      contains(ending, "<｜Assistant｜><think>\\n") || contains(ending, "<｜Assistant｜><think>\n");
  const bool is_bare = contains(ending, kAssistantMarker) && !contains(ending, kThink) && !contains(ending, kThinkEnd);
  if (!drops_reasoning || forces_think == is_bare) {
    return unsupported_template("of the DeepSeek V3 family with other rules for reasoning (V3.1 or later)");
  }
  *out = forces_think ? ChatFormat::kDeepSeekR1 : ChatFormat::kDeepSeekR1Bare;
  return Status();
}

Status recognise_others(std::string_view jinja) {
  static constexpr struct {
    std::string_view a, b;  // both occur in the template
    const char* what;
  } kOthers[] = {{"<|start_header_id|>", "<|end_header_id|>", "of Llama 3"},
                 {"<|start|>", "<|channel|>", "of gpt-oss"},
                 {"<|im_middle|>", "", "of Kimi"},
                 {"<|im_start|>", "", "ChatML"}};
  for (const auto& other : kOthers) {
    if (contains(jinja, other.a) && contains(jinja, other.b)) return unsupported_template(other.what);
  }
  return unsupported_template("of no known format");
}

}  // namespace

Status recognise_template(std::string_view jinja, ChatFormat* out) {
  if (contains(jinja, "### Instruction:") && contains(jinja, "<|EOT|>")) {
    return unsupported_template("of DeepSeek Coder v1");
  }
  if (contains(jinja, "｜DSML｜")) return unsupported_template("of DeepSeek V3.2 or V4");
  if (contains(jinja, kUserMarker) && contains(jinja, kAssistantMarker)) return recognise_v3_family(jinja, out);
  if (contains(jinja, "'Assistant: ' + message['content'] + eos_token")) {
    *out = ChatFormat::kDeepSeekV2;
    return Status();
  }
  return recognise_others(jinja);
}

Status resolve_format(const Tokenizer& tokenizer, ChatFormat wanted, ChatFormat* out) {
  if (wanted < ChatFormat::kAuto || wanted > ChatFormat::kR1Zero) {
    return Error(Code::kInvalidArgument, "format: %d, expected a coterie_chat_format", static_cast<int>(wanted));
  }
  if (wanted != ChatFormat::kAuto) {
    *out = wanted;
    return Status();
  }
  if (!tokenizer.chat_template().empty()) return recognise_template(tokenizer.chat_template(), out);
  const bool has_markers = tokenizer.find(kUserMarker) >= 0 && tokenizer.find(kAssistantMarker) >= 0;
  *out = has_markers ? ChatFormat::kDeepSeekV3 : ChatFormat::kPlain;
  return Status();
}

Status render_prompt(const Tokenizer& tokenizer, ChatFormat format, std::span<const Message> messages,
                     std::vector<int32_t>* out) {
  COTERIE_RETURN_IF_ERROR(check_messages(format, messages));
  Prompt prompt(tokenizer);
  switch (format) {
    case ChatFormat::kPlain: write_plain(tokenizer, messages, &prompt); break;
    case ChatFormat::kDeepSeekV2: write_v2(messages, &prompt); break;
    case ChatFormat::kDeepSeekV3:
    case ChatFormat::kDeepSeekR1:
    case ChatFormat::kDeepSeekR1Bare: write_v3(format, messages, &prompt); break;
    case ChatFormat::kR1Zero: write_r1_zero(tokenizer, messages[0].content, &prompt); break;
    case ChatFormat::kAuto: return Error(Code::kInternal, "chat format: not resolved");
  }
  return prompt.finish(out);
}

}  // namespace coterie
