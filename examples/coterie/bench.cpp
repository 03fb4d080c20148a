// coterie bench: how fast a model runs here, beside what the machine's memory allows.
#include "commands.h"
#include "formatting.h"
#include "machine.h"
#include "terminal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median_of(std::vector<double> samples) {
  std::ranges::sort(samples);
  const size_t n = samples.size();
  return (samples[(n - 1) / 2] + samples[n / 2]) / 2;
}

// One test and its samples, in tokens a second.
struct Measurement {
  size_t depth = 0, n_tokens = 0;
  std::vector<double> samples;

  double median() const { return median_of(samples); }
};

// All tests with one number of threads.
struct Run {
  uint32_t n_threads = 0;
  std::string isa;
  double open_seconds = 0;
  double best_read_rate = 0;
  std::vector<double> read_rates;  // medians, one for each time it was measured
  std::vector<Measurement> prefill, decode;
  ResidentMemory memory;

  // What reading the active weights and the context once a token allows, in tokens a second.
  double roofline(const coterie::ModelInfo& info, const Measurement& m) const {
    const double context = static_cast<double>(m.depth) + static_cast<double>(m.n_tokens) / 2;
    return best_read_rate / (static_cast<double>(info.touched_bytes_per_token) +
                             context * static_cast<double>(info.kv_bytes_per_token));
  }
};

// Tokens without meaning, so that experts are chosen as diversely as the model can. Never the same twice.
class RandomTokens {
 public:
  explicit RandomTokens(uint32_t n_vocab) : n_vocab_(n_vocab) {}
  std::vector<coterie::Token> take(size_t n) {
    std::vector<coterie::Token> tokens(n);
    for (coterie::Token& token : tokens) {
      state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
      token = static_cast<coterie::Token>((state_ >> 32) % n_vocab_);
    }
    return tokens;
  }

 private:
  uint64_t state_ = 88172645463325252;  // of a xorshift generator
  uint32_t n_vocab_;
};

// The first token is another one than the session holds, so that nothing is kept.
void prefill(coterie::Session& session, std::vector<coterie::Token> tokens) {
  if (!session.tokens().empty() && session.tokens()[0] == tokens[0]) tokens[0] = tokens[0] == 0 ? 1 : 0;
  if (!session.sync(tokens)) throw std::runtime_error("cancelled");
}

Measurement measure_prefill(coterie::Session& session, RandomTokens& random, uint32_t n_tokens, uint32_t repeats) {
  Measurement m{0, n_tokens, {}};
  while (m.samples.size() < repeats) {
    const auto start = Clock::now();
    prefill(session, random.take(n_tokens));
    m.samples.push_back(n_tokens / seconds_since(start));
  }
  return m;
}

Measurement measure_decode(coterie::Session& session, RandomTokens& random, uint32_t depth, uint32_t n_tokens,
                           uint32_t repeats) {
  Measurement m{depth, n_tokens, {}};
  prefill(session, random.take(std::max(depth, 1U)));
  const std::vector<coterie::Token> held(session.tokens().begin(), session.tokens().end());
  while (m.samples.size() < repeats) {
    if (!session.sync(held)) throw std::runtime_error("cancelled");
    const std::vector<coterie::Token> tokens = random.take(n_tokens);
    const auto start = Clock::now();
    for (const coterie::Token& token : tokens)
      if (!session.eval({&token, 1})) throw std::runtime_error("cancelled");
    m.samples.push_back(n_tokens / seconds_since(start));
  }
  return m;
}

Run run_with(const BenchOptions& options, uint32_t n_threads, StatusLine& status) {
  Run run;
  const auto start = Clock::now();
  const coterie::Engine engine({.n_threads = n_threads, .log = {}});
  const coterie::Model model(engine, options.model.path());
  run.open_seconds = seconds_since(start);
  run.n_threads = engine.n_threads();
  run.isa = engine.isa();

  const uint32_t longest = std::ranges::max(options.prompts), deepest = std::max(std::ranges::max(options.depths), 1U);
  coterie::Session session(model, {std::max({longest, deepest + options.n_decode, 32U}), options.n_chunk, options.kv_type});
  RandomTokens random(model.info().n_vocab);
  // The memory is measured again before every test, as neighbours on the machine come and go.
  auto begin_test = [&](const std::string& what) {
    status.set(format("%u threads: %s", run.n_threads, what.c_str()));
    const ReadRate rate = read_rate(run.n_threads);
    run.best_read_rate = std::max(run.best_read_rate, rate.best);
    run.read_rates.push_back(rate.median);
  };
  begin_test("warming up");
  if (longest != 0 || options.n_decode != 0)
    prefill(session, random.take(options.prompts[0] != 0 ? options.prompts[0] : 32));
  for (const uint32_t n : options.prompts) {
    if (n == 0) continue;
    begin_test(format("reading %u tokens", n));
    run.prefill.push_back(measure_prefill(session, random, n, options.repeats));
  }
  for (const uint32_t depth : options.depths) {
    if (options.n_decode == 0) continue;
    begin_test(format("generating behind %u tokens", depth));
    run.decode.push_back(measure_decode(session, random, depth, options.n_decode, options.repeats));
  }
  run.memory = resident_memory();
  return run;
}

