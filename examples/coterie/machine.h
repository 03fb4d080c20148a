// What the machine is, how fast it reads its memory, and how much of it this process holds.
#pragma once

#include <cstdint>
#include <string>

std::string cpu_name();  // as the system calls it, or "unknown CPU"

// Bytes a second that n_threads read together, each going over 8 sequential streams of memory that no cache holds.
struct ReadRate {
  double best = 0;    // of many short runs: no program that computes on what it reads can be faster
  double median = 0;  // of them: less where others use the same memory
};
ReadRate read_rate(unsigned n_threads);

// Memory of this process that is in RAM now; all 0 where the system does not say.
struct ResidentMemory {
  uint64_t total = 0;
  uint64_t file = 0;  // pages of mapped files: of the model, those that were touched
  uint64_t own = 0;   // everything else
};
ResidentMemory resident_memory();
