#include "nn/router.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "nn_testing.h"

namespace coterie::test {
namespace {

using nn::Gating;
using nn::GroupScore;
using nn::RouterConfig;

struct Choice {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

Choice route(const RouterConfig& c, std::vector<float> logits) {
  Choice choice{std::vector<int32_t>(c.n_used), std::vector<float>(c.n_used)};
  std::vector<float> scratch(2 * c.n_expert);
  nn::route(*select_kernels(nullptr), c, logits.data(), scratch.data(), choice.ids.data(), choice.weights.data());
  return choice;
}

// The papers' definition, in doubles, by sorting.
std::vector<std::pair<int32_t, double>> expected(const RouterConfig& c, const std::vector<float>& logits) {
  const size_t n = c.n_expert, size = n / c.n_group;
  std::vector<double> p(n), s(n);
  double sum = 0;
  for (size_t e = 0; e < n; ++e) sum += p[e] = std::exp(logits[e] + (c.bias != nullptr ? double{c.bias[e]} : 0));
  for (size_t e = 0; e < n; ++e) {
    if (c.gating == Gating::kSigmoid) p[e] = 1 / (1 + 1 / p[e]);
    if (c.gating == Gating::kSoftmax) p[e] /= sum;
    if (c.gating == Gating::kSelectedSoftmax) p[e] = std::log(p[e]);
    s[e] = p[e] + (c.selection_bias != nullptr ? c.selection_bias[e] : 0);
  }
  std::vector<std::pair<double, size_t>> groups;
  for (size_t g = 0; g < c.n_group; ++g) {
    std::vector<double> v(s.begin() + g * size, s.begin() + (g + 1) * size);
    std::sort(v.rbegin(), v.rend());
    groups.push_back({c.group_score == GroupScore::kMax || size == 1 ? v[0] : v[0] + v[1], g});
  }
  std::sort(groups.begin(), groups.end(), [](auto a, auto b) { return a.first > b.first; });
  std::vector<int32_t> order;
  for (size_t k = 0; k < c.n_group_used; ++k) {
    for (size_t e = 0; e < size; ++e) order.push_back(static_cast<int32_t>(groups[k].second * size + e));
  }
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return s[a] > s[b]; });
  order.resize(c.n_used);
  std::sort(order.begin(), order.end());
  double total = 0;
  if (c.gating == Gating::kSelectedSoftmax) for (int32_t e : order) p[e] = std::exp(p[e]);
  for (int32_t e : order) total += p[e];
  std::vector<std::pair<int32_t, double>> chosen;
  for (int32_t e : order) chosen.push_back({e, p[e] / (c.normalise || c.gating == Gating::kSelectedSoftmax ? total : 1) * c.scale});
  return chosen;
}

class Router : public NnTest {};

TEST_F(Router, FollowsThePapers) {
  const auto bias = random(64, 0.3f), logit_bias = random(64);
  std::vector<RouterConfig> configs;
  for (Gating gating : {Gating::kSoftmax, Gating::kSigmoid, Gating::kSelectedSoftmax}) {
    for (uint32_t n_group : {1u, 8u}) {
      for (GroupScore score : {GroupScore::kMax, GroupScore::kTopTwoSum}) {
        for (bool has_bias : {false, true}) {
          configs.push_back({64, 6, gating, has_bias ? bias.data() : nullptr, n_group, n_group == 1 ? 1u : 3u, score, has_bias, 2.5f});
          configs.push_back(configs.back());
          configs.back().bias = logit_bias.data();
        }
      }
    }
  }
  for (const RouterConfig& c : configs) {
    for (int round = 0; round < 50; ++round) {
      const auto logits = random(64, 2);
      const auto want = expected(c, logits);
      const Choice got = route(c, logits);
      for (size_t k = 0; k < want.size(); ++k) {
        EXPECT_EQ(got.ids[k], want[k].first);
        EXPECT_NEAR(got.weights[k], want[k].second, 1e-5);
      }
    }
  }
}

TEST_F(Router, TiesGoToTheLowerIndex) {
  const RouterConfig c{.n_expert = 16, .n_used = 3};
  EXPECT_EQ(route(c, std::vector<float>(16, 0.5f)).ids, (std::vector<int32_t>{0, 1, 2}));
  const RouterConfig grouped{.n_expert = 16, .n_used = 3, .n_group = 4, .n_group_used = 1};
  EXPECT_EQ(route(grouped, std::vector<float>(16, 0.5f)).ids, (std::vector<int32_t>{0, 1, 2}));
}

TEST_F(Router, NotANumberStillGivesDistinctExpertsInRange) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (Gating gating : {Gating::kSoftmax, Gating::kSigmoid, Gating::kSelectedSoftmax}) {
    for (uint32_t n_group : {1u, 4u}) {
      const RouterConfig c{.n_expert = 16, .n_used = 4, .gating = gating, .n_group = n_group, .n_group_used = 1};
      std::vector<float> mixed(16, nan);
      mixed[5] = 1, mixed[6] = -inf, mixed[7] = inf;
      for (const auto& logits : {std::vector<float>(16, nan), std::vector<float>(16, -inf), std::vector<float>(16, inf), mixed}) {
        const Choice choice = route(c, logits);
        EXPECT_TRUE(std::is_sorted(choice.ids.begin(), choice.ids.end(), std::less_equal<>()));
        EXPECT_GE(choice.ids.front(), 0);
        EXPECT_LT(choice.ids.back(), 16);
      }
    }
  }
}

}  // namespace
}  // namespace coterie::test
