// Sessions: shared prefixes, chunks, threads, cancellation, errors, and the recorded oracles.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "tiny_model.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace coterie::test {
namespace {

const char* const kModels[] = {"deepseek2-v3", "deepseek2-q4_k_m", "deepseek2-v2-lite-legacy", "deepseek32-blocks", "llama-gqa",
                               "llama-mixtral-numbered-q8_0", "deepseek-moe", "qwen2moe-q8_0", "qwen3moe-q4_k_m",
                               "gpt-oss-window", "gpt-oss-long", "minimax-m2-moe", "glm4moe-large", "granitemoe-shared"};

std::vector<float> fresh_logits(const Loaded& l, const std::vector<int32_t>& tokens, uint32_t n_chunk = 0) {
  auto s = l.session(512, n_chunk);
  expect_ok(s->sync(tokens));
  return l.logits(*s);
}

// A call of so many tokens is evaluated like single steps, whatever the model (rule 6 of docs/arithmetic.md).
constexpr size_t kShortCall = 127;

// Evaluates tokens by calls of 1 to 50 of them.
std::vector<float> logits_of_pieces(const Loaded& l, const std::vector<int32_t>& tokens) {
  auto s = l.session(512);
  for (size_t i = 0; i < tokens.size();) {
    const size_t n = std::min<size_t>(1 + i % 50, tokens.size() - i);
    expect_ok(s->append({tokens.data() + i, n}, nullptr));
    i += n;
  }
  return l.logits(*s);
}

TEST(Session, SameBitsForAnyChunkThreadsAndSplitOfAShortCall) {
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    const Loaded one(tiny_model(name), 1), three(tiny_model(name), 3);
    auto tokens = random_tokens(300, one.model->shape().n_vocab, 1);
    const auto expected = fresh_logits(one, tokens);
    for (uint32_t n_chunk : {1u, 7u, 64u, 256u, 299u, 300u}) {
      EXPECT_EQ(fresh_logits(one, tokens, n_chunk), expected) << n_chunk;
      EXPECT_EQ(fresh_logits(three, tokens, n_chunk), expected) << n_chunk;
    }
    if (std::string_view(name).starts_with("deepseek2")) {
      EXPECT_NE(logits_of_pieces(one, tokens), expected);  // the other form of MLA
      tokens.resize(kShortCall);
    }
    EXPECT_EQ(logits_of_pieces(one, tokens), fresh_logits(one, tokens));
  }
}

// Both forms of MLA are one function but for rounding: the mean difference is far below the spread of logits.
TEST(Session, PiecesOfALongCallAreNearIt) {
  for (const char* name : {"deepseek2-v3", "deepseek2-heads-legacy", "deepseek2-q4_k_m"}) {
    SCOPED_TRACE(name);
    const Loaded l(tiny_model(name));
    const auto tokens = random_tokens(400, l.model->shape().n_vocab, 1);
    const auto whole = fresh_logits(l, tokens, 64), pieces = logits_of_pieces(l, tokens);
    const auto [least, most] = std::minmax_element(whole.begin(), whole.end());
    double difference = 0;
    for (size_t i = 0; i < whole.size(); ++i) difference += std::fabs(whole[i] - pieces[i]);
    EXPECT_LT(difference / static_cast<double>(whole.size()), 0.02 * (*most - *least));
  }
}

const char* const kCacheModels[] = {"llama-gqa", "deepseek2-q4_k_m", "qwen3moe-q4_k_m"};
constexpr TensorType kCacheTypes[] = {TensorType::F16, TensorType::F32, TensorType::Q8_0};

// Empty where heads are no whole blocks of the cache's type: creating the session must then be refused.
std::vector<float> logits_with_cache(const Loaded& l, TensorType type, const std::vector<int32_t>& tokens, uint32_t n_chunk) {
  std::unique_ptr<Session> s;
  const Status created = Session::create(*l.model, {512, n_chunk, type}, &s);
  const bool fits = l.model->shape().kv.piece % type_info(type).block_elems == 0;
  EXPECT_EQ(created.ok(), fits) << created.message();
  if (s == nullptr) return {};
  expect_ok(s->sync(tokens));
  return l.logits(*s);
}

