// The elementary functions against the system's long double ones.
#include "base/numerics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace coterie::numerics {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned kSeed = 20240117;

// The error of x in units of the last place of the true value.
double ulps(double x, long double truth) {
  const double near = std::abs(static_cast<double>(truth));
  const double ulp = std::nextafter(near, kInf) - near;
  return static_cast<double>(std::abs(static_cast<long double>(x) - truth)) / ulp;
}

template <class Draw, class Error>
void expect_accurate(Draw draw, Error error, double bound = 2) {
  std::mt19937_64 random(kSeed);
  double worst = 0, worst_x = 0;
  for (int i = 0; i < 200000; ++i) {
    const double x = draw(random), e = error(x);
    if (!(e <= worst)) worst = e, worst_x = x;
  }
  EXPECT_LT(worst, bound) << "at x = " << worst_x << ", seed " << kSeed;
}

TEST(Numerics, Exp) {
  std::uniform_real_distribution<double> wide(-708, 709), near(-1, 1);
  const auto error = [](double x) { return ulps(exp(x), std::exp(static_cast<long double>(x))); };
  expect_accurate(wide, error);
  expect_accurate(near, error);
  EXPECT_EQ(exp(0), 1);
  EXPECT_EQ(exp(1000), kInf);
  EXPECT_EQ(exp(kInf), kInf);
  EXPECT_EQ(exp(-1000), 0);
  EXPECT_EQ(exp(-kInf), 0);
  EXPECT_TRUE(std::isnan(exp(kNan)));
  EXPECT_GT(exp(-740), 0) << "denormal results";
}

TEST(Numerics, Log) {
  std::uniform_real_distribution<double> exponent(-1074, 1023), near(0.5, 2);
  const auto error = [](double x) { return ulps(log(x), std::log(static_cast<long double>(x))); };
  expect_accurate([&](auto& random) { return std::exp2(exponent(random)); }, error);
  expect_accurate(near, error);
  EXPECT_EQ(log(1), 0);
  EXPECT_EQ(log(0), -kInf);
  EXPECT_EQ(log(kInf), kInf);
  EXPECT_TRUE(std::isnan(log(-1)));
  EXPECT_TRUE(std::isnan(log(kNan)));
}

TEST(Numerics, SinCos) {
  std::uniform_real_distribution<double> turn(-6.3, 6.3), context(0, 200000), wide(-2147483647.0, 2147483647.0);
  const auto error = [](double x) {
    double s, c;
    sin_cos(x, &s, &c);
    return std::max(ulps(s, std::sin(static_cast<long double>(x))), ulps(c, std::cos(static_cast<long double>(x))));
  };
  constexpr double kBound = 2.5;  // the reduced argument is rounded before the series
  expect_accurate(turn, error, kBound);
  expect_accurate(context, error, kBound);
  expect_accurate(wide, error, kBound);
  for (const double x : {0x1p31, -0x1p31, kInf, -kInf, kNan}) {
    double s, c;
    sin_cos(x, &s, &c);
    EXPECT_TRUE(std::isnan(s) && std::isnan(c)) << x;
  }
}

TEST(Numerics, PowOfRopeFrequencies) {
  for (int i = 0; i < 64; ++i) {  // rope: base^(-2i / d)
    const double y = -2.0 * i / 128;
    EXPECT_NEAR(pow(10000, y), std::pow(10000, y), 1e-14 * std::pow(10000, y)) << i;
  }
}

TEST(Numerics, Sqrt) {
  for (const float x : {0.0f, 1.0f, 2.0f, 1e-40f, 3.4e38f}) EXPECT_EQ(sqrt(x), std::sqrt(x));
}

}  // namespace
}  // namespace coterie::numerics
