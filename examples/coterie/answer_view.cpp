#include "answer_view.h"

#include "throughput.h"

#include <nlohmann/json.hpp>

void AnswerView::show(const coterie::Event& event) {
  switch (event.type) {
    case COTERIE_EVENT_PROMPT:
      status_.set(prompt_progress(event));
      break;
    case COTERIE_EVENT_REASONING:
      show_reasoning(event);
      break;
    case COTERIE_EVENT_TEXT:
      status_.clear();
      end_reasoning();
      answer_ += event.text;
      ends_line_ = event.text.ends_with('\n');
      write_output(event.text);
      break;
    case COTERIE_EVENT_TOOL_CALL:
      status_.clear();
      end_reasoning();
      show_call(event.tool_call);
      break;
    case COTERIE_EVENT_END:
      status_.clear();
      end_reasoning();
      break;
  }
}

void AnswerView::show_reasoning(const coterie::Event& event) {
  in_reasoning_ = true;
  reasoning_ += event.text;
  n_reasoning_tokens_ += event.tokens.size();
  if (view_ != ReasoningView::kShow) {
    status_.set("thinking... " + std::to_string(n_reasoning_tokens_) + " tokens");
  } else if (is_terminal(stderr)) {
    status_.clear();
    write_dim(event.text);
  }
}

void AnswerView::end_reasoning() {
  if (!in_reasoning_) return;
  in_reasoning_ = false;
  if (!is_terminal(stderr)) return;
  if (view_ == ReasoningView::kShow) write_dim(reasoning_.ends_with('\n') ? "\n" : "\n\n");
  if (view_ == ReasoningView::kFold) write_dim("(thought for " + std::to_string(n_reasoning_tokens_) + " tokens)\n");
}

void AnswerView::show_call(const coterie::ToolCall& call) {
  nlohmann::ordered_json line = {{"name", call.name}, {"arguments", nlohmann::ordered_json::parse(call.arguments)}};
  if (!call.id.empty()) line["id"] = call.id;
  if (!ends_line_) write_output("\n");
  write_output(line.dump() + "\n");
  ends_line_ = true;
  tool_calls_.push_back(call);
}

void AnswerView::finish() {
  status_.clear();
  end_reasoning();
  if (!ends_line_ || (answer_.empty() && tool_calls_.empty())) write_output("\n");
}