// Every type of cache gives one answer of its own, near that of the others; heads that its blocks do not fit are refused.
TEST(Session, EveryTypeOfCache) {
  for (const char* name : kCacheModels) {
    SCOPED_TRACE(name);
    const Loaded l(tiny_model(name), 2);
    const auto tokens = random_tokens(280, l.model->shape().n_vocab, 4);
    const auto expected = fresh_logits(l, tokens);
    const auto [least, most] = std::minmax_element(expected.begin(), expected.end());
    for (TensorType type : kCacheTypes) {
      SCOPED_TRACE(type_info(type).name);
      const auto logits = logits_with_cache(l, type, tokens, 300);
      EXPECT_EQ(logits_with_cache(l, type, tokens, 7), logits);
      if (logits.empty()) continue;
      if (type == TensorType::F16) EXPECT_EQ(logits, expected);  // the default
      else EXPECT_NE(logits, expected);
      double difference = 0;  // the mean: a router's close call may fall the other way
      for (size_t i = 0; i < logits.size(); ++i) difference += std::fabs(logits[i] - expected[i]);
      EXPECT_LT(difference / static_cast<double>(logits.size()), (type == TensorType::Q8_0 ? 0.1 : 0.01) * (*most - *least));
    }
  }
}

// COTERIE_ISA while it lives; engines created meanwhile obey it.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* isa) {
    if (const char* old = std::getenv("COTERIE_ISA")) saved_ = old;
    setenv("COTERIE_ISA", isa, 1);
  }
  ~ForcedIsa() { setenv("COTERIE_ISA", saved_.c_str(), 1); }  // empty: none forced

 private:
  std::string saved_;
};

TEST(Session, SameBitsForAnyKernelsAndThreadsWithEveryTypeOfCache) {
  for (const char* name : kCacheModels) {
    SCOPED_TRACE(name);
    std::vector<float> expected[std::size(kCacheTypes)];  // what the first engine says
    for (const KernelSet* set = kernel_sets(); set->kernels != nullptr; ++set) {
      if (!set->usable()) continue;
      const ForcedIsa forced(set->kernels->isa);
      for (uint32_t n_threads : {1u, 3u}) {
        const Loaded l(tiny_model(name), n_threads);
        ASSERT_STREQ(l.engine->kernels().isa, set->kernels->isa);
        const auto tokens = random_tokens(280, l.model->shape().n_vocab, 4);
        for (size_t i = 0; i < std::size(kCacheTypes); ++i) {
          const auto logits = logits_with_cache(l, kCacheTypes[i], tokens, 64);
          if (expected[i].empty()) expected[i] = logits;
          EXPECT_EQ(logits, expected[i]) << set->kernels->isa << ", " << n_threads << ", " << type_info(kCacheTypes[i]).name;
        }
      }
    }
  }
}

TEST(Session, SyncKeepsTheSharedPrefix) {
  const Loaded l(tiny_model("deepseek2-v3"));
  const uint32_t n_vocab = l.model->shape().n_vocab;
  auto a = random_tokens(60, n_vocab, 2), b = a;
  b.resize(40);
  for (int32_t t : random_tokens(30, n_vocab, 3)) b.push_back(t);
  auto s = l.session(128, 16);
  EXPECT_EQ(s->logits(), nullptr);
  expect_ok(s->sync(a));
  expect_ok(s->sync(b));
  EXPECT_EQ(l.logits(*s), fresh_logits(l, b));
  expect_ok(s->sync(b));  // nothing to do
  EXPECT_EQ(l.logits(*s), fresh_logits(l, b));
  const std::vector<int32_t> prefix(a.begin(), a.begin() + 25);
  expect_ok(s->sync(prefix));  // only shorter: the last token is evaluated again
  EXPECT_EQ(l.logits(*s), fresh_logits(l, prefix));
  EXPECT_TRUE(std::ranges::equal(s->tokens(), prefix));

  size_t done = 0;
  auto t = l.session(128, 16);
  expect_ok(t->sync_chunk(a, &done));
  EXPECT_EQ(done, 15u);  // four equal chunks
  EXPECT_EQ(t->logits(), nullptr);
}

TEST(Session, LogitsOfEveryTokenAreThoseOfItsPrefix) {
  const Loaded l(tiny_model("deepseek2-q4_k"));
  const size_t n_vocab = l.model->shape().n_vocab;
  const auto tokens = random_tokens(20, l.model->shape().n_vocab, 4);
  auto s = l.session(64, 6);
  std::vector<float> all(tokens.size() * n_vocab);
  expect_ok(s->append(tokens, all.data()));
  for (size_t n = 1; n <= tokens.size(); ++n) {
    const std::vector<float> row(all.begin() + (n - 1) * n_vocab, all.begin() + n * n_vocab);
    EXPECT_EQ(row, fresh_logits(l, {tokens.begin(), tokens.begin() + n})) << n;
  }
  EXPECT_EQ(l.logits(*s), std::vector<float>(all.end() - n_vocab, all.end()));
}

