#include "options.h"

#include "default_model.h"
#include "terminal.h"

#include <limits>
#include <sstream>

namespace {

// An option whose help shows its default.
template <class Number>
CLI::Option* add_number(CLI::App& command, const char* flags, Number& value, const char* type, const char* text) {
  std::ostringstream shown;
  shown << type << " [" << value << "]";
  return command.add_option(flags, value, text)->option_text(shown.str());
}

}  // namespace

void ModelOptions::add_file_to(CLI::App& command) {
  command.add_option("-m,--model", file, "GGUF file (of a split model, the first); without it the default model")
      ->type_name("FILE");
}

void ModelOptions::add_engine_to(CLI::App& command) {
  command.add_option("-t,--threads", n_threads, "threads; 0 = every core this process may use")->type_name("N");
  command.add_flag("--log", log, "write the library's log lines to standard error");
}

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

void ContextOptions::add_to(CLI::App& command) {
  command.add_option("-c,--ctx", session.n_ctx, "context in tokens; 0 = the model's own, at most 4096")
      ->type_name("N");
  command.add_option("--chunk", session.n_chunk, "most tokens of the prompt evaluated at once; 0 = 256")
      ->type_name("N");
}

void SamplingOptions::add_to(CLI::App& command, const std::string& seed_default) {
  add_number(command, "-n,--max-tokens", max_tokens, "N", "most tokens to generate; 0 or -1 = until the model stops")
      ->check(CLI::Range(-1, std::numeric_limits<int32_t>::max()));
  add_number(command, "--temp", temperature, "T", "temperature; 0 = always the most likely token")
      ->check(CLI::NonNegativeNumber);
  add_number(command, "--top-k", top_k, "K", "sample from the K most likely tokens; 0 = off");
  add_number(command, "--top-p", top_p, "P", "sample from the most likely tokens that make up P; 0 = off")
      ->check(CLI::Range(0.0, 1.0));
  add_number(command, "--min-p", min_p, "P", "leave out tokens less likely than P times the most likely; 0 = off")
      ->check(CLI::Range(0.0, 1.0));
  add_number(command, "--repeat-penalty", repeat_penalty, "R", "make recent tokens less likely, as 1.1 does; 0 = off")
      ->check(CLI::NonNegativeNumber);
  command.add_option("-s,--seed", seed, "seed of the sampling: the same seed gives the same text")
      ->option_text("SEED [" + seed_default + "]");
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
