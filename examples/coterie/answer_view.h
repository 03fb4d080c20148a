// Shows an answer while it is written: its text on standard output, and calls of tools as lines of JSON; reasoning and
// progress on standard error, and only on a terminal.
#pragma once

#include "terminal.h"

#include <coterie/coterie.hpp>

#include <string>
#include <vector>

enum class ReasoningView {
  kShow,  // dimmed, as it comes
  kFold,  // one line that counts its tokens
  kHide
};

class AnswerView {
 public:
  explicit AnswerView(ReasoningView view) : view_(view) {}

  void show(const coterie::Event& event);
  // Ends the last line on standard output.
  void finish();

  const std::string& answer() const { return answer_; }
  const std::string& reasoning() const { return reasoning_; }
  const std::vector<coterie::ToolCall>& tool_calls() const { return tool_calls_; }

 private:
  void show_reasoning(const coterie::Event& event);
  void show_call(const coterie::ToolCall& call);
  void end_reasoning();

  ReasoningView view_;
  StatusLine status_;
  std::string answer_, reasoning_;
  std::vector<coterie::ToolCall> tool_calls_;
  size_t n_reasoning_tokens_ = 0;
  bool in_reasoning_ = false;
  bool ends_line_ = true;  // what is on standard output
};
