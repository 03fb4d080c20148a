// The commands of the program, one source file each, and what each is asked for. main.cpp fills the options from the
// command line. A command reports failure by throwing.
#pragma once

#include "answer_view.h"
#include "options.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

struct RunOptions {
  ModelOptions model;
  coterie::SessionOptions session;
  SamplingOptions sampling{.max_tokens = 128};
  std::string prompt;
  bool ids = false;    // print ids instead of text
  bool stats = false;  // print the speed at the end
};
// Raw completion of a text.
void run(const RunOptions& options);

inline const std::map<std::string, ReasoningView> kReasoningViews = {
    {"show", ReasoningView::kShow}, {"fold", ReasoningView::kFold}, {"hide", ReasoningView::kHide}};
inline const std::map<std::string, coterie_chat_format> kChatFormats = {
    {"auto", COTERIE_CHAT_AUTO},      {"plain", COTERIE_CHAT_PLAIN},    {"v2", COTERIE_CHAT_DEEPSEEK_V2},
    {"v3", COTERIE_CHAT_DEEPSEEK_V3}, {"r1", COTERIE_CHAT_DEEPSEEK_R1}, {"r1-zero", COTERIE_CHAT_R1_ZERO}};

struct ChatOptions {
  ModelOptions model;
  coterie::SessionOptions session;
  SamplingOptions sampling{.temperature = 0.6F, .top_p = 0.95F};
  std::string system;
  std::optional<std::string> prompt;  // one turn; without it, a conversation
  std::string reasoning = "show";     // of kReasoningViews
  std::string format = "auto";        // of kChatFormats
  coterie_thinking thinking = COTERIE_THINKING_AUTO;
  std::string date;          // empty: today
  std::string tools;         // file of JSON; empty: none
  bool show_prompt = false;  // print the text of each prompt
  bool stats = false;
};
// A conversation at the terminal, or one turn of it.
void chat(const ChatOptions& options);

struct InfoOptions {
  ModelOptions model;
  bool json = false;
};
// What a model file is and will need, from its head alone.
void info(const InfoOptions& options);

struct TokenizeOptions {
  ModelOptions model;
  std::optional<std::string> text;  // without it: all of standard input, byte for byte
  bool no_special = false;
};
// Text to ids.
void tokenize(const TokenizeOptions& options);

struct DetokenizeOptions {
  ModelOptions model;
  std::vector<coterie::Token> ids;
  bool special = false;  // show control tokens as their text
};
// Ids to text.
void detokenize(const DetokenizeOptions& options);

struct LogitsOptions {
  ModelOptions model;
  std::vector<coterie::Token> ids;
  uint32_t n_chunk = 0;
  coterie_kv_type kv_type = COTERIE_KV_F16;
  std::string out;
};
// What the model says after every token, for oracles and tests.
void logits(const LogitsOptions& options);

struct BenchOptions {
  ModelOptions model;
  std::vector<uint32_t> prompts = {128, 512};  // tokens of each prefill
  uint32_t n_decode = 64;                      // tokens generated one by one,
  std::vector<uint32_t> depths = {0};          // each time after so many
  std::vector<uint32_t> threads = {0};
  uint32_t repeats = 3;
  uint32_t n_chunk = 0;
  coterie_kv_type kv_type = COTERIE_KV_F16;
  bool json = false;
};
// How fast a model runs here, beside what the machine's memory allows.
void bench(const BenchOptions& options);
