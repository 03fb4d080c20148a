// coterie: the command-line program over the public API. Exit codes: 0, 1 failed, 2 usage.
#include "commands.h"
#include "terminal.h"

#include <coterie/coterie.hpp>

#include <clocale>
#include <cstdio>
#include <cstdlib>

namespace {

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
