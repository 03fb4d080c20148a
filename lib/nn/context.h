// Context: what every operation needs besides its operands. Carver: how scratch memory is planned before it is taken.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/parallel.h"
#include "kernels.h"

namespace coterie::nn {

// Operations that return bool give false when *cancel became true: their output is then incomplete, their inputs are
// untouched, and the same call may be made again.
struct Context {
  const Kernels& kernels;
  const Arena& arena;
  const std::atomic<bool>* cancel;  // may be null

  bool cancelled() const { return cancel != nullptr && cancel->load(std::memory_order_relaxed); }

  bool run(size_t n, TaskRef task) const { return arena.run(n, task, cancel); }

  // For tasks as small as one row: few of them cost less than waking the other threads.
  bool run_rows(size_t n, TaskRef task) const {
    constexpr size_t kSerial = 8;
    if (n > kSerial) return run(n, task);
    for (size_t i = 0; i < n; ++i) task(i, 0);
    return !cancelled();
  }
};

// Hands out aligned pieces of one block. With a null base it only adds up their sizes, so that one function describes a
// layout for planning and for use.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}

  template <class T>
  T* take(size_t n) {
    constexpr size_t kAlign = 64;
    size_t bytes;
    overflow_ |= __builtin_mul_overflow(n, sizeof(T), &bytes) || __builtin_add_overflow(bytes, kAlign - 1, &bytes);
    bytes &= ~(kAlign - 1);
    T* p = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + used_);
    overflow_ |= __builtin_add_overflow(used_, bytes, &used_);
    return p;
  }
  size_t used() const { return overflow_ ? SIZE_MAX : used_; }

 private:
  std::byte* base_;
  size_t used_ = 0;
  bool overflow_ = false;
};

}  // namespace coterie::nn
