// coterie run: raw completion of a text.
#include "commands.h"
#include "options.h"
#include "terminal.h"
#include "throughput.h"

namespace {

struct RunOptions {
  ModelOptions model;
  ContextOptions context;
  SamplingOptions sampling{.max_tokens = 128};
  std::string prompt;
  bool ids = false;
  bool stats = false;
};

std::string joined(std::span<const coterie::Token> tokens, bool first) {
  std::string out;
  for (coterie::Token token : tokens) {
    if (!first) out += ' ';
    out += std::to_string(token);
    first = false;
  }
  return out;
}

void run(const RunOptions& options) {
  const coterie::Model model = options.model.load();
  coterie::Session session(model, options.context.session);
  const auto prompt = model.tokenize(options.prompt, COTERIE_ADD_SPECIAL | COTERIE_PARSE_SPECIAL);
  auto generation = session.generate(prompt, options.sampling.generation(COTERIE_OUTPUT_TEXT, 0));

  Throughput throughput;
  StatusLine status;
  for (const coterie::Event& event : generation) {
    if (event.type == COTERIE_EVENT_PROMPT) {
      status.set(prompt_progress(event));
    } else {
      status.clear();
      write_output(options.ids ? joined(event.tokens, throughput.n_generated() == 0) : event.text);
    }
    throughput.add(event);
  }
  if (options.ids || is_terminal(stdout)) write_output("\n");
  if (options.stats) write_dim(throughput.text() + "\n");
}

}  // namespace

void add_run_command(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Continue a text");
  options->model.add_file_to(*command);
  command->add_option("-p,--prompt", options->prompt, "the text to continue; may hold special tokens")
      ->required()
      ->type_name("TEXT");
  options->sampling.add_to(*command, "0");
  options->context.add_to(*command);
  options->model.add_engine_to(*command);
  command->add_flag("--ids", options->ids, "print the ids of the generated tokens instead of their text");
  command->add_flag("--stats", options->stats, "print the speed to standard error at the end");
  command->callback([options] { run(*options); });
}
