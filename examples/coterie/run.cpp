// coterie run: raw completion of a text.
#include "commands.h"
#include "terminal.h"
#include "throughput.h"

namespace {

std::string joined(std::span<const coterie::Token> tokens, bool first) {
  std::string out;
  for (coterie::Token token : tokens) {
    if (!first) out += ' ';
    out += std::to_string(token);
    first = false;
  }
  return out;
}

}  // namespace

void run(const RunOptions& options) {
  const coterie::Model model = options.model.load();
  coterie::Session session(model, options.session);
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
