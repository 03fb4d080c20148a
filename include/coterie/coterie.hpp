// coterie.hpp: C++20 over the C ABI of coterie.h. Header-only: nothing here is compiled into the library, and no C++
// type crosses its boundary.
//
//   coterie::Engine engine;
//   coterie::Model model(engine, "model.gguf");
//   coterie::Session session(model);
//   for (const coterie::Event& event : session.generate(model.tokenize("Once upon a time")))
//     std::cout << event.text;
//
// Ownership  Every object keeps alive what it was made from, in whatever order they are destroyed. Engine and Model are
//            cheap to copy (copies share one handle); Session and Generation are move-only. A moved-from object may
//            only be assigned to or destroyed.
// Threads    As in coterie.h: Engine and Model may be used by many threads, a Session and its Generation by one at a
//            time. cancel() may be called from any thread.
// Errors     Every failure throws coterie::Exception, which carries the status; the object stays usable. Being
//            cancelled is a result, not an exception.
#ifndef COTERIE_HPP
#define COTERIE_HPP

#include <coterie/coterie.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coterie {

using Token = coterie_token;
using ModelInfo = coterie_model_info;

class Exception : public std::runtime_error {
 public:
  Exception(coterie_status status, const char* message) : std::runtime_error(message), status_(status) {}
  coterie_status status() const noexcept { return status_; }

 private:
  coterie_status status_;
};

namespace detail {

inline void check(coterie_status status, const coterie_error& error) {
  if (status == COTERIE_OK) return;
  throw Exception(status, error.message[0] != '\0' ? error.message : coterie_status_name(status));
}

// For calls that may be stopped: false if it was.
inline bool finished(coterie_status status, const coterie_error& error) {
  if (status == COTERIE_CANCELLED) return false;
  check(status, error);
  return true;
}

// Calls fill(data, capacity, &count) of an array-filling function twice: to size the container, then to fill it.
template <class Container, class Fill>
Container filled(Fill fill) {
  coterie_error error{};
  size_t count = 0;
  check(fill(nullptr, 0, &count, &error), error);
  Container out(count, typename Container::value_type{});
  if (count > 0) check(fill(out.data(), out.size(), &count, &error), error);
  return out;
}

}  // namespace detail

// Version of the library in use: major << 16 | minor << 8 | patch.
inline uint32_t version() noexcept { return coterie_version(); }

// What a file is and will need, read from its head alone.
inline ModelInfo file_info(const std::string& path) {
  ModelInfo info = COTERIE_MODEL_INFO_INIT;
  coterie_error error{};
  detail::check(coterie_file_info(path.c_str(), &info, &error), error);
  return info;
}

struct EngineOptions {
  uint32_t n_threads = 0;  // 0 = every core this process may use
  // Called with one line without a newline, from whichever thread calls into the library. What it throws is lost.
  std::function<void(coterie_log_level, std::string_view)> log;
};

// Threads and log sink.
class Engine {
 public:
  explicit Engine(EngineOptions options = {}) {
    auto log = std::make_shared<decltype(options.log)>(std::move(options.log));
    coterie_engine_options c_options = COTERIE_ENGINE_OPTIONS_INIT;
    c_options.n_threads = options.n_threads;
    if (*log) {
      c_options.log = &write_log;
      c_options.user = log.get();
    }
    coterie_error error{};
    coterie_engine* engine = nullptr;
    detail::check(coterie_engine_create(&c_options, &engine, &error), error);
    handle_.reset(engine, [log](coterie_engine* e) { coterie_engine_destroy(e); });
  }

  // The kernel set in use, such as "avx2".
  std::string_view isa() const { return coterie_engine_isa(get()); }
  uint32_t n_threads() const { return coterie_engine_n_threads(get()); }
  coterie_engine* get() const noexcept { return handle_.get(); }

 private:
  friend class Model;
  static void write_log(void* user, int32_t level, const char* line) noexcept {
    try {
      (*static_cast<decltype(EngineOptions::log)*>(user))(static_cast<coterie_log_level>(level), line);
    } catch (...) {
    }
  }

