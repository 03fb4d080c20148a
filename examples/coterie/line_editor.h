// Reads lines: with editing and history on a terminal, plainly otherwise. The prompt goes to standard error.
#pragma once

#include <histedit.h>

#include <string>

class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Result { kLine, kInterrupted, kEnd };  // kInterrupted: Ctrl-C was typed, the line is thrown away
  // Stores the line without its newline. A line that ends in a backslash goes on in the next one.
  Result read(std::string* line);

  bool interactive() const { return editor_ != nullptr; }

 private:
  Result read_one(std::string* line);

  EditLine* editor_ = nullptr;  // null: not on a terminal
  History* history_ = nullptr;
  std::string history_file_;  // empty: kept in memory only
  const char* prompt_ = "";
  bool interrupted_ = false;
};
