// The messages of a chat, and how the oldest of them make room when the context is full. Prints nothing.
#pragma once

#include <coterie/coterie.hpp>

#include <string>
#include <vector>

class Conversation {
 public:
  Conversation(std::string system, coterie::ChatOptions options)
      : system_(std::move(system)), options_(std::move(options)) {}

  const std::string& system() const { return system_; }
  void set_system(std::string text) { system_ = std::move(text); }
  void clear() { turns_.clear(); }

  // Begins a turn; end_turn or drop_turn must follow before the next one.
  void begin_turn(std::string user) { turns_.push_back({std::move(user), {}, {}, {}}); }
  void end_turn(const std::string& reasoning, const std::string& answer, std::vector<coterie::ToolCall> calls);
  void drop_turn() { turns_.pop_back(); }

  struct Prompt {
    std::vector<coterie::Token> tokens;
    size_t n_dropped = 0;  // old turns forgotten to make room
  };
  // The prompt for the answer of the turn that was begun. When less than a quarter of the context would be left for the
  // answer, old turns are forgotten until half of it is free: so this happens rarely, and each time the rest of the
  // conversation is evaluated anew. Throws if even the last message alone does not fit.
  Prompt prompt(const coterie::Model& model, size_t n_ctx);
  // The prompt as text, for people to read.
  std::string prompt_text(const coterie::Model& model) const { return model.chat_text(messages(), options_); }

 private:
  struct Turn {
    std::string user, assistant, reasoning;
    std::vector<coterie::ToolCall> calls;
  };
  std::vector<coterie::Message> messages() const;

  std::string system_;  // empty: none
  coterie::ChatOptions options_;
  std::vector<Turn> turns_;
};
