#include "nn/ffn.h"

#include "nn/norm.h"
#include "nn_testing.h"

namespace coterie::test {
namespace {

double silu(double x) { return x / (1 + std::exp(-x)); }

// down * (silu(gate * x) . up * x) in doubles, added to out with a weight.
void reference_ffn(const float* gate, const float* up, const float* down, const float* x, size_t n_embd, size_t n_ff,
                   double weight, std::vector<double>* out) {
  std::vector<double> hidden(n_ff);
  for (size_t i = 0; i < n_ff; ++i) hidden[i] = silu(dot(gate + i * n_embd, x, n_embd)) * dot(up + i * n_embd, x, n_embd);
  for (size_t j = 0; j < n_embd; ++j) {
    for (size_t i = 0; i < n_ff; ++i) (*out)[j] += weight * down[j * n_ff + i] * hidden[i];
  }
}

class FeedForward : public NnTest {};

TEST_F(FeedForward, Dense) {
  const size_t n_embd = 48, n_ff = 80, n = 11;
  const auto gate = random(n_ff * n_embd, 0.2f), up = random(n_ff * n_embd, 0.2f), down = random(n_ff * n_embd, 0.2f);
  const auto x = random(n * n_embd);
  nn::FfnScratch scratch;
  carve([&](nn::Carver& c) { scratch.carve(c, {n_embd, n_ff, 0, 0, 0}, n); });
  const nn::Ffn w{float_matrix(gate, n_embd, n_ff), float_matrix(up, n_embd, n_ff), float_matrix(down, n_ff, n_embd)};
  std::vector<float> out(n * n_embd);
  ASSERT_TRUE(nn::ffn(context(), w, scratch, x.data(), n, out.data()));
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> expected(n_embd);
    reference_ffn(gate.data(), up.data(), down.data(), &x[i * n_embd], n_embd, n_ff, 1, &expected);
    for (size_t j = 0; j < n_embd; ++j) EXPECT_NEAR(out[i * n_embd + j], expected[j], 1e-5);
  }
}

TEST_F(FeedForward, MixtureOfExpertsWithAndWithoutASharedOne) {
  const size_t n_embd = 32, n_ff = 16, n_shared = 24, n_expert = 24, n_used = 5, n = 13;
  const auto router = random(n_expert * n_embd), x = random(n * n_embd);
  const auto gate = random(n_expert * n_ff * n_embd, 0.3f), up = random(n_expert * n_ff * n_embd, 0.3f);
  const auto down = random(n_expert * n_ff * n_embd, 0.3f);
  const auto sg = random(n_shared * n_embd), su = random(n_shared * n_embd), sd = random(n_shared * n_embd);
  auto stack = [&](const std::vector<float>& w, size_t n_in, size_t n_out) {
    return nn::Stack{float_matrix(w, n_in, n_out), n_expert, n_in * n_out * sizeof(float)};
  };
  for (bool shared : {false, true}) {
    nn::Moe w;
    w.config = {.n_expert = n_expert, .n_used = n_used, .gating = nn::Gating::kSigmoid, .normalise = true, .scale = 2};
    w.router = float_matrix(router, n_embd, n_expert);
    w.gate = stack(gate, n_embd, n_ff), w.up = stack(up, n_embd, n_ff), w.down = stack(down, n_ff, n_embd);
    if (shared) w.shared = {float_matrix(sg, n_embd, n_shared), float_matrix(su, n_embd, n_shared), float_matrix(sd, n_shared, n_embd)};
    nn::FfnScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, {n_embd, n_shared, n_expert, n_used, n_ff}, n); });
    std::vector<float> out(n * n_embd);
    ASSERT_TRUE(nn::moe(context(), w, scratch, x.data(), n, out.data()));
    for (size_t i = 0; i < n; ++i) {
      const float* xi = &x[i * n_embd];
      std::vector<float> logits(n_expert), room(2 * n_expert), weights(n_used);
      std::vector<int32_t> ids(n_used);
      for (size_t e = 0; e < n_expert; ++e) logits[e] = static_cast<float>(dot(&router[e * n_embd], xi, n_embd));
      nn::route(*select_kernels(nullptr), w.config, logits.data(), room.data(), ids.data(), weights.data());
      std::vector<double> expected(n_embd);
      for (size_t k = 0; k < n_used; ++k) {
        const size_t at = ids[k] * n_ff * n_embd;
        reference_ffn(&gate[at], &up[at], &down[at], xi, n_embd, n_ff, weights[k], &expected);
      }
      if (shared) reference_ffn(sg.data(), su.data(), sd.data(), xi, n_embd, n_shared, 1, &expected);
      for (size_t j = 0; j < n_embd; ++j) EXPECT_NEAR(out[i * n_embd + j], expected[j], 2e-4) << i << " " << j;
    }
  }
}

TEST_F(FeedForward, RmsNorm) {
  const auto x = random(3 * 50), w = random(50);
  std::vector<float> y(3 * 50);
  ASSERT_TRUE(nn::rms_norm(context(), y.data(), 50, x.data(), 50, w.data(), 3, 50, 1e-5f));
  for (size_t i = 0; i < 3; ++i) {
    const double scale = 1 / std::sqrt(dot(&x[i * 50], &x[i * 50], 50) / 50 + 1e-5);
    for (size_t j = 0; j < 50; ++j) EXPECT_NEAR(y[i * 50 + j], x[i * 50 + j] * scale * w[j], 1e-5);
  }
}

}  // namespace
}  // namespace coterie::test