  std::shared_ptr<coterie_engine> handle_;
};

// One call of a tool.
struct ToolCall {
  std::string id;  // may be empty
  std::string name;
  std::string arguments;  // a JSON object
};

struct Message {
  std::string role;     // "system", "user", "assistant"; with a chat template also "tool" and "developer"
  std::string content;  // of a tool: its result
  std::string reasoning = {};             // of an assistant
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string name = {};                  // of a tool
  std::string tool_call_id = {};          // of a tool: the call that it answers
};

struct ChatOptions {
  coterie_chat_format format = COTERIE_CHAT_AUTO;
  coterie_thinking thinking = COTERIE_THINKING_AUTO;
  std::string tools = {};      // JSON array; empty: none
  std::string date = {};       // YYYY-MM-DD; empty: the system's date
  std::string variables = {};  // JSON object of further variables for the template; empty: none
};

namespace detail {

// Messages and options as the C ABI takes them; they point into what they were made from.
class ChatArguments {
 public:
  ChatArguments(std::span<const Message> messages, const ChatOptions& options) {
    calls_.reserve(messages.size());
    for (const Message& from : messages) {
      std::vector<coterie_tool_call>& calls = calls_.emplace_back();
      for (const ToolCall& call : from.tool_calls)
        calls.push_back({call.id.c_str(), call.name.c_str(), call.arguments.c_str()});
      coterie_message message = COTERIE_MESSAGE_INIT(from.role.c_str(), from.content.c_str());
      message.reasoning = from.reasoning.c_str();
      message.tool_calls = calls.data();
      message.n_tool_calls = calls.size();
      message.name = from.name.c_str();
      message.tool_call_id = from.tool_call_id.c_str();
      messages_.push_back(message);
    }
    options_.format = options.format;
    options_.thinking = options.thinking;
    options_.tools = options.tools.c_str();
    options_.date = options.date.c_str();
    options_.variables = options.variables.c_str();
  }

  const coterie_message* messages() const { return messages_.data(); }
  size_t n_messages() const { return messages_.size(); }
  const coterie_chat_options* options() const { return &options_; }

 private:
  std::vector<std::vector<coterie_tool_call>> calls_;
  std::vector<coterie_message> messages_;
  coterie_chat_options options_ = COTERIE_CHAT_OPTIONS_INIT;
};

}  // namespace detail

// Immutable weights and tokenizer.
class Model {
 public:
  Model(const Engine& engine, const std::string& path) {
    coterie_error error{};
    coterie_model* model = nullptr;
    detail::check(coterie_model_load(engine.get(), path.c_str(), &model, &error), error);
    handle_.reset(model, [parent = engine.handle_](coterie_model* m) { coterie_model_destroy(m); });
  }

  ModelInfo info() const {
    ModelInfo info = COTERIE_MODEL_INFO_INIT;
    coterie_error error{};
    detail::check(coterie_model_get_info(get(), &info, &error), error);
    return info;
  }

  // flags: coterie_tokenize_flags. COTERIE_PARSE_SPECIAL is never for text from a user.
  std::vector<Token> tokenize(std::string_view text, uint32_t flags = COTERIE_ADD_SPECIAL) const {
    return detail::filled<std::vector<Token>>([&](Token* out, size_t capacity, size_t* count, coterie_error* error) {
      return coterie_tokenize(get(), text.data(), text.size(), flags, out, capacity, count, error);
    });
  }

  std::string detokenize(std::span<const Token> tokens, bool render_special = false) const {
    return detail::filled<std::string>([&](char* out, size_t capacity, size_t* count, coterie_error* error) {
      return coterie_detokenize(get(), tokens.data(), tokens.size(), render_special, out, capacity, count, error);
    });
  }

