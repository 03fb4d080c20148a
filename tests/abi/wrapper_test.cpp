// coterie.hpp: what it adds to the C ABI (ownership, exceptions, ranges), on a tiny model.
#include <coterie/coterie.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <ranges>
#include <thread>

namespace {

using coterie::Engine;
using coterie::Event;
using coterie::Generation;
using coterie::Model;
using coterie::Session;

static_assert(std::ranges::input_range<Generation>);
static_assert(std::copyable<Engine> && std::copyable<Model>);
static_assert(std::movable<Session> && !std::copyable<Session>);
static_assert(std::movable<Generation> && !std::copyable<Generation>);

std::string model_path() {
  const char* path = std::getenv("COTERIE_TEST_MODEL");
  return path == nullptr ? "" : path;
}

Model load() { return Model(Engine({.n_threads = 1, .log = {}}), model_path()); }

const std::vector<coterie::Token> kPrompt = {5, 6, 7, 8, 9};

TEST(Wrapper, VersionIsThatOfTheHeader) {
  EXPECT_EQ(coterie::version() >> 16, uint32_t{COTERIE_VERSION_MAJOR});
  EXPECT_EQ(coterie::version() >> 8 & 255, uint32_t{COTERIE_VERSION_MINOR});
}

TEST(Wrapper, FailuresCarryStatusAndMessage) {
  try {
    coterie::file_info("no such file");
    FAIL() << "no exception";
  } catch (const coterie::Exception& error) {
    EXPECT_EQ(error.status(), COTERIE_IO);
    EXPECT_NE(std::string(error.what()).find("no such file"), std::string::npos);
  }
  Session session(load());
  const coterie::Token outside = -1;
  EXPECT_THROW((void)session.sync({&outside, 1}), coterie::Exception);
  EXPECT_TRUE(session.sync(kPrompt));
}

TEST(Wrapper, LogReachesTheCaller) {
  size_t n_lines = 0;
  const Model model(Engine({.n_threads = 1, .log = [&](coterie_log_level, std::string_view) { ++n_lines; }}),
                    model_path());
  EXPECT_GT(n_lines, 0U);
}

TEST(Wrapper, WhatALogThrowsIsLost) {
  EXPECT_NO_THROW(Model(Engine({.n_threads = 1, .log = [](auto...) { throw 1; }}), model_path()));
}

TEST(Wrapper, ParentsMayGoFirst) {
  std::optional<Engine> engine(Engine({.n_threads = 1, .log = {}}));
  std::optional<Model> model(Model(*engine, model_path()));
  std::optional<Session> session(*model);
  Generation generation = session->generate(kPrompt, {.max_tokens = 3});
  engine.reset();
  model.reset();
  session.reset();
  size_t n_tokens = 0;
  for (const Event& event : generation) n_tokens += event.tokens.size();
  EXPECT_EQ(n_tokens, 3U);
}

TEST(Wrapper, MoveAssignmentFreesInTheRightOrder) {
  struct App {
    Engine engine;
    Model model{engine, model_path()};
    Session session{model};
  };
  App app{Engine({.n_threads = 1, .log = {}})};
  app = App{Engine({.n_threads = 1, .log = {}})};
  EXPECT_TRUE(app.session.sync(kPrompt));
}

TEST(Wrapper, TextGoesThereAndBack) {
  const Model model = load();
  const std::string text = "Hello, w\xc3\xb6rld\0!";
  EXPECT_EQ(model.detokenize(model.tokenize(text, 0)), text);
  EXPECT_TRUE(model.tokenize("", 0).empty());
  EXPECT_EQ(model.detokenize({}), "");
}

TEST(Wrapper, InfoOfFileAndModelAgree) {
  EXPECT_EQ(coterie::file_info(model_path()).n_params, load().info().n_params);
}

TEST(Wrapper, ChatPromptTakesMessages) {
  const coterie::Message messages[] = {{"system", "Be brief."}, {"user", "Hello"}};
  const Model model = load();
  EXPECT_NE(model.detokenize(model.chat_prompt(messages), true).find("Hello"), std::string::npos);
  EXPECT_EQ(model.detokenize(model.chat_prompt(messages), true), model.chat_text(messages));
  EXPECT_THROW((void)model.chat_prompt(std::vector<coterie::Message>{{"prophet", ""}}), coterie::Exception);
  EXPECT_THROW((void)model.chat_prompt(messages, {.tools = "[{}]"}), coterie::Exception) << "no chat template";
}

TEST(Wrapper, LogitsOfEveryTokenAndOfTheLast) {
  const Model model = load();
  Session session(model, {.n_ctx = 32, .n_chunk = 2});
  EXPECT_TRUE(session.logits().empty());
  std::vector<float> rows(kPrompt.size() * model.info().n_vocab);
  ASSERT_TRUE(session.eval(kPrompt, rows));
  ASSERT_EQ(session.logits().size(), model.info().n_vocab);
  EXPECT_TRUE(std::ranges::equal(session.logits(), std::span(rows).last(model.info().n_vocab)));
  EXPECT_TRUE(std::ranges::equal(session.tokens(), kPrompt));
  EXPECT_EQ(session.n_ctx(), 32U);
  EXPECT_THROW((void)session.eval(kPrompt, std::span(rows).first(1)), coterie::Exception);
}

TEST(Wrapper, EventsEndWithTheReason) {
  Session session(load());
  Generation generation = session.generate(kPrompt, {.max_tokens = 4});
  std::optional<coterie_event_type> last;
  for (const Event& event : generation) {
    EXPECT_NE(last, COTERIE_EVENT_END);
    last = event.type;
    EXPECT_EQ(event.reason, event.type == COTERIE_EVENT_END ? COTERIE_END_LENGTH : coterie_end_reason{});
  }
  EXPECT_EQ(last, COTERIE_EVENT_END);
  EXPECT_EQ(generation.next().type, COTERIE_EVENT_END);
}

TEST(Wrapper, CancelFromAnotherThreadEndsTheGeneration) {
  Session session(load());
  Generation generation = session.generate(kPrompt);
  std::thread canceller([&] { generation.cancel(); });
  coterie_end_reason reason{};
  for (const Event& event : generation) reason = event.reason;
  canceller.join();
  EXPECT_EQ(reason, COTERIE_END_CANCELLED);
  session.cancel();
  EXPECT_FALSE(session.sync(kPrompt));
  EXPECT_TRUE(session.sync(kPrompt));
}

}  // namespace
