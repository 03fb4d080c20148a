#include "base/numerics.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace coterie::numerics {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ln 2 and pi / 2 as sums of doubles: the first parts have trailing zeros, so that n * part is exact for the n in use.
constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kHalfPi1 = 0x1.921fb54400000p+0, kHalfPi2 = 0x1.0b4611a600000p-34, kHalfPi3 = 0x1.3198a2e037073p-69;

double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// Nearest integer, ties to even, for |x| < 2^51: adding and taking off 1.5 * 2^52 rounds in the default mode.
double round(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

double scale(double x, int n) {  // x * 2^n in two exact or once-rounded steps, n in [-2000, 2000]
  const int half = n / 2;
  auto power = [](int e) { return std::bit_cast<double>(static_cast<uint64_t>(e + 1023) << 52); };
  return x * power(half) * power(n - half);
}

}  // namespace

double exp(double x) {
  if (x != x) return x;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  const double n = round(x * 0x1.71547652b82fep+0);  // log2(e)
  const double r = fma(n, -kLn2Low, fma(n, -kLn2High, x));
  // Taylor series, |r| <= 0.347: the term of degree 14 is below 2^-57.
  double p = 1.0 / 6227020800;
  constexpr double kFactorials[] = {479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1};
  for (double f : kFactorials) p = fma(p, r, 1.0 / f);
  return scale(p, static_cast<int>(n));
}

double log(double x) {
  if (!(x >= 0)) return kNan;
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  int e = 0;
  if (x < 0x1p-1022) {  // denormal
    x *= 0x1p54;
    e = -54;
  }
  uint64_t bits = std::bit_cast<uint64_t>(x);
  e += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (m > 0x1.6a09e667f3bcdp+0) {  // keep m in [sqrt(1/2), sqrt(2)]
    m /= 2;
    ++e;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716
  const double s = (m - 1) / (m + 1), z = s * s;
  double p = 0;
  for (int k = 25; k >= 3; k -= 2) p = fma(p, z, 1.0 / k);
  const double series = fma(2 * s * z, p, 2 * s);
  return fma(e, kLn2High, fma(e, kLn2Low, series));
}

double pow(double x, double y) { return exp(y * log(x)); }

void sin_cos(double x, double* sin, double* cos) {
  if (!(x < 0x1p31 && x > -0x1p31)) {
    *sin = *cos = kNan;
    return;
  }
  const double n = round(x * 0x1.45f306dc9c883p-1);  // 2 / pi
  const double r = fma(n, -kHalfPi3, fma(n, -kHalfPi2, fma(n, -kHalfPi1, x)));
  const double z = r * r;  // |r| <= pi / 4: Taylor terms beyond degree 19 are below 2^-60
  double s = 0, c = 0;
  constexpr double kOdd[] = {-121645100408832000.0, 355687428096000.0, -1307674368000.0, 6227020800.0, -39916800.0,
                             362880.0, -5040.0, 120.0, -6.0};
  constexpr double kEven[] = {-6402373705728000.0, 20922789888000.0, -87178291200.0, 479001600.0, -3628800.0,
                              40320.0, -720.0, 24.0, -2.0};
  for (double f : kOdd) s = fma(s, z, 1.0 / f);
  for (double f : kEven) c = fma(c, z, 1.0 / f);
  s = fma(s * z, r, r);
  c = fma(c, z, 1.0);
  switch (static_cast<int64_t>(n) & 3) {
    case 0: *sin = s, *cos = c; break;
    case 1: *sin = c, *cos = -s; break;
    case 2: *sin = -s, *cos = -c; break;
    default: *sin = -c, *cos = s; break;
  }
}

float sqrt(float x) { return __builtin_sqrtf(x); }

}  // namespace coterie::numerics
