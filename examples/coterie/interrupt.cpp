#include "interrupt.h"

#include <pthread.h>

#include <csignal>
#include <cstdlib>

namespace {

constexpr int kStopWatching = SIGUSR1;

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, kStopWatching);
  return signals;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  watcher_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  pthread_kill(watcher_.native_handle(), kStopWatching);
  watcher_.join();
}

void Interrupt::ignore_when_idle() {
  const std::lock_guard lock(mutex_);
  ignored_when_idle_ = true;
}

void Interrupt::watch() {
  const sigset_t signals = watched_signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || signal == kStopWatching) return;
    const std::lock_guard lock(mutex_);
    if (generation_ != nullptr) {
      generation_->cancel();
    } else if (!ignored_when_idle_) {
      end_program();
    }
  }
}

void Interrupt::end_program() {
  std::signal(SIGINT, SIG_DFL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  std::raise(SIGINT);
  std::_Exit(128 + SIGINT);
}

Interrupt::Cancels::Cancels(Interrupt& interrupt, const coterie::Generation& generation) : interrupt_(interrupt) {
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.generation_ = &generation;
}

Interrupt::Cancels::~Cancels() {
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.generation_ = nullptr;
}