  // The ids of the prompt for the conversation's next answer.
  std::vector<Token> chat_prompt(std::span<const Message> messages, const ChatOptions& options = {}) const {
    const detail::ChatArguments chat(messages, options);
    return detail::filled<std::vector<Token>>([&](Token* out, size_t capacity, size_t* count, coterie_error* error) {
      return coterie_chat_prompt(get(), chat.options(), chat.messages(), chat.n_messages(), out, capacity, count, error);
    });
  }

  // The same prompt as text, for people to read.
  std::string chat_text(std::span<const Message> messages, const ChatOptions& options = {}) const {
    const detail::ChatArguments chat(messages, options);
    return detail::filled<std::string>([&](char* out, size_t capacity, size_t* count, coterie_error* error) {
      return coterie_chat_text(get(), chat.options(), chat.messages(), chat.n_messages(), out, capacity, count, error);
    });
  }

  coterie_model* get() const noexcept { return handle_.get(); }

 private:
  friend class Session;
  std::shared_ptr<coterie_model> handle_;
};

struct SessionOptions {
  uint32_t n_ctx = 0;    // most tokens the session can hold; 0 = the model's training context, at most 4096
  uint32_t n_chunk = 0;  // most tokens evaluated at once in prefill; 0 = 512
  coterie_kv_type kv_type = COTERIE_KV_F16;
};

struct GenerationOptions {
  uint32_t max_tokens = 0;  // 0 = until the model stops or the context is full
  coterie_output output = COTERIE_OUTPUT_TEXT;
  float temperature = 0;     // 0 = greedy
  uint32_t top_k = 0;        // 0 = off, as for all below
  float top_p = 0;
  float min_p = 0;
  float repeat_penalty = 0;
  uint32_t repeat_last_n = 0;  // 0 = 64
  uint64_t seed = 0;
  std::string tools = {};  // as in ChatOptions: their calls come as events (COTERIE_OUTPUT_CHAT only)
};

// One thing a generation reports. text and tokens are valid until the generation is next asked for an event.
struct Event {
  coterie_event_type type = COTERIE_EVENT_END;
  std::string_view text;           // of TEXT and REASONING: whole UTF-8 characters
  std::span<const Token> tokens;   // generated since the previous event
  size_t n_done = 0, n_total = 0;  // of PROMPT: prompt tokens evaluated so far, of all
  coterie_end_reason reason{};     // of END
  ToolCall tool_call = {};         // of TOOL_CALL
};

// One answer being written: a range of events that ends with (and includes) the END event. Go over it once.
class Generation {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    const Event& operator*() const noexcept { return event_; }
    const Event* operator->() const noexcept { return &event_; }
    Iterator& operator++() {
      if (event_.type == COTERIE_EVENT_END) {
        generation_ = nullptr;
      } else {
        event_ = generation_->next();
      }
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept { return it.generation_ == nullptr; }

   private:
    friend class Generation;
    explicit Iterator(Generation& generation) : generation_(&generation), event_(generation.next()) {}
    Generation* generation_ = nullptr;
    Event event_;
  };

  // Works until there is something to report. After the END event it reports END again.
  Event next() {
    coterie_event event = COTERIE_EVENT_INIT;
    coterie_error error{};
    detail::check(coterie_generation_next(get(), &event, &error), error);
    Event out;
    out.type = static_cast<coterie_event_type>(event.type);
    if (event.text_bytes > 0) out.text = {event.text, event.text_bytes};
    if (event.n_tokens > 0) out.tokens = {event.tokens, event.n_tokens};
    out.n_done = event.n_done;
    out.n_total = event.n_total;
    out.reason = static_cast<coterie_end_reason>(event.reason);
    if (event.tool_call != nullptr)
      out.tool_call = {event.tool_call->id, event.tool_call->name, event.tool_call->arguments};
    return out;
  }

