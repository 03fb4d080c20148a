#include "nn/ffn.h"

#include <algorithm>

#include "nn/norm.h"
#include "nn_testing.h"

namespace coterie::test {
namespace {

double activated(nn::Activation activation, double g, double u) {
  if (activation == nn::Activation::kSilu) return g / (1 + std::exp(-g)) * u;
  g = std::min(g, 7.0);
  return g / (1 + std::exp(-1.702 * g)) * (std::clamp(u, -7.0, 7.0) + 1);
}

struct Expert {
  const float *gate, *up, *down;
  const float *gate_bias = nullptr, *up_bias = nullptr, *down_bias = nullptr;
  size_t n_embd, n_ff;
};

// The network's value at x in doubles, added to out with a weight.
void reference_ffn(const Expert& w, nn::Activation activation, const float* x, double weight, std::vector<double>* out) {
  std::vector<double> hidden(w.n_ff);
  for (size_t i = 0; i < w.n_ff; ++i) {
    const double g = dot(w.gate + i * w.n_embd, x, w.n_embd) + (w.gate_bias != nullptr ? w.gate_bias[i] : 0);
    const double u = dot(w.up + i * w.n_embd, x, w.n_embd) + (w.up_bias != nullptr ? w.up_bias[i] : 0);
    hidden[i] = activated(activation, g, u);
  }
  for (size_t j = 0; j < w.n_embd; ++j) {
    if (w.down_bias != nullptr) (*out)[j] += weight * w.down_bias[j];
    for (size_t i = 0; i < w.n_ff; ++i) (*out)[j] += weight * w.down[j * w.n_ff + i] * hidden[i];
  }
}

class FeedForward : public NnTest {};

TEST_F(FeedForward, DenseWithAndWithoutBiases) {
  const size_t n_embd = 48, n_ff = 80, n = 11;
  const auto gate = random(n_ff * n_embd, 0.2f), up = random(n_ff * n_embd, 0.2f), down = random(n_ff * n_embd, 0.2f);
  const auto gate_bias = random(n_ff), up_bias = random(n_ff), down_bias = random(n_embd), x = random(n * n_embd);
  for (bool biased : {false, true}) {
    nn::FfnScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, {n_embd, n_ff, 0, 0, 0}, n); });
    nn::Ffn w{float_matrix(gate, n_embd, n_ff), float_matrix(up, n_embd, n_ff), float_matrix(down, n_ff, n_embd)};
    if (biased) w.gate_bias = gate_bias.data(), w.up_bias = up_bias.data(), w.down_bias = down_bias.data();
    const Expert reference{gate.data(), up.data(), down.data(), w.gate_bias, w.up_bias, w.down_bias, n_embd, n_ff};
    std::vector<float> out(n * n_embd);
    ASSERT_TRUE(nn::ffn(context(), w, scratch, x.data(), n, out.data()));
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> expected(n_embd);
      reference_ffn(reference, nn::Activation::kSilu, &x[i * n_embd], 1, &expected);
      for (size_t j = 0; j < n_embd; ++j) EXPECT_NEAR(out[i * n_embd + j], expected[j], 2e-5);
    }
  }
}

struct MoeForm {
  const char* name;
  bool shared = false, shared_gate = false, biases = false, scattered = false;
  nn::Activation activation = nn::Activation::kSilu;
  nn::Gating gating = nn::Gating::kSigmoid;
};

TEST_F(FeedForward, MixturesOfExperts) {
  const size_t n_embd = 32, n_ff = 16, n_shared = 24, n_expert = 24, n_used = 5, n = 13;
  const auto router = random(n_expert * n_embd), x = random(n * n_embd, 2);
  const auto gate = random(n_expert * n_ff * n_embd, 0.5f), up = random(n_expert * n_ff * n_embd, 0.5f);
  const auto down = random(n_expert * n_ff * n_embd, 0.3f), shared_gate = random(n_embd, 0.3f);
  const auto sg = random(n_shared * n_embd, 0.4f), su = random(n_shared * n_embd, 0.4f), sd = random(n_shared * n_embd, 0.3f);
  const auto gate_bias = random(n_expert * n_ff), up_bias = random(n_expert * n_ff), down_bias = random(n_expert * n_embd);
  const auto router_bias = random(n_expert);
  auto stack = [&](const std::vector<float>& w, size_t n_in, size_t n_out) {
    return nn::Stack{float_matrix(w, n_in, n_out), n_expert, n_in * n_out * sizeof(float)};
  };
  const MoeForm kForms[] = {
      {.name = "plain"},
      {.name = "shared", .shared = true},
      {.name = "gated shared", .shared = true, .shared_gate = true},
      {.name = "one tensor an expert", .scattered = true},
      {.name = "gpt-oss", .biases = true, .activation = nn::Activation::kSwigluOai, .gating = nn::Gating::kSelectedSoftmax}};
  for (const MoeForm& form : kForms) {
    SCOPED_TRACE(form.name);
    nn::Moe w;
    w.config = {.n_expert = n_expert, .n_used = n_used, .gating = form.gating, .normalise = true, .scale = 2};
    w.activation = form.activation;
    w.router = float_matrix(router, n_embd, n_expert);
    w.gate = stack(gate, n_embd, n_ff), w.up = stack(up, n_embd, n_ff), w.down = stack(down, n_ff, n_embd);
    if (form.shared) w.shared = {float_matrix(sg, n_embd, n_shared), float_matrix(su, n_embd, n_shared), float_matrix(sd, n_shared, n_embd)};
    if (form.shared_gate) w.shared_gate = float_matrix(shared_gate, n_embd, 1);
    if (form.biases) {
      w.gate_bias = gate_bias.data(), w.up_bias = up_bias.data(), w.down_bias = down_bias.data();
      w.config.bias = router_bias.data();
    }
    std::vector<size_t> place(n_expert);  // where in the arrays expert e lies
    for (size_t e = 0; e < n_expert; ++e) place[e] = form.scattered ? n_expert - 1 - e : e;
    if (form.scattered) for (auto* s : {&w.gate, &w.up, &w.down}) std::reverse(s->data.begin(), s->data.end());
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
        const size_t e = static_cast<size_t>(ids[k]), at = place[e] * n_ff * n_embd;
        Expert expert{&gate[at], &up[at], &down[at], nullptr, nullptr, nullptr, n_embd, n_ff};
        if (form.biases) expert.gate_bias = &gate_bias[e * n_ff], expert.up_bias = &up_bias[e * n_ff], expert.down_bias = &down_bias[e * n_embd];
        reference_ffn(expert, form.activation, xi, weights[k], &expected);
      }
      const double part = form.shared_gate ? 1 / (1 + std::exp(-dot(shared_gate.data(), xi, n_embd))) : 1;
      if (form.shared) reference_ffn({sg.data(), su.data(), sd.data(), nullptr, nullptr, nullptr, n_embd, n_shared}, nn::Activation::kSilu, xi, part, &expected);
      for (size_t j = 0; j < n_embd; ++j) EXPECT_NEAR(out[i * n_embd + j], expected[j], 2e-5 * (1 + std::abs(expected[j]))) << i << " " << j;
    }
  }
}

TEST_F(FeedForward, ResidualWithAMultiplier) {
  const auto delta = random(3 * 50);
  std::vector<float> h = random(3 * 50);
  const auto before = h;
  nn::add_residual(context(), h.data(), delta.data(), 3, 50, 0.25f);
  for (size_t i = 0; i < h.size(); ++i) EXPECT_EQ(h[i], std::fma(0.25f, delta[i], before[i]));
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
