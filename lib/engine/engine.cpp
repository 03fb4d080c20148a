#include "engine/engine.h"

#include <cstdlib>

namespace coterie {

Status Engine::create(uint32_t n_threads, const Log& log, std::unique_ptr<Engine>* out) {
  std::unique_ptr<Engine> engine(new Engine());
  engine->log_ = log;
  COTERIE_RETURN_IF_ERROR(Arena::create(n_threads, &engine->arena_));
  const char* wanted = std::getenv("COTERIE_ISA");
  if (wanted != nullptr && *wanted == '\0') wanted = nullptr;
  engine->kernels_ = select_kernels(wanted);
  if (engine->kernels_ == nullptr) {
    return Error(Code::kUnsupported, "environment COTERIE_ISA: %s is unknown or cannot run on this machine", wanted);
  }
  log.write(LogLevel::kInfo, "kernels %s, %u threads", engine->kernels_->isa, engine->arena_->n_threads());
  *out = std::move(engine);
  return {};
}

}  // namespace coterie
