// coterie: the command-line program over the public API. Here: how its commands are spelled, and its exit codes:
// 0, 1 failed, 2 usage.
#include "commands.h"
#include "terminal.h"

#include <CLI/CLI.hpp>
#include <coterie/coterie.hpp>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <sstream>

namespace {

// A command whose options live as long as the parser, and which runs when it is parsed.
template <class Options>
std::pair<CLI::App*, Options*> add_command(CLI::App& app, const char* name, const char* description,
                                           void (*work)(const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(name, description);
  command->callback([options, work] { work(*options); });
  command->add_option("-m,--model", options->model.file,
                      "GGUF file (of a split model, the first); without it the default model")
      ->type_name("FILE");
  return {command, options.get()};
}

// An option whose help shows its default.
template <class Number>
CLI::Option* add_number(CLI::App* command, const char* flags, Number& value, const char* type, const char* text) {
  std::ostringstream shown;
  shown << type << " [" << value << "]";
  return command->add_option(flags, value, text)->option_text(shown.str());
}

void add_engine_options(CLI::App* command, ModelOptions& model) {
  command->add_option("-t,--threads", model.n_threads, "threads; 0 = every core this process may use")
      ->type_name("N");
  command->add_flag("--log", model.log, "write the library's log lines to standard error");
}

void add_chunk_option(CLI::App* command, uint32_t& n_chunk) {
  command->add_option("--chunk", n_chunk, "most tokens of the prompt evaluated at once; 0 = 512")->type_name("N");
}

void add_kv_option(CLI::App* command, coterie_kv_type& type) {
  const std::map<std::string, coterie_kv_type> types = {
      {"f16", COTERIE_KV_F16}, {"f32", COTERIE_KV_F32}, {"q8_0", COTERIE_KV_Q8_0}};
  command->add_option("--kv", type, "how keys and values are kept: f16, f32 or q8_0")
      ->transform(CLI::CheckedTransformer(types, CLI::ignore_case).description(""))
      ->type_name("TYPE");
}

void add_session_options(CLI::App* command, coterie::SessionOptions& session) {
  command->add_option("-c,--ctx", session.n_ctx, "context in tokens; 0 = the model's own, at most 4096")
      ->type_name("N");
  add_chunk_option(command, session.n_chunk);
  add_kv_option(command, session.kv_type);
}

void add_sampling_options(CLI::App* command, SamplingOptions& sampling, const char* default_seed) {
  add_number(command, "-n,--max-tokens", sampling.max_tokens, "N",
             "most tokens to generate; 0 or -1 = until the model stops")
      ->check(CLI::Range(-1, std::numeric_limits<int32_t>::max()));
  add_number(command, "--temp", sampling.temperature, "T", "temperature; 0 = always the most likely token")
      ->check(CLI::NonNegativeNumber);
  add_number(command, "--top-k", sampling.top_k, "K", "sample from the K most likely tokens; 0 = off");
  add_number(command, "--top-p", sampling.top_p, "P", "sample from the most likely tokens that make up P; 0 = off")
      ->check(CLI::Range(0.0, 1.0));
  add_number(command, "--min-p", sampling.min_p, "P",
             "leave out tokens less likely than P times the most likely; 0 = off")
      ->check(CLI::Range(0.0, 1.0));
  add_number(command, "--repeat-penalty", sampling.repeat_penalty, "R",
             "make recent tokens less likely, as 1.1 does; 0 = off")
      ->check(CLI::NonNegativeNumber);
  command->add_option("-s,--seed", sampling.seed, "seed of the sampling: the same seed gives the same text")
      ->option_text("SEED [" + std::string(default_seed) + "]");
}

void add_run_command(CLI::App& app) {
  auto [command, options] = add_command(app, "run", "Continue a text", &run);
  command->add_option("-p,--prompt", options->prompt, "the text to continue; may hold special tokens")
      ->required()
      ->type_name("TEXT");
  add_sampling_options(command, options->sampling, "0");
  add_session_options(command, options->session);
  add_engine_options(command, options->model);
  command->add_flag("--ids", options->ids, "print the ids of the generated tokens instead of their text");
  command->add_flag("--stats", options->stats, "print the speed to standard error at the end");
}

void add_chat_command(CLI::App& app) {
  auto [command, options] =
      add_command(app, "chat", "Talk with a model; /help in the conversation lists its commands", &chat);
  command->add_option("--system", options->system, "system message")->type_name("TEXT");
  command->add_option("-p,--prompt", options->prompt, "answer this one message and exit")->type_name("TEXT");
  command->add_option("--reasoning", options->reasoning, "show (dimmed), fold (one line) or hide the reasoning")
      ->check(CLI::IsMember(kReasoningViews))
      ->option_text("show|fold|hide [show]");
  command->add_option("--format", options->format, "chat format of the prompt; auto = as the file says")
      ->check(CLI::IsMember(kChatFormats))
      ->option_text("auto|plain|v2|v3|r1|r1-zero [auto]");
  auto* think = command->add_flag_callback("--think", [o = options] { o->thinking = COTERIE_THINKING_ON; },
                                           "have the model reason first, where its chat template has a switch for it");
  command->add_flag_callback("--no-think", [o = options] { o->thinking = COTERIE_THINKING_OFF; }, "have it answer at once")
      ->excludes(think);
  command->add_option("--date", options->date, "what the model is told as today's date, if its chat template asks")
      ->option_text("YYYY-MM-DD [today]");
  command->add_option("--tools", options->tools,
                      "JSON array of tools that the model may call; each call is printed as one line of JSON")
      ->type_name("FILE");
  command->add_flag("--show-prompt", options->show_prompt, "print the text of each prompt to standard error");
  add_sampling_options(command, options->sampling, "random; with -p 0");
  add_session_options(command, options->session);
  add_engine_options(command, options->model);
  command->add_flag("--stats", options->stats, "print the speed to standard error after each answer");
}

void add_info_command(CLI::App& app) {
  auto [command, options] = add_command(app, "info", "Say what a model file is and what it will need", &info);
  command->add_flag("--json", options->json, "as JSON, sizes in bytes");
}

void add_tokenize_command(CLI::App& app) {
  auto [command, options] = add_command(app, "tokenize", "Print a text's token ids as a JSON array", &tokenize);
  command->add_flag("--no-special", options->no_special,
                    "add no begin or end token, and take text such as <|User|> as plain text");
  command->add_option("text", options->text, "the text; without it, standard input byte for byte")->type_name("TEXT");
}

void add_detokenize_command(CLI::App& app) {
  auto [command, options] = add_command(app, "detokenize", "Print the text of token ids, byte for byte", &detokenize);
  command->add_flag("--special", options->special, "show control tokens as their text");
  command->add_option("ids", options->ids, "the ids, separated by spaces or commas")
      ->required()
      ->delimiter(',')
      ->type_name("ID");
}

void add_logits_command(CLI::App& app) {
  auto [command, options] =
      add_command(app, "logits", "Write the logits after each of the given tokens to a file", &logits);
  command->add_option("--ids", options->ids, "token ids, separated by commas")
      ->required()
      ->delimiter(',')
      ->type_name("1,2,3");
  add_chunk_option(command, options->n_chunk);
  add_kv_option(command, options->kv_type);
  add_engine_options(command, options->model);
  command->add_option("--out", options->out, "receives little-endian f32 [n_tokens, n_vocab]")
      ->required()
      ->type_name("FILE");
}

// A list of numbers whose help shows its default.
void add_numbers(CLI::App* command, const char* flags, std::vector<uint32_t>& values, const char* text) {
  std::ostringstream shown;
  for (size_t i = 0; i < values.size(); ++i) shown << (i == 0 ? "N,N.. [" : ",") << values[i];
  command->add_option(flags, values, text)->delimiter(',')->option_text(shown.str() + "]");
}

void add_bench_command(CLI::App& app) {
  auto [command, options] =
      add_command(app, "bench", "Measure how fast a model runs, beside what the machine's memory allows", &bench);
  add_numbers(command, "-p,--prompts", options->prompts, "tokens of the prompts to read; 0 = none");
  add_number(command, "-n,--decode", options->n_decode, "N", "tokens to generate one by one; 0 = none");
  add_numbers(command, "-d,--depths", options->depths, "tokens already held when generating begins");
  add_numbers(command, "-t,--threads", options->threads, "threads; 0 = every core this process may use");
  add_number(command, "-r,--repeats", options->repeats, "N", "measure each so often and take the median")
      ->check(CLI::PositiveNumber);
  add_chunk_option(command, options->n_chunk);
  add_kv_option(command, options->kv_type);
  command->add_flag("--json", options->json, "as JSON, with every sample");
}

std::string version_text() {
  const uint32_t v = coterie::version();
  return "coterie " + std::to_string(v >> 16) + "." + std::to_string(v >> 8 & 255) + "." + std::to_string(v & 255);
}

// Terminal input is UTF-8 even where no locale is set up, as in a bare container.
void use_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

int fail(const char* message) {
  std::fprintf(stderr, "coterie: %s\n", printable(message).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  use_utf8();
  CLI::App app("Runs Mixture-of-Experts language models (GGUF files) on the CPU.", "coterie");
  app.set_version_flag("--version", version_text());
  app.footer("Every command has its own --help. Without -m FILE, COTERIE_MODEL or else the default model is used.");
  app.require_subcommand(1);
  add_run_command(app);
  add_chat_command(app);
  add_info_command(app);
  add_tokenize_command(app);
  add_detokenize_command(app);
  add_logits_command(app);
  add_bench_command(app);
  if (argc == 1) {
    std::fputs(app.help().c_str(), stderr);
    return 2;
  }
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
