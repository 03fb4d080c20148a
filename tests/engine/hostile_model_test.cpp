// Files whose container is sound but whose hyper-parameters, vocabulary or weights lie. Loading gives a status or a model;
// a model that loads evaluates without harm, whatever numbers come out.
#include <cstring>
#include <fstream>
#include <iterator>

#include "tiny_model.h"

namespace coterie::test {
namespace {

using Bytes = std::vector<char>;

Bytes read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Offset of a scalar's value: behind its key and type. 0: no such key.
size_t value_offset(const Bytes& file, const std::string& key) {
  const auto at = std::search(file.begin(), file.end(), key.begin(), key.end());
  return at == file.end() ? 0 : static_cast<size_t>(at - file.begin()) + key.size() + 4;
}

class HostileModel : public ::testing::Test {
 protected:
  void SetUp() override {
    path = std::filesystem::temp_directory_path() / ("coterie-hostile-" + std::to_string(::getpid()) + ".gguf");
    expect_ok(Engine::create(2, {}, &engine));
  }
  void TearDown() override { std::filesystem::remove(path); }

  Code load_and_run(const Bytes& file) {
    {
      std::ofstream out(path, std::ios::binary | std::ios::trunc);
      out.write(file.data(), static_cast<std::streamsize>(file.size()));
    }
    std::unique_ptr<Model> model;
    const Status loaded = Model::load(*engine, path, &model);
    if (!loaded.ok()) {
      EXPECT_FALSE(loaded.message().empty());
      return loaded.code();
    }
    std::unique_ptr<Session> session;
    const Status created = Session::create(*model, {16, 4}, &session);
    if (!created.ok()) return created.code();
    const auto tokens = random_tokens(9, std::min(model->shape().n_vocab, 256u), 11);
    return session->sync(tokens).code();
  }

