#include "conversation.h"

#include <stdexcept>

void Conversation::end_turn(const std::string& reasoning, const std::string& answer,
                            std::vector<coterie::ToolCall> calls) {
  turns_.back().assistant = answer;
  turns_.back().reasoning = reasoning;
  turns_.back().calls = std::move(calls);
}

std::vector<coterie::Message> Conversation::messages() const {
  std::vector<coterie::Message> messages;
  if (!system_.empty()) messages.push_back({"system", system_});
  for (const Turn& turn : turns_) {
    messages.push_back({"user", turn.user});
    if (&turn != &turns_.back()) messages.push_back({"assistant", turn.assistant, turn.reasoning, turn.calls});
  }
  return messages;
}

Conversation::Prompt Conversation::prompt(const coterie::Model& model, size_t n_ctx) {
  Prompt out{model.chat_prompt(messages(), options_)};
  size_t most = n_ctx - n_ctx / 4;
  while (out.tokens.size() > most && turns_.size() > 1) {
    most = n_ctx / 2;
    turns_.erase(turns_.begin());
    ++out.n_dropped;
    out.tokens = model.chat_prompt(messages(), options_);
  }
  if (out.tokens.size() >= n_ctx)
    throw std::runtime_error("the message takes " + std::to_string(out.tokens.size()) + " tokens, the context has " +
                             std::to_string(n_ctx) + ": choose a larger one with -c");
  return out;
}