  Iterator begin() { return Iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  // The running or next call of next() reports END with COTERIE_END_CANCELLED, within 50 ms. (any thread)
  void cancel() const noexcept { coterie_generation_cancel(get()); }
  coterie_generation* get() const noexcept { return handle_.get(); }

  Generation(Generation&&) noexcept = default;
  Generation& operator=(Generation&&) noexcept = default;

 private:
  friend class Session;
  Generation(std::shared_ptr<coterie_session> session, std::span<const Token> prompt,
             const GenerationOptions& options) {
    coterie_generation_options c_options = COTERIE_GENERATION_OPTIONS_INIT;
    c_options.max_tokens = options.max_tokens;
    c_options.output = options.output;
    c_options.temperature = options.temperature;
    c_options.top_k = options.top_k;
    c_options.top_p = options.top_p;
    c_options.min_p = options.min_p;
    c_options.repeat_penalty = options.repeat_penalty;
    c_options.repeat_last_n = options.repeat_last_n;
    c_options.seed = options.seed;
    c_options.tools = options.tools.c_str();
    coterie_error error{};
    coterie_generation* generation = nullptr;
    detail::check(
        coterie_generation_create(session.get(), prompt.data(), prompt.size(), &c_options, &generation, &error),
        error);
    handle_.reset(generation, [parent = std::move(session)](coterie_generation* g) { coterie_generation_destroy(g); });
  }

  std::shared_ptr<coterie_generation> handle_;
};

// One timeline: KV cache, position, logits.
class Session {
 public:
  explicit Session(const Model& model, SessionOptions options = {}) {
    coterie_session_options c_options = COTERIE_SESSION_OPTIONS_INIT;
    c_options.n_ctx = options.n_ctx;
    c_options.n_chunk = options.n_chunk;
    c_options.kv_type = options.kv_type;
    coterie_error error{};
    coterie_session* session = nullptr;
    detail::check(coterie_session_create(model.get(), &c_options, &session, &error), error);
    handle_.reset(session, [parent = model.handle_](coterie_session* s) { coterie_session_destroy(s); });
    n_vocab_ = model.info().n_vocab;
  }

  // Makes the session hold exactly these tokens. False if cancelled: the same call again goes on with the same bits.
  [[nodiscard]] bool sync(std::span<const Token> tokens) {
    coterie_error error{};
    return detail::finished(coterie_session_sync(get(), tokens.data(), tokens.size(), &error), error);
  }

  // Appends tokens; logits, if not empty, is [tokens.size(), n_vocab] and receives one row per token. False if
  // cancelled.
  [[nodiscard]] bool eval(std::span<const Token> tokens, std::span<float> logits = {}) {
    if (!logits.empty() && logits.size() != tokens.size() * n_vocab_)
      throw Exception(COTERIE_INVALID_ARGUMENT, "logits: not [n_tokens, n_vocab]");
    coterie_error error{};
    float* rows = logits.empty() ? nullptr : logits.data();
    return detail::finished(coterie_session_eval(get(), tokens.data(), tokens.size(), rows, &error), error);
  }

  // [n_vocab] after the last token, empty before the first evaluation. Valid until the session is next evaluated.
  std::span<const float> logits() const {
    const float* row = coterie_session_logits(get());
    return row == nullptr ? std::span<const float>{} : std::span<const float>{row, n_vocab_};
  }

  // What the session holds. Valid until it next changes.
  std::span<const Token> tokens() const { return {coterie_session_tokens(get()), coterie_session_n_tokens(get())}; }
  uint32_t n_ctx() const { return coterie_session_n_ctx(get()); }

  // Begins an answer to the prompt; nothing is evaluated yet. One generation at a time may run on a session.
  [[nodiscard]] Generation generate(std::span<const Token> prompt, const GenerationOptions& options = {}) {
    return Generation(handle_, prompt, options);
  }

  // Stops the running evaluation within 50 ms, or the next one at its beginning. (any thread)
  void cancel() const noexcept { coterie_session_cancel(get()); }
  coterie_session* get() const noexcept { return handle_.get(); }

  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;

 private:
  std::shared_ptr<coterie_session> handle_;
  size_t n_vocab_ = 0;
};

}  // namespace coterie
#endif
