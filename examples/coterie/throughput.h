// Counts the tokens of an answer, and says how it went: how fast, and how far.
#pragma once

#include <coterie/coterie.hpp>

#include <chrono>
#include <cstdio>
#include <string>

class Throughput {
 public:
  void add(const coterie::Event& event) {
    const auto now = Clock::now();
    if (event.type == COTERIE_EVENT_PROMPT) {
      n_prompt_ = event.n_total;
      prompt_end_ = now;
    }
    n_generated_ += event.tokens.size();
    end_ = now;
  }

  size_t n_generated() const { return n_generated_; }

  // "prompt 12 tokens, 85.1/s; answer 40 tokens, 21.3/s"
  std::string text() const {
    return "prompt " + part(n_prompt_, prompt_end_ - start_) + "; answer " + part(n_generated_, end_ - prompt_end_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::string part(size_t n_tokens, std::chrono::duration<double> time) {
    char rate[64] = "";
    if (n_tokens > 0 && time.count() > 0)
      std::snprintf(rate, sizeof rate, ", %.1f/s", static_cast<double>(n_tokens) / time.count());
    return std::to_string(n_tokens) + " tokens" + rate;
  }

  Clock::time_point start_ = Clock::now(), prompt_end_ = start_, end_ = start_;
  size_t n_prompt_ = 0, n_generated_ = 0;
};

inline std::string prompt_progress(const coterie::Event& event) {
  return "reading the prompt: " + std::to_string(event.n_done) + " of " + std::to_string(event.n_total) + " tokens";
}