TEST(Session, ErrorsLeaveItUsable) {
  const Loaded l(tiny_model("llama-gqa"));
  auto s = l.session(32);
  const auto tokens = random_tokens(32, l.model->shape().n_vocab, 5);
  expect_ok(s->sync({tokens.data(), 10}));
  const auto before = l.logits(*s);
  auto too_many = random_tokens(33, l.model->shape().n_vocab, 5);
  EXPECT_EQ(s->sync(too_many).code(), Code::kContextFull);
  EXPECT_EQ(s->append({tokens.data(), 23}, nullptr).code(), Code::kContextFull);
  EXPECT_EQ(s->sync({}).code(), Code::kInvalidArgument);
  for (int32_t bad : {-1, static_cast<int32_t>(l.model->shape().n_vocab), INT32_MAX, INT32_MIN}) {
    const Status status = s->append({&bad, 1}, nullptr);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find(std::to_string(bad)), std::string::npos) << status.message();
  }
  EXPECT_EQ(s->tokens().size(), 10u);
  EXPECT_EQ(l.logits(*s), before);
  expect_ok(s->sync(tokens));  // fits exactly
  EXPECT_EQ(l.logits(*s), fresh_logits(l, tokens));
}

TEST(Session, AbsurdContextIsAStatus) {
  const Loaded l(tiny_model("llama-gqa"));
  std::unique_ptr<Session> s;
  EXPECT_EQ(Session::create(*l.model, {UINT32_MAX, 0}, &s).code(), Code::kInvalidArgument);
  expect_ok(Session::create(*l.model, {1, UINT32_MAX}, &s));
  expect_ok(s->sync(random_tokens(1, 10, 1)));
}

// Cancelled at many moments, the same call goes on to the same bits; each cancel is obeyed within milliseconds.
TEST(Session, CancelledAnywhereResumesToTheSameBits) {
  const Loaded l(tiny_model("deepseek2-q4_k_m"));
  const auto tokens = random_tokens(500, l.model->shape().n_vocab, 6);
  const auto expected = fresh_logits(l, tokens);
  auto s = l.session(512);
  std::vector<double> delays;
  for (int round = 0; round < 60; ++round) {
    const auto wait = std::chrono::microseconds(300 + 800 * round);
    std::chrono::steady_clock::time_point asked;
    std::thread canceller([&] {
      std::this_thread::sleep_for(wait);
      asked = std::chrono::steady_clock::now();
      s->request_cancel();
    });
    const Status status = s->sync(tokens);
    const auto returned = std::chrono::steady_clock::now();
    canceller.join();
    s->clear_cancel();  // it may have come too late for the call
    if (status.ok()) {
      EXPECT_EQ(l.logits(*s), expected) << round;
      expect_ok(s->sync({tokens.data(), 1}));  // start over
    } else {
      ASSERT_EQ(status.code(), Code::kCancelled) << status.message();
      delays.push_back(std::chrono::duration<double, std::milli>(returned - asked).count());
    }
  }
  ASSERT_FALSE(delays.empty());
  std::sort(delays.begin(), delays.end());
  EXPECT_LT(delays[delays.size() * 9 / 10], 50) << "milliseconds, nine of ten of " << delays.size();
  expect_ok(s->sync(tokens));
  EXPECT_EQ(l.logits(*s), expected);
}

