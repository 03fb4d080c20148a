#include "base/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cfenv>
#include <chrono>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "base/expect_status.h"
#include "base/float_mode.h"

namespace coterie {
namespace {

std::unique_ptr<Arena> make_arena(uint32_t n_threads) {
  std::unique_ptr<Arena> arena;
  EXPECT_OK(Arena::create(n_threads, &arena));
  return arena;
}

// First in this file: oneTBB warns once per process, when asked for more threads than it will give.
TEST(Arena, NeverPrints) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  auto task = [](size_t, size_t) {};
  make_arena(8 * std::thread::hardware_concurrency())->run(1000, task, nullptr);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Arena, HasAtMostTheThreadsAskedFor) {
  for (const uint32_t n : {1u, 2u, 3u, 64u}) {
    EXPECT_GE(make_arena(n)->n_threads(), 1u);
    EXPECT_LE(make_arena(n)->n_threads(), n);
  }
  EXPECT_GE(make_arena(0)->n_threads(), 1u);
  std::unique_ptr<Arena> arena;
  EXPECT_ERROR(Arena::create(100000, &arena), Code::kInvalidArgument, {"n_threads", "100000"});
}

// Every task once, and never two at a time for one worker: tasks keep scratch memory per worker.
void check_run(const Arena& arena, size_t n) {
  std::vector<std::atomic<int>> runs(n), busy(arena.n_threads());
  std::atomic<int> n_errors{0};
  auto task = [&](size_t i, size_t worker) {
    if (i >= n || worker >= arena.n_threads()) {
      ++n_errors;
      return;
    }
    if (busy[worker].exchange(1) != 0) ++n_errors;
    ++runs[i];
    busy[worker].store(0);
  };
  EXPECT_TRUE(arena.run(n, task, nullptr));
  EXPECT_EQ(n_errors, 0);
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(runs[i], 1) << "task " << i << " of " << n;
}

TEST(Arena, RunsEveryTaskOnce) {
  for (const uint32_t n_threads : {1u, 2u, 3u, 8u}) {
    const auto arena = make_arena(n_threads);
    for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, size_t{10000}}) check_run(*arena, n);
  }
}

TEST(Arena, OneThreadTakesTasksInOrder) {
  const auto arena = make_arena(1);
  std::vector<size_t> order;
  auto task = [&](size_t i, size_t) { order.push_back(i); };
  EXPECT_TRUE(arena->run(100, task, nullptr));
  ASSERT_EQ(order.size(), 100u);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(Arena, ServesSeveralCallersAtOnce) {
  const auto arena = make_arena(2);
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 20; ++repeat) check_run(*arena, 500);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST(Arena, CancelLeavesTasksOut) {
  for (const uint32_t n_threads : {1u, 4u}) {
    const auto arena = make_arena(n_threads);
    std::atomic<bool> cancel{false};
    std::atomic<size_t> begun{0}, ended{0};
    auto task = [&](size_t, size_t) {
      if (++begun == 100) cancel = true;
      ++ended;
    };
    constexpr size_t kTasks = 10000000;
    EXPECT_FALSE(arena->run(kTasks, task, &cancel));
    EXPECT_GE(begun, 100u);
    EXPECT_LT(begun, kTasks);
    EXPECT_EQ(begun, ended) << "run returned before its tasks did";

    begun = 0;
    EXPECT_FALSE(arena->run(10, task, &cancel)) << "cancelled before it began";
    EXPECT_EQ(begun, 0u);
    cancel = false;
    EXPECT_TRUE(arena->run(10, task, &cancel));
    EXPECT_EQ(begun, 10u);
  }
}

#if defined(__x86_64__)
unsigned float_mode() { return _mm_getcsr() & ~0x3fu; }  // without the sticky flags
void flush_denormals() { _mm_setcsr(_mm_getcsr() | 0x8040); }
void reset_float_mode() { _mm_setcsr(0x1f80); }
#elif defined(__aarch64__)
unsigned float_mode() { return __builtin_aarch64_get_fpcr(); }
void flush_denormals() { __builtin_aarch64_set_fpcr(__builtin_aarch64_get_fpcr() | 1u << 24); }
void reset_float_mode() { __builtin_aarch64_set_fpcr(0); }
#endif

float half_of_the_smallest_normal() {
  volatile float smallest = std::numeric_limits<float>::min();
  return smallest / 2;
}

float third() {
  volatile float one = 1, three = 3;
  return one / three;
}

TEST(Arena, TasksComputeInTheDefaultMode) {
  const float nearest = third();
  ASSERT_NE(half_of_the_smallest_normal(), 0.0f);
  for (const uint32_t n_threads : {1u, 4u}) {
    const auto arena = make_arena(n_threads);
    flush_denormals();
    std::fesetround(FE_UPWARD);
    const unsigned hosts_mode = float_mode();
    const bool host_flushes = half_of_the_smallest_normal() == 0.0f;
    std::atomic<int> n_flushed{0}, n_misrounded{0};
    auto task = [&](size_t, size_t) {
      if (half_of_the_smallest_normal() == 0.0f) ++n_flushed;
      if (third() != nearest) ++n_misrounded;
    };
    arena->run(64, task, nullptr);
    const unsigned mode_after = float_mode();
    reset_float_mode();
    EXPECT_TRUE(host_flushes) << "the test itself";
    EXPECT_EQ(n_flushed, 0);
    EXPECT_EQ(n_misrounded, 0);
    EXPECT_EQ(mode_after, hosts_mode) << "the host's mode is its own";
  }
}

TEST(FloatMode, RestoresWhatItFound) {
  flush_denormals();
  const unsigned before = float_mode();
  bool keeps_denormals = false;
  {
    const FloatMode mode;
    keeps_denormals = half_of_the_smallest_normal() != 0.0f;
  }
  const unsigned after = float_mode();
  reset_float_mode();
  EXPECT_TRUE(keeps_denormals);
  EXPECT_EQ(after, before);
}

double process_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Arena, IdleThreadsSleep) {
  const auto arena = make_arena(4);
  check_run(*arena, 10000);
  const double before = process_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(process_seconds() - before, 0.03);
}

}  // namespace
}  // namespace coterie
