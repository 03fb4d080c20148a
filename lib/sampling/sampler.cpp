#include "sampling/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/float_mode.h"
#include "base/numerics.h"

namespace coterie {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr uint32_t kDefaultLastN = 64;

// NaN to kNever, +infinity to the largest float: what remains can be ordered and subtracted.
float usable(float logit) { return logit <= kLargest ? logit : logit > kLargest ? kLargest : kNever; }

// The strict order of tokens as one integer: a smaller key is a larger logit or, on a tie, a lower id.
uint64_t key(float logit, size_t id) {
  constexpr uint32_t kSign = 0x80000000;
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0f);  // + 0: one zero, not two
  const uint32_t ascending = bits & kSign ? ~bits : bits | kSign;
  return static_cast<uint64_t>(~ascending) << 32 | id;
}

size_t id_of(uint64_t key) { return static_cast<uint32_t>(key); }

Status check_range(const char* field, float value, float max) {
  if (value >= 0 && value <= max) return Status();
  return Error(Code::kInvalidArgument, "%s: %g, expected a number from 0 to %g", field, static_cast<double>(value),
               static_cast<double>(max));
}

}  // namespace

Status validate(const SamplingOptions& options) {
  COTERIE_RETURN_IF_ERROR(check_range("temperature", options.temperature, kLargest));
  COTERIE_RETURN_IF_ERROR(check_range("top_p", options.top_p, 1));
  COTERIE_RETURN_IF_ERROR(check_range("min_p", options.min_p, 1));
  return check_range("repeat_penalty", options.repeat_penalty, kLargest);
}

Sampler::Sampler(const SamplingOptions& options, size_t n_vocab)
    : options_(options),
      unit_bits_(std::min(51, 62 - static_cast<int>(std::bit_width(n_vocab)))),
      min_p_gap_(numerics::log(options.min_p)),
      random_(options.seed),
      logits_(n_vocab) {
  COTERIE_ASSERT(validate(options).ok() && n_vocab > 0 && n_vocab < size_t{1} << 31);
  if (options_.top_k == 0) options_.top_k = std::numeric_limits<uint32_t>::max();  // off
  if (options_.top_p == 0) options_.top_p = 1;
  if (options_.repeat_penalty == 0) options_.repeat_penalty = 1;
  if (options_.repeat_last_n == 0) options_.repeat_last_n = kDefaultLastN;
  if (options_.temperature == 0) return;
  weights_.resize(n_vocab);
  candidates_.reserve(n_vocab);
}

int32_t Sampler::sample(const float* logits, std::span<const int32_t> recent, std::span<const uint8_t> banned) {
  if (options_.temperature == 0) {
    const FloatMode mode;
    load(logits, recent, banned);
    return most_likely();
  }
  uint64_t total = 0;
  for (uint64_t w : weigh(logits, recent, banned)) total += w;
  if (total == 0) return -1;
  uint64_t rest = random_.below(total);
  size_t id = 0;
  for (; rest >= weights_[id]; ++id) rest -= weights_[id];
  return static_cast<int32_t>(id);
}

std::span<const uint64_t> Sampler::weigh(const float* logits, std::span<const int32_t> recent,
                                         std::span<const uint8_t> banned) {
  COTERIE_ASSERT(options_.temperature > 0);
  const FloatMode mode;
  load(logits, recent, banned);
  const int32_t best = most_likely();
  max_logit_ = best < 0 ? 0 : logits_[static_cast<size_t>(best)];
  keep_top_k();
  keep_top_p();

  const double temperature = options_.temperature;
  for (size_t id = 0; id < logits_.size(); ++id) {
    const double distance = static_cast<double>(logits_[id]) - max_logit_;  // <= 0
    const bool kept = key(logits_[id], id) <= last_kept_ && distance >= min_p_gap_;
    weights_[id] = kept ? weight(distance / temperature) : 0;
  }
  return weights_;
}

void Sampler::load(const float* logits, std::span<const int32_t> recent, std::span<const uint8_t> banned) {
  COTERIE_ASSERT(banned.empty() || banned.size() == logits_.size());
  for (size_t id = 0; id < logits_.size(); ++id) logits_[id] = usable(logits[id]);
  const float penalty = options_.repeat_penalty;
  if (penalty != 1) {
    for (int32_t token : recent.last(std::min<size_t>(recent.size(), options_.repeat_last_n))) {
      const size_t id = static_cast<size_t>(token);
      if (id >= logits_.size()) continue;
      const float logit = usable(logits[id]);  // not logits_[id]: a token that occurs twice is penalised once
      logits_[id] = usable(logit > 0 ? logit / penalty : logit * penalty);
    }
  }
  for (size_t id = 0; id < banned.size(); ++id) {
    if (banned[id] != 0) logits_[id] = kNever;
  }
}

