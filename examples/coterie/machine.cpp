#include "machine.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string_view>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace {

// More than any cache holds: server parts have 256 MiB and more.
constexpr size_t kBytes = size_t{1} << 30, kHugePage = size_t{2} << 20, kStreams = 8, kLine = 64;
constexpr size_t kPasses = 8, kSegments = 8;

// The text behind "name:" in a file of such lines; empty if there is none.
std::string field(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(name) || colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

// Of a line of /proc/self/status, which counts in kB of 1024.
uint64_t status_bytes(const char* name) {
  return std::strtoull(field("/proc/self/status", name).c_str(), nullptr, 10) * 1024;
}

// Bytes of each stream in a part of memory of n bytes. Streams at powers of two would meet in few sets of the caches.
size_t stream_bytes(size_t n) { return n / kStreams / kLine * kLine - 12 * kLine; }

uint64_t sum_of(const unsigned char* bytes, size_t n) {
  using Words = uint64_t __attribute__((vector_size(16)));
  const auto load = [](const void* from) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    return words;
  };
  Words a = {}, b = {}, c = {}, d = {};  // an array would not be kept in registers
  for (size_t i = 0; i < stream_bytes(n); i += kLine) {
    for (size_t s = 0; s < kStreams; ++s) {
      const unsigned char* line = bytes + s * stream_bytes(n) + i;
      __builtin_prefetch(line + 1024);
      a += load(line);
      b += load(line + 16);
      c += load(line + 32);
      d += load(line + 48);
    }
  }
  const Words sum = a + b + c + d;
  return sum[0] + sum[1];
}

}  // namespace

std::string cpu_name() {
  const std::string name = field("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown CPU" : name;
}

ReadRate read_rate(unsigned n_threads) {
  using Clock = std::chrono::steady_clock;
  const std::unique_ptr<void, void (*)(void*)> memory(std::aligned_alloc(kHugePage, kBytes), std::free);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
  madvise(memory.get(), kBytes, MADV_HUGEPAGE);
#endif
  std::memset(memory.get(), 1, kBytes);
  const size_t part = kBytes / n_threads, segment = part / kSegments;  // short, so that some go without interruption
  std::vector<Clock::duration> times;
  times.reserve(kPasses * kSegments);
  Clock::time_point start;
  auto next_segment = [&]() noexcept {  // runs in one thread while the others wait
    const Clock::time_point now = Clock::now();
    if (start != Clock::time_point()) times.push_back(now - start);
    start = now;
  };
  std::barrier barrier(n_threads, next_segment);
  std::vector<uint64_t> sums(n_threads);
  auto read = [&](unsigned thread) {
    const auto* bytes = static_cast<const unsigned char*>(memory.get()) + thread * part;
    for (size_t i = 0; i < kPasses * kSegments; ++i) {
      barrier.arrive_and_wait();
      sums[thread] += sum_of(bytes + i % kSegments * segment, segment);
    }
    barrier.arrive_and_wait();
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < n_threads; ++i) threads.emplace_back(read, i);
  read(0);
  threads.clear();
  for (const uint64_t sum : sums) if (sum == 0) return {};  // the sums count: reading cannot be optimised away
  std::ranges::sort(times);
  const auto rate = [&](Clock::duration time) {
    return static_cast<double>(stream_bytes(segment) * kStreams * n_threads) / std::chrono::duration<double>(time).count();
  };
  return {rate(times.front()), rate(times[times.size() / 2])};
}

ResidentMemory resident_memory() {
  ResidentMemory memory;
  memory.total = status_bytes("VmRSS");
  memory.file = status_bytes("RssFile");
  memory.own = memory.total - std::min(memory.file, memory.total);
  return memory;
}
