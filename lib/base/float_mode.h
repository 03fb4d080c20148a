// FloatMode: while it lives, this thread computes with round-to-nearest, denormals and masked exceptions, whatever the
// host has set; afterwards the host's mode is back. One answer needs it (docs/arithmetic.md).
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace coterie {

class FloatMode {
 public:
  FloatMode() : saved_(get()) { if (saved_ != kDefault) set(kDefault); }
  ~FloatMode() { if (saved_ != kDefault) set(saved_); }
  FloatMode(const FloatMode&) = delete;
  FloatMode& operator=(const FloatMode&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr unsigned kDefault = 0x1f80;  // MXCSR at reset
  static unsigned get() { return _mm_getcsr() & ~0x3fu; }  // without the sticky flags
  static void set(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
  static constexpr unsigned kDefault = 0;  // FPCR
  static unsigned get() { return __builtin_aarch64_get_fpcr(); }
  static void set(unsigned mode) { __builtin_aarch64_set_fpcr(mode); }
#endif
  unsigned saved_;
};

}  // namespace coterie
