// Engine: threads, kernels and log sink of one host. Nothing here is global.
#pragma once

#include <memory>

#include "base/log.h"
#include "base/parallel.h"
#include "base/status.h"
#include "kernels.h"

namespace coterie {

class Engine {
 public:
  // n_threads 0: every core this process may use. Errors: kUnsupported for a COTERIE_ISA that cannot run here.
  static Status create(uint32_t n_threads, const Log& log, std::unique_ptr<Engine>* out);

  const Log& log() const { return log_; }
  const Arena& arena() const { return *arena_; }
  const Kernels& kernels() const { return *kernels_; }

 private:
  Engine() = default;
  Log log_;
  std::unique_ptr<Arena> arena_;
  const Kernels* kernels_ = nullptr;
};

}  // namespace coterie