int32_t Sampler::most_likely() const {
  size_t best = 0;
  for (size_t id = 1; id < logits_.size(); ++id) {
    if (logits_[id] > logits_[best]) best = id;
  }
  return logits_[best] == kNever ? -1 : static_cast<int32_t>(best);
}

void Sampler::keep_top_k() {
  last_kept_ = std::numeric_limits<uint64_t>::max();
  if (options_.top_k >= logits_.size() && options_.top_p == 1) return;
  const size_t k = options_.top_k;
  candidates_.clear();
  const auto shrink = [&] {
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(k - 1), candidates_.end());
    candidates_.resize(k);
    last_kept_ = candidates_.back();
  };
  for (size_t id = 0; id < logits_.size(); ++id) {
    const uint64_t c = key(logits_[id], id);
    if (c > last_kept_ || logits_[id] == kNever) continue;
    if (candidates_.size() / 2 == k) shrink();  // now and then, so that few of many tokens are looked at twice
    candidates_.push_back(c);
  }
  if (candidates_.size() > k) shrink();
}

void Sampler::keep_top_p() {
  if (options_.top_p == 1 || candidates_.empty()) return;
  uint64_t total = 0;
  for (uint64_t c : candidates_) {
    const size_t id = id_of(c);
    total += weights_[id] = weight(static_cast<double>(logits_[id]) - max_logit_);
  }
  const double wanted = static_cast<double>(options_.top_p) * static_cast<double>(total);
  const uint64_t enough = std::clamp<uint64_t>(static_cast<uint64_t>(std::ceil(wanted)), 1, total);

  // Tokens that weigh less than an equal share of what may be dropped are dropped even if all of them go together.
  const uint64_t share = (total - enough) / candidates_.size();
  std::erase_if(candidates_, [&](uint64_t c) { return weights_[id_of(c)] < share; });

  last_kept_ = key_where_sum_reaches(enough);
}

// Of the candidates in order of their keys: the first with which the sum of weights is at least `enough`.
uint64_t Sampler::key_where_sum_reaches(uint64_t enough) {
  const auto at = [&](size_t i) { return candidates_.begin() + static_cast<ptrdiff_t>(i); };
  // The best `low` candidates stand first and weigh `before` < enough; the best `high` weigh at least enough.
  size_t low = 0, high = candidates_.size();
  uint64_t before = 0;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    std::nth_element(at(low), at(middle), at(high));
    uint64_t sum = before;
    for (size_t i = low; i < middle; ++i) sum += weights_[id_of(candidates_[i])];
    if (sum >= enough) {
      high = middle;
    } else {
      low = middle;
      before = sum;
    }
  }
  return candidates_[low];
}

// exp(logarithm) in units of 2^-unit_bits_, for logarithm <= 0, without a branch. Only the IEEE operations + - *: the
// same bits everywhere, and many times faster than numerics::exp where the compiler may not use fma instructions.
uint64_t Sampler::weight(double logarithm) const {
  constexpr double kLog2E = 0x1.71547652b82fep+0, kLn2 = 0x1.62e42fefa39efp-1;
  constexpr double kRound = 0x1.8p52, kInteger = 0x1p52;  // x + kRound: the nearest integer stands in the low bits
  const double power = std::max(logarithm * kLog2E, -2.0 - unit_bits_) + unit_bits_;
  const double whole = power + kRound;
  const double r = (power - (whole - kRound)) * kLn2;  // |r| <= 0.347
  // Taylor series by Horner's scheme; the term of degree 12 is below 2^-46.
  constexpr double kFactorials[] = {3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1};
  double sum = 1.0 / 39916800;
  for (double f : kFactorials) sum = sum * r + 1 / f;
  const auto scale = std::bit_cast<double>((std::bit_cast<uint64_t>(whole) + 1023) << 52);
  return std::bit_cast<uint64_t>(sum * scale + kInteger) - std::bit_cast<uint64_t>(kInteger);
}

}  // namespace coterie
