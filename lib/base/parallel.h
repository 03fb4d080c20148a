// Arena: the engine's threads. The only part of Coterie that knows oneTBB. Idle threads sleep.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "base/status.h"

namespace coterie {

// A borrowed callable void(Args...): no allocation, valid for the call only.
template <class... Args>
class CallRef {
 public:
  template <class F>
    requires(!std::is_same_v<F, CallRef>)
  CallRef(F& f)  // NOLINT: implicit on purpose
      : object_(&f), call_([](void* o, Args... args) { (*static_cast<F*>(o))(args...); }) {}
  void operator()(Args... args) const { call_(object_, args...); }

 private:
  void* object_;
  void (*call_)(void*, Args...);
};
using TaskRef = CallRef<size_t, size_t>;  // (task, worker)

class Arena {
 public:
  // 0: every core this process may use, which is also the most that are used.
  static Status create(uint32_t n_threads, std::unique_ptr<Arena>* out);
  ~Arena();

  uint32_t n_threads() const { return n_threads_; }

  // Runs task(i, worker) for i in [0, n), worker < n_threads(), tasks taken in order by whichever thread is free.
  // Each runs with round-to-nearest and without flush-to-zero, whatever the host has set. Returns false when *cancel
  // became true: tasks not yet begun were left out. cancel may be null.
  bool run(size_t n, TaskRef task, const std::atomic<bool>* cancel) const;

 private:
  struct Impl;
  Arena(uint32_t n_threads, std::unique_ptr<Impl> impl);
  uint32_t n_threads_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coterie
