#include "base/parallel.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <new>

#include "base/float_mode.h"

namespace coterie {

struct Arena::Impl {
  explicit Impl(int n) : arena(n, 1) {}
  mutable tbb::task_arena arena;
};

Status Arena::create(uint32_t n_threads, std::unique_ptr<Arena>* out) {
  constexpr uint32_t kMost = 1024;
  if (n_threads > kMost) return Error(Code::kInvalidArgument, "n_threads: %u, expected at most %u", n_threads, kMost);
  if (n_threads == 0) n_threads = static_cast<uint32_t>(std::max(1, tbb::info::default_concurrency()));
  // Asked for more threads than it gives out, oneTBB would say so on stderr.
  n_threads = static_cast<uint32_t>(std::min<size_t>(
      n_threads, tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism)));
  out->reset(new Arena(n_threads, std::make_unique<Impl>(static_cast<int>(n_threads))));
  return {};
}

Arena::Arena(uint32_t n_threads, std::unique_ptr<Impl> impl) : n_threads_(n_threads), impl_(std::move(impl)) {}
Arena::~Arena() = default;

bool Arena::run(size_t n, TaskRef task, const std::atomic<bool>* cancel) const {
  auto stopped = [cancel] { return cancel != nullptr && cancel->load(std::memory_order_relaxed); };
  std::atomic<size_t> next{0};
  auto work = [&](size_t worker) {
    FloatMode mode;
    for (size_t i; !stopped() && (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) task(i, worker);
  };
  const size_t n_workers = std::min<size_t>(n_threads_, n);
  if (n_workers <= 1) {
    work(0);
  } else {
    // Isolated: while it waits for the last worker, the caller does not take up the tasks of another session.
    auto region = [&] {
      tbb::parallel_for(
          size_t{0}, n_workers, [&](size_t) { work(static_cast<size_t>(tbb::this_task_arena::current_thread_index())); },
          tbb::simple_partitioner());
    };
    impl_->arena.execute([&] { tbb::this_task_arena::isolate(region); });
  }
  return !stopped();
}

}  // namespace coterie
