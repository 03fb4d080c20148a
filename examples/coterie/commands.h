// The commands of the program, one source file each. add_*_command declares a command's options and lets parsing run
// it; a command reports failure by throwing.
#pragma once

#include <CLI/CLI.hpp>

void add_run_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_tokenize_command(CLI::App& app);
void add_detokenize_command(CLI::App& app);
void add_logits_command(CLI::App& app);
