// coterie chat: a conversation at the terminal, or one turn of it.
#include "answer_view.h"
#include "commands.h"
#include "conversation.h"
#include "interrupt.h"
#include "line_editor.h"
#include "terminal.h"
#include "throughput.h"

#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>

namespace {

constexpr const char* kHelp =
    "/help              this text\n"
    "/reset             forget the conversation\n"
    "/system [TEXT]     show or set the system message\n"
    "/reasoning         print the reasoning behind the last answer\n"
    "/reasoning HOW     show, fold or hide the reasoning of the next answers\n"
    "/quit              leave (so does Ctrl-D)\n"
    "A line that ends in \\ goes on in the next one. Ctrl-C stops an answer.\n";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return text.str();
}

class Chat {
 public:
  explicit Chat(const ChatOptions& options)
      : options_(options),
        reasoning_view_(kReasoningViews.at(options.reasoning)),
        model_(options.model.load()),
        session_(model_, options.session),
        tools_(options.tools.empty() ? "" : read_file(options.tools)),
        conversation_(options.system, {kChatFormats.at(options.format), options.thinking, tools_, options.date, {}}) {}

  // One turn. False if the answer was stopped by an interrupt.
  bool answer(const std::string& message, uint64_t default_seed);
  // Reads messages and commands until the end.
  void converse();

 private:
  bool obey(const std::string& line);  // a line that begins with a slash; false: leave
  void obey_system(const std::string& text);
  void obey_reasoning(const std::string& how);
  void greet() const;
  bool write_answer(const Conversation::Prompt& prompt, uint64_t default_seed);
  std::string length_note(size_t n_generated) const;

  Interrupt interrupt_;  // first, so that every thread of the library inherits its signal mask
  const ChatOptions& options_;
  ReasoningView reasoning_view_;
  coterie::Model model_;
  coterie::Session session_;
  std::string tools_;  // JSON, or empty
  Conversation conversation_;
  std::string last_reasoning_;
};

bool Chat::answer(const std::string& message, uint64_t default_seed) {
  conversation_.begin_turn(message);
  try {
    const Conversation::Prompt prompt = conversation_.prompt(model_, session_.n_ctx());
    if (prompt.n_dropped > 0)
      write_dim("(the context is full: forgot the oldest " + std::to_string(prompt.n_dropped) + " turns)\n");
    if (options_.show_prompt) write_dim(conversation_.prompt_text(model_) + "\n");
    return write_answer(prompt, default_seed);
  } catch (...) {
    conversation_.drop_turn();
    throw;
  }
}

bool Chat::write_answer(const Conversation::Prompt& prompt, uint64_t default_seed) {
  coterie::GenerationOptions generation_options = options_.sampling.generation(COTERIE_OUTPUT_CHAT, default_seed);
  generation_options.tools = tools_;
  auto generation = session_.generate(prompt.tokens, generation_options);
  const Interrupt::Cancels cancels(interrupt_, generation);
  AnswerView view(reasoning_view_);
  Throughput throughput;
  coterie_end_reason reason{};
  for (const coterie::Event& event : generation) {
    view.show(event);
    throughput.add(event);
    reason = event.reason;
  }
  view.finish();
  if (reason == COTERIE_END_CANCELLED) write_dim("(stopped)\n");
  if (reason == COTERIE_END_LENGTH) write_dim(length_note(throughput.n_generated()));
  if (options_.stats) write_dim(throughput.text() + "\n");
  last_reasoning_ = view.reasoning();
  if (view.answer().empty() && view.reasoning().empty() && view.tool_calls().empty()) {
    conversation_.drop_turn();
  } else {
    conversation_.end_turn(view.reasoning(), view.answer(), view.tool_calls());
  }
  return reason != COTERIE_END_CANCELLED;
}

std::string Chat::length_note(size_t n_generated) const {
  const bool by_option = options_.sampling.max_tokens > 0 && n_generated >= size_t(options_.sampling.max_tokens);
  return by_option ? "(stopped after " + std::to_string(n_generated) + " tokens, as -n says)\n"
                   : "(stopped: the context is full; -c makes it larger)\n";
}

void Chat::greet() const {
  const coterie::ModelInfo info = model_.info();
  const std::string name = info.name[0] != '\0' ? info.name : info.architecture;
  write_dim(name + ", context of " + std::to_string(session_.n_ctx()) + " tokens. /help lists the commands.\n");
}

void Chat::converse() {
  LineEditor editor;
  if (editor.interactive()) {
    interrupt_.ignore_when_idle();
    greet();
  }
  std::random_device random;
  for (std::string line;;) {
    const LineEditor::Result result = editor.read(&line);
    if (result == LineEditor::Result::kEnd) return;
    if (result == LineEditor::Result::kInterrupted) continue;
    if (line.find_first_not_of(" \t\n") == std::string::npos) continue;
    if (line.starts_with('/')) {
      if (!obey(line)) return;
      continue;
    }
    try {
      const bool finished = answer(line, uint64_t{random()} << 32 | random());
      if (!finished && !editor.interactive()) Interrupt::end_program();
    } catch (const std::exception& error) {
      if (!editor.interactive()) throw;
      std::fprintf(stderr, "coterie: %s\n", printable(error.what()).c_str());
    }
  }
}

bool Chat::obey(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  if (command == "/quit" || command == "/exit") return false;
  if (command == "/help") {
    write_dim(kHelp);
  } else if (command == "/reset") {
    conversation_.clear();
    write_dim("(forgotten)\n");
  } else if (command == "/system") {
    obey_system(argument);
  } else if (command == "/reasoning") {
    obey_reasoning(argument);
  } else {
    write_dim("no such command: " + command + "; /help lists them\n");
  }
  return true;
}

void Chat::obey_system(const std::string& text) {
  if (!text.empty()) conversation_.set_system(text);
  const std::string& system = conversation_.system();
  write_dim(system.empty() ? "(no system message)\n" : "system: " + system + "\n");
}

void Chat::obey_reasoning(const std::string& how) {
  if (const auto view = kReasoningViews.find(how); view != kReasoningViews.end()) {
    reasoning_view_ = view->second;
  } else if (!how.empty()) {
    write_dim("/reasoning takes show, fold or hide\n");
  } else if (last_reasoning_.empty()) {
    write_dim("(the last answer came without reasoning)\n");
  } else {
    write_dim(last_reasoning_ + "\n");
  }
}

}  // namespace

void chat(const ChatOptions& options) {
  Chat chat(options);
  if (!options.prompt) {
    chat.converse();
  } else if (!chat.answer(*options.prompt, 0)) {
    Interrupt::end_program();
  }
}
