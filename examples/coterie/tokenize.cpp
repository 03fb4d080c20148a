// coterie tokenize: text to ids. coterie detokenize: ids to text.
#include "commands.h"
#include "terminal.h"

#include <nlohmann/json.hpp>

#include <iostream>
#include <iterator>

void tokenize(const TokenizeOptions& options) {
  const coterie::Model model = options.model.load();
  const std::string text =
      options.text ? *options.text
                   : std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  const uint32_t flags = options.no_special ? 0 : COTERIE_ADD_SPECIAL | COTERIE_PARSE_SPECIAL;
  write_output(nlohmann::json(model.tokenize(text, flags)).dump() + "\n");
}

void detokenize(const DetokenizeOptions& options) {
  const coterie::Model model = options.model.load();
  write_output(model.detokenize(options.ids, options.special));
  if (is_terminal(stdout)) write_output("\n");
}
