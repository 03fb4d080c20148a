#include "line_editor.h"

#include "terminal.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace fs = std::filesystem;

namespace {

constexpr int kHistorySize = 1000;

// $XDG_STATE_HOME/coterie/history, by default below ~/.local/state. Empty if there is no place for it.
std::string history_path() {
  fs::path base;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    base = state;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    base = fs::path(home) / ".local/state";
  } else {
    return "";
  }
  std::error_code error;
  fs::create_directories(base / "coterie", error);
  return error ? "" : (base / "coterie/history").string();
}

}  // namespace

LineEditor::LineEditor() {
  if (!is_terminal(stdin) || !is_terminal(stderr)) return;
  editor_ = el_init("coterie", stdin, stderr, stderr);
  if (editor_ == nullptr) return;
  history_ = history_init();
  history_file_ = history_path();
  HistEvent event;
  history(history_, &event, H_SETSIZE, kHistorySize);
  history(history_, &event, H_SETUNIQUE, 1);
  if (!history_file_.empty()) history(history_, &event, H_LOAD, history_file_.c_str());

  el_set(editor_, EL_CLIENTDATA, this);
  el_set(editor_, EL_HIST, history, history_);
  el_set(editor_, EL_EDITOR, "emacs");
  el_set(editor_, EL_SIGNAL, 1);  // redraw when resized or continued
  el_set(editor_, EL_PROMPT, +[](EditLine* editor) -> char* {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return const_cast<char*>(self->prompt_);
  });
  // While a line is edited, Ctrl-C and Ctrl-Z are keys, not signals.
  el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
  el_set(editor_, EL_ADDFN, "throw-line-away", "Throw the line away", +[](EditLine* editor, int) -> unsigned char {
    LineEditor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    self->interrupted_ = true;
    return CC_EOF;
  });
  el_set(editor_, EL_ADDFN, "suspend", "Suspend the program", +[](EditLine*, int) -> unsigned char {
    std::raise(SIGTSTP);
    return CC_REDISPLAY;
  });
  el_set(editor_, EL_BIND, "^C", "throw-line-away", nullptr);
  el_set(editor_, EL_BIND, "^Z", "suspend", nullptr);
  el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(editor_, nullptr);  // the user's ~/.editrc
}

LineEditor::~LineEditor() {
  if (editor_ == nullptr) return;
  HistEvent event;
  if (!history_file_.empty()) history(history_, &event, H_SAVE, history_file_.c_str());
  el_end(editor_);
  history_end(history_);
}

LineEditor::Result LineEditor::read(std::string* line) {
  line->clear();
  std::string part;
  for (prompt_ = "> ";; prompt_ = "... ") {
    const Result result = read_one(&part);
    if (result != Result::kLine) return result;
    const bool goes_on = part.ends_with('\\');
    if (goes_on) part.back() = '\n';
    *line += part;
    if (!goes_on) return Result::kLine;
  }
}

LineEditor::Result LineEditor::read_one(std::string* line) {
  if (editor_ == nullptr) return std::getline(std::cin, *line) ? Result::kLine : Result::kEnd;
  interrupted_ = false;
  el_set(editor_, EL_PREP_TERM, 1);  // before the prompt is shown: what is typed at it must meet the editor's keys
  int n_bytes = 0;
  const char* text = el_gets(editor_, &n_bytes);
  if (text == nullptr || n_bytes <= 0) {
    std::fputs(interrupted_ ? "^C\n" : "\n", stderr);
    return interrupted_ ? Result::kInterrupted : Result::kEnd;
  }
  line->assign(text, static_cast<size_t>(n_bytes));
  if (line->find_first_not_of(" \t\n") != std::string::npos) {
    HistEvent event;
    history(history_, &event, H_ENTER, line->c_str());
  }
  if (line->ends_with('\n')) line->pop_back();
  return Result::kLine;
}
