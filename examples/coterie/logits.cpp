// coterie logits: what the model says after every token, for oracles and tests.
#include "commands.h"
#include "options.h"
#include "terminal.h"

#include <cerrno>
#include <cstring>
#include <memory>

namespace {

struct LogitsOptions {
  ModelOptions model;
  std::vector<coterie::Token> ids;
  uint32_t n_chunk = 0;
  std::string out;
};

// Raw bytes; the library runs on little-endian machines only.
void write_file(const std::string& path, std::span<const float> values) {
  const auto check = [&path](bool ok) {
    if (!ok) throw std::runtime_error(path + ": " + std::strerror(errno));
  };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  check(file != nullptr);
  check(std::fwrite(values.data(), sizeof(float), values.size(), file.get()) == values.size());
  check(std::fclose(file.release()) == 0);
}

void logits(const LogitsOptions& options) {
  const coterie::Model model = options.model.load();
  coterie::Session session(model, {static_cast<uint32_t>(options.ids.size()), options.n_chunk});
  std::vector<float> rows(options.ids.size() * model.info().n_vocab);  // [n_tokens, n_vocab]
  StatusLine status;
  status.set("evaluating " + std::to_string(options.ids.size()) + " tokens");
  if (!session.eval(options.ids, rows)) throw std::runtime_error("cancelled");
  write_file(options.out, rows);
}

}  // namespace

void add_logits_command(CLI::App& app) {
  auto options = std::make_shared<LogitsOptions>();
  CLI::App* command = app.add_subcommand("logits", "Write the logits after each of the given tokens to a file");
  options->model.add_file_to(*command);
  command->add_option("--ids", options->ids, "token ids, separated by commas")
      ->required()
      ->delimiter(',')
      ->type_name("1,2,3");
  command->add_option("--chunk", options->n_chunk, "most tokens evaluated at once; 0 = 256")->type_name("N");
  options->model.add_engine_to(*command);
  command->add_option("--out", options->out, "receives little-endian f32 [n_tokens, n_vocab]")
      ->required()
      ->type_name("FILE");
  command->callback([options] { logits(*options); });
}
