#include "conversation.h"

#include <stdexcept>

void Conversation::end_turn(const std::string& reasoning, const std::string& answer) {
  turns_.back().assistant = reasoning.empty() ? answer : "<think>" + reasoning + "</think>" + answer;
}

std::vector<coterie::Token> Conversation::tokens(const coterie::Model& model) const {
  std::vector<coterie::Message> messages;
  if (!system_.empty()) messages.push_back({"system", system_});
  for (const Turn& turn : turns_) {
    messages.push_back({"user", turn.user});
    if (&turn != &turns_.back()) messages.push_back({"assistant", turn.assistant});
  }
  return model.chat_prompt(messages, format_);
}

Conversation::Prompt Conversation::prompt(const coterie::Model& model, size_t n_ctx) {
  Prompt out{tokens(model)};
  size_t most = n_ctx - n_ctx / 4;
  while (out.tokens.size() > most && turns_.size() > 1) {
    most = n_ctx / 2;
    turns_.erase(turns_.begin());
    ++out.n_dropped;
    out.tokens = tokens(model);
  }
  if (out.tokens.size() >= n_ctx)
    throw std::runtime_error("the message takes " + std::to_string(out.tokens.size()) + " tokens, the context has " +
                             std::to_string(n_ctx) + ": choose a larger one with -c");
  return out;
}
