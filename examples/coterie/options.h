// Options that several commands share, and what they become in the library's terms.
#pragma once

#include <coterie/coterie.hpp>

#include <cstdint>
#include <optional>
#include <string>

struct ModelOptions {
  std::string file;  // empty: the default model
  uint32_t n_threads = 0;
  bool log = false;

  std::string path() const;
  coterie::Model load() const;
};

struct SamplingOptions {
  int32_t max_tokens = 0;  // 0 and -1: until the model stops or the context is full
  float temperature = 0;
  uint32_t top_k = 0;
  float top_p = 0;
  float min_p = 0;
  float repeat_penalty = 0;
  std::optional<uint64_t> seed = std::nullopt;

  coterie::GenerationOptions generation(coterie_output output, uint64_t default_seed) const;
};
