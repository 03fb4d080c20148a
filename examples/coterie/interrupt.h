// Ctrl-C stops the answer that is being written, within the library's 50 ms; without one it ends the program, or does
// nothing while a line editor has the terminal.
#pragma once

#include <coterie/coterie.hpp>

#include <mutex>
#include <thread>

class Interrupt {
 public:
  // Create it before any other thread starts: all of them must inherit the blocked signal, which one thread waits for.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // From now on an interrupt outside an answer does nothing.
  void ignore_when_idle();

  // While it lives, an interrupt cancels this generation.
  class Cancels {
   public:
    Cancels(Interrupt& interrupt, const coterie::Generation& generation);
    ~Cancels();
    Cancels(const Cancels&) = delete;
    Cancels& operator=(const Cancels&) = delete;

   private:
    Interrupt& interrupt_;
  };

  // Ends the program as an interrupt without this object would have.
  [[noreturn]] static void end_program();

 private:
  void watch();

  std::mutex mutex_;  // guards what follows
  const coterie::Generation* generation_ = nullptr;
  bool ignored_when_idle_ = false;
  std::thread watcher_;
};