// A cancelled call that goes on with fewer tokens than a long call has is still a part of that call; calls that begin or end
// elsewhere are not.
TEST(Session, TheRestOfACancelledCallBelongsToIt) {
  const Loaded l(tiny_model("deepseek2-q4_k_m"));
  const auto tokens = random_tokens(400, l.model->shape().n_vocab, 6);
  const auto expected = fresh_logits(l, tokens);
  std::vector<int32_t> prefix(tokens.begin(), tokens.begin() + 300);
  // Evaluates chunks of 100 tokens until only the last is left, then cancels.
  const auto interrupted = [&] {
    auto s = l.session(512, 100);
    for (size_t done = 0; done < prefix.size();) expect_ok(s->sync_chunk(tokens, &done));
    s->request_cancel();
    EXPECT_EQ(s->append({tokens.data() + 300, 100}, nullptr).code(), Code::kCancelled);
    EXPECT_EQ(s->tokens().size(), prefix.size());
    return s;
  };
  auto s = interrupted();
  expect_ok(s->sync(tokens));
  EXPECT_EQ(l.logits(*s), expected);
  s = interrupted();
  expect_ok(s->append({tokens.data() + 300, 100}, nullptr));
  EXPECT_EQ(l.logits(*s), expected);

  auto alone = l.session(512);
  expect_ok(alone->sync(prefix));
  expect_ok(alone->append({tokens.data() + 300, 99}, nullptr));
  const auto short_call = l.logits(*alone);
  expect_ok(alone->append({tokens.data() + 399, 1}, nullptr));
  s = interrupted();
  expect_ok(s->append({tokens.data() + 300, 99}, nullptr));
  EXPECT_EQ(l.logits(*s), short_call);
  expect_ok(s->append({tokens.data() + 399, 1}, nullptr));
  EXPECT_EQ(l.logits(*s), l.logits(*alone));
}

// A sync that is cancelled while it overwrites the logits must not leave them standing for the tokens still held.
TEST(Session, ACancelledCallLeavesNoOldLogits) {
  const Loaded l(tiny_model("deepseek2-v3"));
  auto s = l.session(64);
  const auto tokens = random_tokens(20, l.model->shape().n_vocab, 12);
  const std::vector<int32_t> prefix(tokens.begin(), tokens.begin() + 10);
  expect_ok(s->sync(prefix));
  s->request_cancel();
  EXPECT_EQ(s->sync(tokens).code(), Code::kCancelled);
  EXPECT_EQ(s->logits(), nullptr);
  expect_ok(s->sync(prefix));
  EXPECT_EQ(l.logits(*s), fresh_logits(l, prefix));
}

TEST(Session, ACancelBeforeACallStopsItOnce) {
  const Loaded l(tiny_model("llama-gqa"));
  auto s = l.session(64);
  const auto tokens = random_tokens(20, l.model->shape().n_vocab, 7);
  s->request_cancel();
  EXPECT_EQ(s->sync(tokens).code(), Code::kCancelled);
  expect_ok(s->sync(tokens));
  EXPECT_EQ(l.logits(*s), fresh_logits(l, tokens));
}

#if defined(__x86_64__)
TEST(Session, TheHostsFloatModeDoesNotMatter) {
  const Loaded l(tiny_model("deepseek2-v3"));
  const auto tokens = random_tokens(40, l.model->shape().n_vocab, 8);
  const auto expected = fresh_logits(l, tokens);
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040 | 0x6000);  // flush to zero, denormals are zero, round towards zero
  const auto found = fresh_logits(Loaded(tiny_model("deepseek2-v3")), tokens);
  EXPECT_EQ(_mm_getcsr() & 0xffc0u, (saved | 0x8040 | 0x6000) & 0xffc0u);
  _mm_setcsr(saved);
  EXPECT_EQ(found, expected);
}
#endif

// The recorded texts of third-party and PyTorch references, where the data folder is at hand.
std::string greedy(const Loaded& l, const std::string& prompt, size_t n) {
  auto s = l.session();
  std::vector<int32_t> tokens;
  expect_ok(l.model->tokenizer().tokenize(prompt, true, true, &tokens));
  const size_t n_prompt = tokens.size();
  while (tokens.size() < n_prompt + n) {
    expect_ok(s->sync(tokens));
    const float* logits = s->logits();
    tokens.push_back(static_cast<int32_t>(std::max_element(logits, logits + l.model->shape().n_vocab) - logits));
    if (l.model->tokenizer().is_end(tokens.back())) break;
  }
  return l.model->tokenizer().detokenize(tokens.data(), tokens.size(), false);
}

std::string recorded(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str().substr(0, text.str().find_last_not_of('\n') + 1);
}

TEST(Oracle, RecordedGreedyTexts) {
  const auto weights = std::filesystem::path(COTERIE_SOURCE_DIR).parent_path() / "shared/weights";
  if (!std::filesystem::exists(weights)) GTEST_SKIP() << "no " << weights;
  EXPECT_EQ(greedy(Loaded(weights / "stories260K-F32.gguf"), "", 256), recorded(weights / "stories260K_greedy256.txt"));
  EXPECT_EQ(" " + greedy(Loaded(weights / "npc-moe-8M-F16.gguf"), "KING:", 60),
            recorded(weights / "npc-moe-8M_greedy60_prompt_KING.txt"));
}

}  // namespace
}  // namespace coterie::test
