// coterie tokenize: text to ids. coterie detokenize: ids to text.
#include "commands.h"
#include "options.h"
#include "terminal.h"

#include <nlohmann/json.hpp>

#include <iostream>
#include <iterator>

namespace {

struct TokenizeOptions {
  ModelOptions model;
  std::optional<std::string> text;  // without it: all of standard input, byte for byte
  bool no_special = false;
};

void tokenize(const TokenizeOptions& options) {
  const coterie::Model model = options.model.load();
  const std::string text =
      options.text ? *options.text
                   : std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  const uint32_t flags = options.no_special ? 0 : COTERIE_ADD_SPECIAL | COTERIE_PARSE_SPECIAL;
  write_output(nlohmann::json(model.tokenize(text, flags)).dump() + "\n");
}

struct DetokenizeOptions {
  ModelOptions model;
  std::vector<coterie::Token> ids;
  bool special = false;
};

void detokenize(const DetokenizeOptions& options) {
  const coterie::Model model = options.model.load();
  write_output(model.detokenize(options.ids, options.special));
  if (is_terminal(stdout)) write_output("\n");
}

}  // namespace

void add_tokenize_command(CLI::App& app) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand("tokenize", "Print a text's token ids as a JSON array");
  options->model.add_file_to(*command);
  command->add_flag("--no-special", options->no_special,
                    "add no begin or end token, and take text such as <|User|> as plain text");
  command->add_option("text", options->text, "the text; without it, standard input byte for byte")->type_name("TEXT");
  command->callback([options] { tokenize(*options); });
}

void add_detokenize_command(CLI::App& app) {
  auto options = std::make_shared<DetokenizeOptions>();
  CLI::App* command = app.add_subcommand("detokenize", "Print the text of token ids, byte for byte");
  options->model.add_file_to(*command);
  command->add_flag("--special", options->special, "show control tokens as their text");
  command->add_option("ids", options->ids, "the ids, separated by spaces or commas")
      ->required()
      ->delimiter(',')
      ->type_name("ID");
  command->callback([options] { detokenize(*options); });
}
