#include "nn/rope.h"

#include <algorithm>
#include <cmath>

#include "base/numerics.h"

namespace coterie::nn {
namespace {

// The pair index at which a frequency turns n times over the original context (YaRN, eq. 17 and its find_correction_dim).
double correction_pair(const RopeConfig& c, double n_turns) {
  constexpr double kTwoPi = 6.283185307179586;
  return c.n_rot * numerics::log(c.n_ctx_original / (n_turns * kTwoPi)) / (2 * numerics::log(c.freq_base));
}

}  // namespace

Rope::Rope(const RopeConfig& c) : frequencies_(c.n_rot / 2), magnitude_(c.magnitude) {
  double low = 0, high = 0;
  if (c.yarn) {
    low = std::max(0.0, std::floor(correction_pair(c, c.beta_fast)));
    high = std::min<double>(c.n_rot - 1, std::ceil(correction_pair(c, c.beta_slow)));
  }
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    double f = numerics::pow(c.freq_base, -2.0 * static_cast<double>(i) / c.n_rot);
    if (c.freq_factors != nullptr) f /= c.freq_factors[i];
    // YaRN keeps the fast pairs, interpolates the slow ones and blends between; linear scaling interpolates all.
    const double ramp =
        c.yarn ? std::clamp((static_cast<double>(i) - low) / std::max(0.001, high - low), 0.0, 1.0) : 1.0;
    frequencies_[i] = f * (c.freq_scale * ramp + (1 - ramp));
  }
}

void Rope::fill(float* row, size_t pos) const {
  for (double f : frequencies_) {
    double sin, cos;
    numerics::sin_cos(static_cast<double>(pos) * f, &sin, &cos);
    *row++ = static_cast<float>(cos * magnitude_);
    *row++ = static_cast<float>(sin * magnitude_);
  }
}

void rotate_adjacent(float* x, const float* table_row, size_t n_rot) {
  for (size_t i = 0; i < n_rot; i += 2) {
    const float cos = table_row[i], sin = table_row[i + 1], a = x[i], b = x[i + 1];
    x[i] = a * cos - b * sin;
    x[i + 1] = a * sin + b * cos;
  }
}

void rotate_half_split(float* x, const float* table_row, size_t n_rot) {
  float* y = x + n_rot / 2;
  for (size_t i = 0; i < n_rot / 2; ++i) {
    const float cos = table_row[2 * i], sin = table_row[2 * i + 1], a = x[i], b = y[i];
    x[i] = a * cos - b * sin;
    y[i] = a * sin + b * cos;
  }
}

}  // namespace coterie::nn
