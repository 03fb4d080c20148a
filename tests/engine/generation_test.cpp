// Generations: events, ends, limits, cancellation, determinism.
#include "engine/generation.h"

#include <thread>

#include "tiny_model.h"

namespace coterie::test {
namespace {

struct Transcript {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<size_t> prompt_progress;
  Event::Reason reason = Event::kNone;
};

Transcript drain(Generation& g) {
  Transcript t;
  for (Event e;;) {
    expect_ok(g.next(&e));
    t.text += e.text;
    t.tokens.insert(t.tokens.end(), e.tokens.begin(), e.tokens.end());
    if (e.type == Event::kPrompt) t.prompt_progress.push_back(e.n_done);
    if (e.type != Event::kEnd) continue;
    t.reason = e.reason;
    Event again;
    expect_ok(g.next(&again));
    EXPECT_EQ(again.type, Event::kEnd);
    EXPECT_EQ(again.reason, e.reason);
    EXPECT_TRUE(again.tokens.empty());
    return t;
  }
}

Transcript generate(Session& s, const std::vector<int32_t>& prompt, const Generation::Options& options) {
  std::unique_ptr<Generation> g;
  expect_ok(Generation::create(s, prompt, options, &g));
  return drain(*g);
}

class GenerationTest : public ::testing::Test {
 protected:
  Loaded l{tiny_model("deepseek2-v3")};
  std::vector<int32_t> prompt = random_tokens(40, l.model->shape().n_vocab, 9);
};

TEST_F(GenerationTest, ReportsPromptTokensAndLength) {
  auto s = l.session(256, 16);
  Generation::Options options;
  options.max_tokens = 12;
  options.sampling.temperature = 1;
  const Transcript t = generate(*s, prompt, options);
  EXPECT_EQ(t.prompt_progress, (std::vector<size_t>{14, 27, 40}));
  if (t.reason == Event::kLength) EXPECT_EQ(t.tokens.size(), 12u);
  else EXPECT_EQ(t.reason, Event::kStop);
  EXPECT_LE(t.tokens.size(), 12u);
}

TEST_F(GenerationTest, SameSeedSameTokensOnAnySession) {
  Generation::Options options;
  options.max_tokens = 30;
  options.sampling = {.temperature = 1.2f, .top_k = 50, .top_p = 0.95f, .min_p = 0.01f, .repeat_penalty = 1.1f, .seed = 7};
  auto a = l.session(256), b = l.session(256, 5);
  const Transcript first = generate(*a, prompt, options);
  EXPECT_EQ(generate(*b, prompt, options).tokens, first.tokens);
  EXPECT_EQ(generate(*a, prompt, options).tokens, first.tokens);  // over a used cache
  options.sampling.seed = 8;
  EXPECT_NE(generate(*a, prompt, options).tokens, first.tokens);
}

TEST_F(GenerationTest, EndsWhenTheContextIsFull) {
  auto s = l.session(48);
  Generation::Options options;
  options.sampling.temperature = 1;
  const Transcript t = generate(*s, prompt, options);
  if (t.reason == Event::kLength) EXPECT_EQ(t.tokens.size(), 9u);  // 8 fit, and the last need not
  else EXPECT_EQ(t.reason, Event::kStop);
}

TEST_F(GenerationTest, TooLongAPromptIsAnErrorAndEndsIt) {
  auto s = l.session(16);
  std::unique_ptr<Generation> g;
  expect_ok(Generation::create(*s, prompt, {}, &g));
  Event e;
  EXPECT_EQ(g->next(&e).code(), Code::kContextFull);
  expect_ok(g->next(&e));
  EXPECT_EQ(e.type, Event::kEnd);
  EXPECT_EQ(e.reason, Event::kError);
  expect_ok(s->sync({prompt.data(), 16}));
}

TEST_F(GenerationTest, CancelEndsItAndLeavesTheSessionUsable) {
  auto s = l.session(4096);
  const auto long_prompt = random_tokens(3000, l.model->shape().n_vocab, 10);
  std::unique_ptr<Generation> g;
  expect_ok(Generation::create(*s, long_prompt, {}, &g));
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    g->request_cancel();
  });
  const Transcript t = drain(*g);
  canceller.join();
  EXPECT_EQ(t.reason, Event::kCancelled);
  g->request_cancel();  // after the end: nothing
  g.reset();
  expect_ok(s->sync(prompt));
  auto fresh = l.session(256);
  expect_ok(fresh->sync(prompt));
  EXPECT_EQ(l.logits(*s), l.logits(*fresh));
}

TEST_F(GenerationTest, ASessionUsedBetweenItsEventsIsAnErrorNotACrash) {
  auto s = l.session(64);
  std::unique_ptr<Generation> g;
  expect_ok(Generation::create(*s, prompt, {}, &g));
  Event e;
  expect_ok(g->next(&e));
  s->request_cancel();
  EXPECT_EQ(s->append({prompt.data(), 1}, nullptr).code(), Code::kCancelled);
  EXPECT_EQ(g->next(&e).code(), Code::kInvalidArgument);
  expect_ok(s->sync(prompt));
}

TEST_F(GenerationTest, BadOptionsAreNamed) {
  auto s = l.session(64);
  std::unique_ptr<Generation> g;
  Generation::Options options;
  options.sampling.top_p = 2;
  EXPECT_EQ(Generation::create(*s, prompt, options, &g).code(), Code::kInvalidArgument);
  EXPECT_EQ(Generation::create(*s, {}, {}, &g).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace coterie::test
