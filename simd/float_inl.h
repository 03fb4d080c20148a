// Operations on floats, written once. Each isa_*.cpp includes this inside its own anonymous namespace, after defining
//   Lanes                                      16 floats; lane l holds the elements i % 16 == l (rule 3)
//   load(p), store(p, Lanes)                   16 elements at any address; float, Single, Half, Brain; float and Half
//   splat(float), + - * /, fma(a, b, c)
//   greater(a, b), lesser(a, b)                a > b ? a : b and a < b ? a : b, so b where one is NaN
//   shift_to_exponent(a)                       the bits of each lane << 23
//   fold(a)                                    lanes l + (l + 8), then l + 4, l + 2, l + 1
//   store_int8(p, a), load_int8(p)             16 int8; stored rounded half to even, |a| <= 127.5
//   to_half(x), from_half(h)                   conversions of one half
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
    int32_t sums[2] = {};
    for (int i = 0; i < 32; ++i) sums[i / 16] += out->q[i];
    out->sum = sums[0] + sums[1];
    out->first_sum = sums[0];
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

// Elements i to i + 15 of a row of a cache, where i % 16 == 0; and where they are.
template <class T>
const T* address_at(const T* row, size_t i) {
  return row + i;
}
inline const BlockQ8_0* address_at(const BlockQ8_0* row, size_t i) { return row + i / 32; }
template <class T>
Lanes load_at(const T* row, size_t i) {
  return load(row + i);
}
Lanes load_at(const BlockQ8_0* row, size_t i) {
  const BlockQ8_0& b = row[i / 32];
  return load_int8(b.q + i % 32) * splat(from_half(b.d));
}
template <class T>
Lanes load_tail_at(const T* row, size_t i, size_t n) {
  return load_tail(row + i, n);
}
Lanes load_tail_at(const BlockQ8_0*, size_t, size_t) { return splat(0); }  // whole blocks have no tail

void encode_f32(void* row, const float* x, size_t n) { __builtin_memcpy(row, x, n * sizeof(float)); }

void encode_f16(void* row, const float* x, size_t n) {
  map(static_cast<Half*>(row), n, [](Lanes x) { return x; }, x);
}

void encode_q8_0(void* row, const float* x, size_t n) {
  auto* b = static_cast<BlockQ8_0*>(row);
  for (; n; n -= 32, x += 32, ++b) b->d = to_half(quantize_block<32>(b->q, x));
}