Json to_json(const coterie::ModelInfo& info, const Run& run) {
  Json json = {{"threads", run.n_threads},
               {"isa", run.isa},
               {"open_seconds", run.open_seconds},
               {"read_bytes_per_second", run.best_read_rate},
               {"median_read_bytes_per_second", median_of(run.read_rates)},
               {"resident_bytes", run.memory.total},
               {"resident_file_bytes", run.memory.file},
               {"resident_own_bytes", run.memory.own},
               {"prefill", Json::array()},
               {"decode", Json::array()}};
  for (const Measurement& m : run.prefill) {
    json["prefill"].push_back({{"n_tokens", m.n_tokens},
                               {"tokens_per_second", m.median()},
                               {"first_token_seconds", static_cast<double>(m.n_tokens) / m.median()},
                               {"samples", m.samples}});
  }
  for (const Measurement& m : run.decode) {
    const double roofline = run.roofline(info, m);
    json["decode"].push_back({{"depth", m.depth},
                              {"n_tokens", m.n_tokens},
                              {"tokens_per_second", m.median()},
                              {"roofline_tokens_per_second", roofline},
                              {"share_of_roofline", m.median() / roofline},
                              {"samples", m.samples}});
  }
  return json;
}

std::string to_json(const std::string& path, const coterie::ModelInfo& info, const std::vector<Run>& runs) {
  Json json = {{"file", path},
               {"name", info.name},
               {"architecture", info.architecture},
               {"file_bytes", info.file_bytes},
               {"touched_bytes_per_token", info.touched_bytes_per_token},
               {"kv_bytes_per_token", info.kv_bytes_per_token},
               {"cpu", cpu_name()},
               {"runs", Json::array()}};
  for (const Run& run : runs) json["runs"].push_back(to_json(info, run));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_table(const std::string& path, const coterie::ModelInfo& info, const std::vector<Run>& runs) {
  std::string text = format("%s: %s, %s touched for a token\n%s, %s kernels\n", path.c_str(),
                            size_of(info.file_bytes).c_str(), size_of(info.touched_bytes_per_token).c_str(),
                            cpu_name().c_str(), runs[0].isa.c_str());
  for (const Run& run : runs) {
    text += format("\n%u thread%s: the memory gives %s/s at best, %s/s usually; opened in %.2f s\n", run.n_threads,
                   run.n_threads == 1 ? "" : "s", size_of(static_cast<uint64_t>(run.best_read_rate)).c_str(),
                   size_of(static_cast<uint64_t>(median_of(run.read_rates))).c_str(), run.open_seconds);
    for (const Measurement& m : run.prefill) {
      text += format("  prefill %6zu tokens            %9.2f tokens/s   first token after %.2f s\n", m.n_tokens,
                     m.median(), static_cast<double>(m.n_tokens) / m.median());
    }
    for (const Measurement& m : run.decode) {
      text += format("  decode  %6zu tokens at %6zu  %9.2f tokens/s   %.0f %% of what the memory allows\n", m.n_tokens,
                     m.depth, m.median(), 100 * m.median() / run.roofline(info, m));
    }
    text += format("  resident: %s of the file, %s of its own\n", size_of(run.memory.file).c_str(),
                   size_of(run.memory.own).c_str());
  }
  return text;
}

// Of a token in a context of some type, from that in one of halves. An indexer's keys, which are halves in every context,
// are taken as part of it.
uint64_t kv_bytes(uint64_t as_halves, coterie_kv_type type) {
  switch (type) {
    case COTERIE_KV_F32: return 2 * as_halves;
    case COTERIE_KV_Q8_0: return as_halves * 34 / 64;  // 32 numbers take 34 bytes
    default: return as_halves;
  }
}

}  // namespace

void bench(const BenchOptions& options) {
  const std::string path = options.model.path();
  coterie::ModelInfo info = coterie::file_info(path);
  info.kv_bytes_per_token = kv_bytes(info.kv_bytes_per_token, options.kv_type);
  std::vector<Run> runs;
  StatusLine status;
  for (const uint32_t n_threads : options.threads) runs.push_back(run_with(options, n_threads, status));
  status.clear();
  write_output(options.json ? to_json(path, info, runs) : to_table(path, info, runs));
}
