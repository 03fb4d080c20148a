// Operations on floats, written once. Each isa_*.cpp includes this inside its own anonymous namespace, after defining
//   Lanes                                      16 floats; lane l holds the elements i % 16 == l (rule 3)
//   load(p), store(p, Lanes)                   16 elements at any address; float, Single, Half, Brain; float and Half
//   splat(float), + - * /, fma(a, b, c)
//   greater(a, b), lesser(a, b)                a > b ? a : b and a < b ? a : b, so b where one is NaN
//   shift_to_exponent(a)                       the bits of each lane << 23
//   fold(a)                                    lanes l + (l + 8), then l + 4, l + 2, l + 1
//   store_int8(p, a)                           rounded half to even; |a| <= 127.5
// The text is the definition of the result: the same operations in the same order in every lane of every ISA.

template <class T>
Lanes load_tail(const T* p, size_t n) {  // n < 16 elements, then zeros
  T padded[16] = {};
  for (size_t i = 0; i < n; ++i) padded[i] = p[i];
  return load(padded);
}

template <class T>
void store_tail(T* p, Lanes v, size_t n) {
  T padded[16];
  store(padded, v);
  for (size_t i = 0; i < n; ++i) p[i] = padded[i];
}

// y[i] = op(in[i]...) for i < n.
template <class Op, class Out, class... In>
void map(Out* y, size_t n, Op op, const In*... in) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, op(load(in + i)...));
  if (i < n) store_tail(y + i, op(load_tail(in + i, n - i)...), n - i);
}

// docs/arithmetic.md, exp. ln2_hi has 16 bits, so that n * ln2_hi is exact. The polynomial 1 + r + c2 r^2 ... c6 r^6 is
// our own minimax fit (Remez exchange in 40 digits) of its relative error to exp(r) on |r| <= ln2/2 * 1.0001, with the
// coefficients fixed to floats one after another from c2 and the rest fitted again: at most 2^-28.2.
Lanes exp(Lanes x) {
  const Lanes magic = splat(0x1.8p23f);  // (v + magic) - magic rounds |v| < 2^22 half to even
  x = lesser(splat(89), greater(splat(-104), x));
  const Lanes n = x * splat(0x1.715476p+0f) + magic - magic;
  Lanes r = fma(n, splat(-0x1.62e4p-1f), x);
  r = fma(n, splat(-0x1.7f7d1cp-20f), r);
  Lanes p = splat(0x1.6ac74ep-10f);
  p = fma(p, r, splat(0x1.123dep-7f));
  p = fma(p, r, splat(0x1.555858p-5f));
  p = fma(p, r, splat(0x1.55548cp-3f));
  p = fma(p, r, splat(0x1.fffffcp-2f));
  p = fma(p, r, splat(1));
  p = fma(p, r, splat(1));
  // n is in [-150, 128]: each half of it is the exponent e of a normal float, the low bits of magic + 127 + e.
  const Lanes biased = splat(0x1.8p23f + 127);
  const Lanes half = n * splat(0.5f) + magic - magic;
  return p * shift_to_exponent(half + biased) * shift_to_exponent(n - half + biased);
}

float sum_squares(const float* x, size_t n) {
  Lanes acc = splat(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) acc = fma(load(x + i), load(x + i), acc);
  if (i < n) {
    const Lanes tail = load_tail(x + i, n - i);
    acc = fma(tail, tail, acc);
  }
  return fold(acc);
}

float exp_sum(float* p, const float* s, float max, size_t n) {
  Lanes acc = splat(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Lanes e = exp(load(s + i) - splat(max));
    store(p + i, e);
    acc = acc + e;
  }
  if (i < n) {
    store_tail(p + i, exp(load_tail(s + i, n - i) - splat(max)), n - i);
    acc = acc + load_tail(p + i, n - i);
  }
  return fold(acc);
}

float max_of(Lanes v) {
  float lane[16];
  store(lane, v);
  float m = lane[0];
  for (float x : lane) m = x > m ? x : m;
  return m;
}