  std::filesystem::path path;
  std::unique_ptr<Engine> engine;
};

TEST_F(HostileModel, LyingHyperParameters) {
  const char* const kKeys[] = {
      "block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
      "attention.head_count_kv", "attention.layer_norm_rms_epsilon", "rope.freq_base", "rope.dimension_count",
      "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.yarn_log_multiplier",
      "attention.q_lora_rank", "attention.kv_lora_rank", "attention.key_length", "attention.value_length",
      "attention.key_length_mla", "attention.value_length_mla", "expert_count", "expert_used_count",
      "expert_shared_count", "expert_feed_forward_length", "expert_group_count", "expert_group_used_count",
      "expert_gating_func", "expert_weights_scale", "leading_dense_block_count", "nextn_predict_layers",
      "attention.indexer.head_count", "attention.indexer.key_length", "attention.indexer.top_k",
      "attention.sliding_window", "attention.scale", "embedding_scale", "residual_scale", "logit_scale",
      "expert_shared_feed_forward_length"};
  const uint32_t kValues[] = {0, 1, 3, 513, 0x7fffffff, 0xffffffff, 0x7fc00000, 0x7f800000};  // also infinity, NaN
  int n_refused = 0, n_tried = 0;
  for (const char* name : {"deepseek2-v3", "deepseek2-groups-sum", "deepseek2-v2-lite-legacy", "llama-gqa", "deepseek2-nextn",
                           "deepseek32-v3.2", "deepseek-moe", "llama-mixtral", "qwen2moe-moe", "qwen3moe-moe", "gpt-oss-window",
                           "minimax-m2-moe", "glm4moe-air", "granitemoe-shared"}) {
    const Bytes original = read(tiny_model(name));
    ASSERT_EQ(load_and_run(original), Code::kOk);
    const std::string prefix = std::string(name, std::strrchr(name, '-')).append(".");
    for (const char* key : kKeys) {
      const size_t at = value_offset(original, prefix + key);
      if (at == 0) continue;
      for (uint32_t value : kValues) {
        SCOPED_TRACE(std::string(name) + " " + key + " = " + std::to_string(value));
        Bytes file = original;
        std::memcpy(file.data() + at, &value, sizeof value);
        const Code code = load_and_run(file);
        EXPECT_TRUE(code == Code::kOk || code == Code::kBadFile || code == Code::kUnsupported || code == Code::kOutOfMemory)
            << static_cast<int>(code);
        ++n_tried;
        n_refused += code != Code::kOk;
      }
    }
  }
  EXPECT_GT(n_refused, n_tried / 2) << n_tried;
}

TEST_F(HostileModel, RandomDamageAnywhere) {
  const uint32_t seed = std::getenv("COTERIE_TEST_SEED") != nullptr ? std::atoi(std::getenv("COTERIE_TEST_SEED")) : 1;
  std::printf("seed %u (COTERIE_TEST_SEED)\n", seed);
  std::mt19937 random(seed);
  for (const char* name : {"deepseek2-q4_k_m-groups", "deepseek2-q8_0-legacy", "deepseek32-q8_0", "llama-f16", "gpt-oss-q8_0",
                           "llama-mixtral-numbered", "qwen3moe-nvfp4-scaled"}) {
    const Bytes original = read(tiny_model(name));
    for (int round = 0; round < 40; ++round) {
      Bytes file = original;
      const size_t span = round % 2 == 0 ? std::min<size_t>(file.size(), 12000) : file.size();  // the head, or all
      for (int i = 0; i < (round % 2 == 0 ? 3 : 2000); ++i) file[random() % span] = static_cast<char>(random());
      load_and_run(file);  // no crash, no hang, no sanitizer report
    }
  }
}

// A tensor that the architecture does not know would silently be missing from the computation.
TEST_F(HostileModel, AnUnknownTensorIsRefusedByName) {
  struct Case { const char *model, *known, *unknown; };
  for (const Case& c : {Case{"llama-bias", "blk.0.attn_q.bias", "blk.0.attn_q.bidt"},
                        Case{"llama-bias", "blk.2.attn_q.bias", "blk.3.attn_q.bias"},  // there are three layers
                        Case{"qwen2-output-bias", "output.bias", "output.bidt"},
                        Case{"llama-nvfp4-scaled", "blk.0.ffn_up.scale", "blk.0.ffn_up.scald"},
                        Case{"llama-nvfp4-scaled", "blk.0.ffn_up.scale", "blk.0.ffn_xy.scale"},
                        Case{"glm4moe-air", "blk.0.attn_k.bias", "blk.9.attn_k.bias"}}) {
    Bytes file = read(tiny_model(c.model));
    const std::string known = c.known, unknown = c.unknown;
    const auto at = std::search(file.begin(), file.end(), known.begin(), known.end());
    ASSERT_NE(at, file.end()) << known;
    std::copy(unknown.begin(), unknown.end(), at);
    EXPECT_EQ(load_and_run(file), Code::kUnsupported) << unknown;
    std::unique_ptr<Model> model;
    EXPECT_NE(Model::load(*engine, path, &model).message().find(unknown), std::string::npos) << unknown;
  }
}

TEST_F(HostileModel, LayersOfDifferentSizesAreRefused) {
  Bytes file = read(tiny_model("llama-per-layer"));
  const size_t at = value_offset(file, "llama.feed_forward_length") + 12;  // behind the type and number of the elements
  const uint32_t value = 96;
  std::memcpy(file.data() + at, &value, sizeof value);
  EXPECT_EQ(load_and_run(file), Code::kUnsupported);
  std::unique_ptr<Model> model;
  const std::string message(Model::load(*engine, path, &model).message());
  EXPECT_EQ(message, "key llama.feed_forward_length: 160 in layer 1, expected 96 as in layer 0");
}

TEST_F(HostileModel, ARefusalNamesTheKey) {
  struct Case { const char *model, *key; uint32_t value; const char* message; };
  const uint32_t kNan = 0x7fc00000;
  const Case kCases[] = {
      {"llama-gqa", "llama.attention.head_count_kv", 3, "llama.attention.head_count_kv: 3, expected a divisor of"},
      {"llama-gqa", "llama.attention.head_count_kv", 5, "llama.attention.head_count_kv: 5, expected 1 to 4"},
      {"llama-gqa", "llama.attention.layer_norm_rms_epsilon", kNan, "llama.attention.layer_norm_rms_epsilon: nan"},
      {"llama-gqa", "llama.rope.dimension_count", 7, "llama.rope.dimension_count: 7, expected an even number"},
      {"llama-mixtral", "llama.expert_used_count", 9, "llama.expert_used_count: 9, expected 1 to 8"},
      {"llama-mixtral-numbered", "llama.expert_count", 9, "blk.0.ffn_gate_inp.weight"},
      {"deepseek-moe", "deepseek.expert_shared_count", 1025, "deepseek.expert_shared_count: 1025"},
      {"qwen2moe-moe", "qwen2moe.expert_shared_feed_forward_length", 0, "qwen2moe.expert_shared_feed_forward_length: 0"},
      {"qwen3moe-moe", "qwen3moe.expert_feed_forward_length", 0, "qwen3moe.expert_feed_forward_length: 0"},
      {"gpt-oss-window", "gpt-oss.attention.sliding_window", 0, "gpt-oss.attention.sliding_window: 0, expected 1 to"},
      {"minimax-m2-moe", "minimax-m2.expert_gating_func", 4, "minimax-m2.expert_gating_func: 4, expected 0 to 3"},
      {"glm4moe-air", "glm4moe.nextn_predict_layers", 4, "glm4moe.nextn_predict_layers: 4, expected 0 to 3"},
      {"granitemoe-moe", "granitemoe.logit_scale", kNan, "granitemoe.logit_scale: nan"},
      // not keys, but the sizes of tensors, which also lie four bytes behind the name
      {"llama-nvfp4-scaled", "blk.0.ffn_up.scale", 2, "shape 2, expected 1"},
      {"qwen3moe-nvfp4-scaled", "blk.0.ffn_up_exps.scale", 15, "shape 15, expected 16"}};
  for (const Case& c : kCases) {
    Bytes file = read(tiny_model(c.model));
    const size_t at = value_offset(file, c.key);
    ASSERT_NE(at, 0u) << c.key;
    std::memcpy(file.data() + at, &c.value, sizeof c.value);
    EXPECT_NE(load_and_run(file), Code::kOk) << c.key;
    std::unique_ptr<Model> model;
    const std::string message(Model::load(*engine, path, &model).message());
    EXPECT_NE(message.find(c.message), std::string::npos) << message;
  }
}

TEST_F(HostileModel, EveryWeightNotANumber) {
  for (const char* name : {"deepseek2-v3", "deepseek2-groups-max", "deepseek32-v3.2", "llama-gqa", "gpt-oss-window",
                           "qwen2moe-moe", "minimax-m2-moe", "granitemoe-shared", "qwen3moe-nvfp4-scaled"}) {
    Bytes file = read(tiny_model(name));
    const uint32_t nan = 0x7fc00000;
    for (size_t at = file.size() * 9 / 10 & ~size_t{3}; at + 4 <= file.size(); at += 4) std::memcpy(file.data() + at, &nan, 4);
    EXPECT_EQ(load_and_run(file), Code::kOk) << name;
  }
}

}  // namespace
}  // namespace coterie::test
