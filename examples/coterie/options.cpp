#include "options.h"

#include "default_model.h"
#include "terminal.h"

std::string ModelOptions::path() const { return file.empty() ? default_model_path() : file; }

coterie::Model ModelOptions::load() const {
  coterie::EngineOptions engine_options{.n_threads = n_threads, .log = {}};
  if (log)
    engine_options.log = [](coterie_log_level, std::string_view line) { write_dim(std::string(line) + "\n"); };
  const std::string model_path = path();
  StatusLine status;
  status.set("loading " + model_path);
  return coterie::Model(coterie::Engine(engine_options), model_path);
}

coterie::GenerationOptions SamplingOptions::generation(coterie_output output, uint64_t default_seed) const {
  coterie::GenerationOptions options;
  options.max_tokens = max_tokens > 0 ? static_cast<uint32_t>(max_tokens) : 0;
  options.output = output;
  options.temperature = temperature;
  options.top_k = top_k;
  options.top_p = top_p;
  options.min_p = min_p;
  options.repeat_penalty = repeat_penalty;
  options.seed = seed.value_or(default_seed);
  return options;
}
