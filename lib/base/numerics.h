// Elementary functions for set-up, routing and sampling that give the same bits on every machine: IEEE operations and
// exactly rounded fma only, no libm. Errors are below 2 ulp (2.5 for
// sin and cos). The vector exp of the forward pass lives in simd/.
#pragma once

namespace coterie::numerics {

double exp(double x);
double log(double x);              // x > 0; 0 gives -infinity, negative and NaN give NaN
double pow(double x, double y);    // exp(y * log(x)), x > 0
void sin_cos(double x, double* sin, double* cos);  // |x| < 2^31; beyond that, and for NaN, both are NaN
float sqrt(float x);               // IEEE

}  // namespace coterie::numerics
