// Command-line options that several commands share, and what they become in the library's terms.
#pragma once

#include <CLI/CLI.hpp>
#include <coterie/coterie.hpp>

#include <cstdint>
#include <optional>
#include <string>

struct ModelOptions {
  std::string file;  // empty: the default model
  uint32_t n_threads = 0;
  bool log = false;

  void add_file_to(CLI::App& command);    // -m
  void add_engine_to(CLI::App& command);  // -t --log
  std::string path() const;
  coterie::Model load() const;
};

struct ContextOptions {
  coterie::SessionOptions session;

  void add_to(CLI::App& command);  // -c --chunk
};

// Filled with a command's defaults before add_to.
struct SamplingOptions {
  int32_t max_tokens = 0;  // 0 and -1: until the model stops or the context is full
  float temperature = 0;
  uint32_t top_k = 0;
  float top_p = 0;
  float min_p = 0;
  float repeat_penalty = 0;
  std::optional<uint64_t> seed = std::nullopt;

  void add_to(CLI::App& command, const std::string& seed_default);  // -n --temp --top-k --top-p --min-p -s
  coterie::GenerationOptions generation(coterie_output output, uint64_t default_seed) const;
};
