// What the engine's tests share: the tiny models' folder and a loaded model with its engine.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/session.h"

namespace coterie::test {

inline std::string tiny_model(const std::string& name) {
  const char* folder = std::getenv("COTERIE_TINY_MODELS");
  return std::string(folder != nullptr ? folder : "tests/reference/models") + "/" + name + ".gguf";
}

inline void expect_ok(const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); }

struct Loaded {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Model> model;

  explicit Loaded(const std::string& path, uint32_t n_threads = 2) {
    expect_ok(Engine::create(n_threads, {}, &engine));
    expect_ok(Model::load(*engine, path, &model));
  }
  std::unique_ptr<Session> session(uint32_t n_ctx = 0, uint32_t n_chunk = 0) const {
    std::unique_ptr<Session> s;
    expect_ok(Session::create(*model, {n_ctx, n_chunk}, &s));
    return s;
  }
  std::vector<float> logits(const Session& s) const { return {s.logits(), s.logits() + model->shape().n_vocab}; }
};

inline std::vector<int32_t> random_tokens(size_t n, uint32_t n_vocab, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens(n);
  for (int32_t& t : tokens) t = static_cast<int32_t>(random() % n_vocab);
  return tokens;
}

}  // namespace coterie::test
