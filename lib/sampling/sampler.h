// Sampler: logits to the next token. Knows no text, model or session; takes all its memory when made.
//
// The stages, in this order:
//   1. repetition penalty   each of the last repeat_last_n tokens once: logit > 0 ? logit / penalty : logit * penalty
//   2. greedy               temperature 0: the largest logit, lowest id on a tie; nothing below applies
//   3. top_k                keep the k largest logits
//   4. top_p                of these, keep the shortest run of the largest with top_p of their probability
//   5. min_p                of these, keep what is at least min_p times as likely as the largest
//   6. temperature          softmax(logit / temperature) over what is left, and one draw
// Filters come before the temperature, as users of llama.cpp expect: which tokens are possible does not depend on it,
// only how evenly they are chosen.
//
// The same logits, options and number of earlier draws give the same token everywhere: the order of tokens is strict
// (larger logit first, lower id on a tie), exponentials are ours, and probabilities are integers whose sums are exact,
// so no result depends on an order of summation or on how the standard library selects. Filters that keep everything
// change nothing: draws walk the tokens by id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "sampling/random.h"

namespace coterie {

struct SamplingOptions {  // zero always means the default
  float temperature = 0;       // 0: greedy
  uint32_t top_k = 0;          // 0: off
  float top_p = 0;             // 0 or 1: off
  float min_p = 0;             // 0: off
  float repeat_penalty = 0;    // 0 or 1: off; below 1 favours repetition
  uint32_t repeat_last_n = 0;  // 0: 64
  uint64_t seed = 0;
};

// kInvalidArgument, naming the field: NaN, infinity, a negative number, top_p or min_p above 1.
Status validate(const SamplingOptions& options);

class Sampler {
 public:
  Sampler(const SamplingOptions& options, size_t n_vocab);  // options must be valid, 0 < n_vocab < 2^31

  // Chooses from logits [n_vocab]. recent: all tokens so far, newest last; ids outside the vocabulary are passed over.
  // banned: empty or [n_vocab], not 0 where a token may not be chosen. Tokens whose logit is NaN or -infinity are never
  // chosen; +infinity counts as the largest float. Returns -1 when no token is left: the model's output is broken.
  int32_t sample(const float* logits, std::span<const int32_t> recent, std::span<const uint8_t> banned);

  // Stages 1 to 6 without the draw: [n_vocab] weights in proportion to the probabilities, 0 for what was dropped. For a
  // vocabulary of 2^17 the most likely token weighs 2^44. Valid until the next call. Needs temperature > 0.
  std::span<const uint64_t> weigh(const float* logits, std::span<const int32_t> recent,
                                  std::span<const uint8_t> banned);

 private:
  void load(const float* logits, std::span<const int32_t> recent, std::span<const uint8_t> banned);
  int32_t most_likely() const;  // -1: none
  void keep_top_k();
  void keep_top_p();
  uint64_t key_where_sum_reaches(uint64_t enough);
  uint64_t weight(double logarithm) const;

  SamplingOptions options_;
  int unit_bits_;     // the largest weight is 2^unit_bits_, so that the sum of n_vocab of them fits into 63 bits
  double min_p_gap_;  // log(min_p)
  Random random_;

  std::vector<float> logits_;         // [n_vocab] with penalties; -infinity: may not be chosen
  std::vector<uint64_t> weights_;     // [n_vocab]
  std::vector<uint64_t> candidates_;  // the keys (sampler.cpp) of the tokens that top_k and top_p keep, in no order
  uint64_t last_kept_ = 0;            // the largest key they keep
  float max_logit_ = 0;
};

}  // namespace coterie
