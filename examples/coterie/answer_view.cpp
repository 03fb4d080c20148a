#include "answer_view.h"

#include "throughput.h"

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
      write_output(event.text);
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

void AnswerView::finish() {
  status_.clear();
  end_reasoning();
  if (!answer_.ends_with('\n')) write_output("\n");
}