// Maxima do not depend on order, but for the sign of a zero: + 0 makes it positive.
float max(const float* x, size_t n) {
  Lanes lanes = splat(-__builtin_inff());
  size_t i = 0;
  for (; i + 16 <= n; i += 16) lanes = greater(load(x + i), lanes);
  float m = max_of(lanes);
  for (; i < n; ++i) m = x[i] > m ? x[i] : m;
  return m + 0.0f;
}

void mul(float* y, const float* x, const float* w, float scale, size_t n) {
  map(y, n, [=](Lanes x, Lanes w) { return x * splat(scale) * w; }, x, w);
}

void silu_mul(float* y, const float* gate, const float* up, size_t n) {
  map(y, n, [](Lanes g, Lanes u) { return g / (splat(1) + exp(splat(0) - g)) * u; }, gate, up);
}

void sigmoid(float* y, const float* x, size_t n) {
  map(y, n, [](Lanes x) { return splat(1) / (splat(1) + exp(splat(0) - x)); }, x);
}

void axpy(float* y, float a, const float* x, size_t n) {
  map(y, n, [=](Lanes x, Lanes y) { return fma(splat(a), x, y); }, x, y);
}

void add(float* y, const float* x, size_t n) {
  map(y, n, [](Lanes x, Lanes y) { return y + x; }, x, y);
}

void to_f16(f16_bits* y, const float* x, size_t n) {
  map(reinterpret_cast<Half*>(y), n, [](Lanes x) { return x; }, x);
}

// 64 columns at a time stay in registers while t runs.
void weighted_sum_f16(float* acc, const float* p, const f16_bits* v, size_t row_bytes, size_t n_rows, size_t n) {
  const auto row = [=](size_t t) {
    return reinterpret_cast<const Half*>(reinterpret_cast<const uint8_t*>(v) + t * row_bytes);
  };
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    Lanes a[4] = {load(acc + i), load(acc + i + 16), load(acc + i + 32), load(acc + i + 48)};
    for (size_t t = 0; t < n_rows; ++t)
      for (int j = 0; j < 4; ++j) a[j] = fma(splat(p[t]), load(row(t) + i + 16 * j), a[j]);
    for (int j = 0; j < 4; ++j) store(acc + i + 16 * j, a[j]);
  }
  for (; i + 16 <= n; i += 16) {
    Lanes a = load(acc + i);
    for (size_t t = 0; t < n_rows; ++t) a = fma(splat(p[t]), load(row(t) + i), a);
    store(acc + i, a);
  }
  if (i < n) {
    Lanes a = load_tail(acc + i, n - i);
    for (size_t t = 0; t < n_rows; ++t) a = fma(splat(p[t]), load_tail(row(t) + i, n - i), a);
    store_tail(acc + i, a, n - i);
  }
}

// Rule 1 for one block: writes q, returns d.
template <int kBlock>
float quantize_block(int8_t* q, const float* x) {
  Lanes greatest = splat(0), poison = splat(0);
  for (int i = 0; i < kBlock; i += 16) {
    const Lanes v = load(x + i);
    greatest = greater(greater(v, splat(0) - v), greatest);
    poison = fma(v, splat(0), poison);  // becomes NaN at the first NaN or infinity and stays so
  }
  const float m = max_of(greatest);
  const bool finite = fold(poison) == 0;
  if (!finite || m < 0x1p-100f) {
    __builtin_memset(q, 0, kBlock);
    return finite ? 0 : __builtin_nanf("");
  }
  const Lanes inverse = splat(127 / m);
  for (int i = 0; i < kBlock; i += 16) store_int8(q + i, load(x + i) * inverse);
  return m / 127;
}

void quantize32(ActBlock32* out, const float* x, size_t k) {
  for (; k; k -= 32, x += 32, ++out) {
    out->d = quantize_block<32>(out->q, x);
    out->sum = 0;
    for (int8_t q : out->q) out->sum += q;
  }
}

void quantize256(ActBlock256* out, const float* x, size_t k) {
  for (; k; k -= 256, x += 256, ++out) {
    out->d = quantize_block<256>(out->q, x);
    for (int g = 0; g < 16; ++g) {
      int sum = 0;
      for (int i = 0; i < 16; ++i) sum += out->q[16 * g + i];
      out->sum16[g] = static_cast<int16_t>(sum);
    }
  }
}
