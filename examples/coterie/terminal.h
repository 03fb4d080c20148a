// What the program does to a terminal: styles, a status line, safe text. Everything here is plain text or nothing when
// the stream is not a terminal. Standard output carries results only; all else goes to standard error.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

bool is_terminal(std::FILE* stream);

// Text with control characters replaced, so that neither a file nor a model can command the terminal. Newlines and tabs
// stay.
std::string printable(std::string_view text);

// Writes to standard output and flushes; throws if that fails. On a terminal the text is made printable.
void write_output(std::string_view text);

// Writes to standard error; dimmed on a terminal.
void write_dim(std::string_view text);

// One line on standard error that is overwritten in place: progress. Nothing unless standard error is a terminal.
class StatusLine {
 public:
  ~StatusLine() { clear(); }
  void set(std::string_view text);
  void clear();

 private:
  bool shown_ = false;
};
