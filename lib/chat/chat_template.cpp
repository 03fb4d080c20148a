// Source: transformers' documentation of chat templates (chat_templating, chat_extras).
#include "chat/chat_template.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "chat/jinja/filters.h"
#include "chat/jinja/json.h"
#include "chat/jinja/template.h"

namespace coterie {
namespace {

using jinja::Dict;
using jinja::Heap;
using jinja::Value;

constexpr const char* kKey = "tokenizer.chat_template";

// What calls of tools look like to a template.
struct CallShape {
  bool has_text_arguments;  // JSON text instead of an object
  bool has_empty_content;   // "" instead of none
};

bool parse_number(std::string_view text, int* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

Status make_date(std::string_view text, jinja::Date* out) {
  if (text.empty()) {
    const std::time_t now = std::time(nullptr);
    std::tm local = {};
    localtime_r(&now, &local);
    *out = {local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
            local.tm_min,         local.tm_sec,     local.tm_wday, local.tm_yday + 1};
    return {};
  }
  *out = {};
  const bool is_date = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                       parse_number(text.substr(0, 4), &out->year) && parse_number(text.substr(5, 2), &out->month) &&
                       parse_number(text.substr(8, 2), &out->day);
  using namespace std::chrono;
  const year_month_day date{year{out->year}, month{static_cast<unsigned>(out->month)},
                            day{static_cast<unsigned>(out->day)}};
  if (!is_date || !date.ok()) {
    return Error(Code::kInvalidArgument, "date: \"%.*s\", expected a day as YYYY-MM-DD",
                 static_cast<int>(std::min<size_t>(text.size(), 40)), text.data());
  }
  out->weekday = static_cast<int>(weekday(sys_days(date)).c_encoding());
  out->day_of_year = static_cast<int>((sys_days(date) - sys_days(date.year() / 1 / 1)).count()) + 1;
  return {};
}

// What a conversation may cost. Templates look at every message a few times, some at all messages for each.
jinja::Limits limits_of(const TemplateOptions& options, std::span<const Message> messages) {
  uint64_t n_bytes = options.tools.size() + options.variables.size();
  for (const Message& m : messages) {
    n_bytes += m.content.size() + m.reasoning.size();
    for (const ToolCall& call : m.tool_calls) n_bytes += call.arguments.size();
  }
  jinja::Limits limits;
  limits.n_steps += 64 * messages.size() * messages.size() + 4 * n_bytes;
  limits.n_bytes += 64 * n_bytes;
  return limits;
}

class Renderer {
 public:
  Renderer(const Tokenizer& tokenizer, const TemplateOptions& options, const jinja::Template& parsed,
           const jinja::Limits& limits, const jinja::Date& date)
      : tokenizer_(tokenizer), options_(options), template_(parsed), heap_(limits, date) {}

  Status render(std::span<const Message> messages, CallShape shape, MarkedText* out) {
    Value list, tools;
    COTERIE_RETURN_IF_ERROR(make_messages(messages, shape, &list));
    set("messages", list);
    set("add_generation_prompt", Value::from_bool(true));
    set("bos_token", token(tokenizer_.bos()));
    set("eos_token", token(tokenizer_.eos()));
    if (!options_.tools.empty()) {
      COTERIE_RETURN_IF_ERROR(parse_json(heap_, options_.tools, true, "tools", &tools));
      if (!tools.is(Value::Type::kList)) return Error(Code::kInvalidArgument, "tools: expected a JSON array");
      if (!tools.list->items.empty()) set("tools", tools);
    }
    if (options_.thinking != Thinking::kAuto) {
      set("enable_thinking", Value::from_bool(options_.thinking == Thinking::kOn));
      set("thinking", Value::from_bool(options_.thinking == Thinking::kOn));
    }
    if (!options_.date.empty()) COTERIE_RETURN_IF_ERROR(set_date_string());
    if (!options_.variables.empty()) COTERIE_RETURN_IF_ERROR(set_variables());
    const Status status = template_.render(heap_, variables_, out);
    return status.ok() ? status : Error(status.code(), "%s: %s", kKey, status.message().c_str());
  }

 private:
  void set(std::string_view name, const Value& value) { variables_.emplace_back(name, value); }
  Value foreign(std::string_view text) { return heap_.string(MarkedText(text, true)); }

  Value token(int32_t id) {
    std::string piece;
    tokenizer_.append_piece(id, true, &piece);
    return heap_.own(piece);
  }

  // Meta's templates print date_string; all others ask strftime_now.
  Status set_date_string() {
    jinja::Arguments format;
    format.positional = {heap_.own("%d %b %Y")};
    Value text;
    COTERIE_RETURN_IF_ERROR(jinja::find_function("strftime_now")(heap_, format, &text));
    set("date_string", text);
    return {};
  }

  Status set_variables() {
    Value object;
    COTERIE_RETURN_IF_ERROR(parse_json(heap_, options_.variables, true, "variables", &object));
    if (!object.is(Value::Type::kDict)) return Error(Code::kInvalidArgument, "variables: expected a JSON object");
    for (const Dict::Entry& entry : object.dict->entries) set(entry.key->bytes(), entry.value);
    return {};
  }

  void add(Dict* dict, std::string_view key, const Value& value) { dict->entries.push_back({heap_.key(key), value}); }

  Status make_messages(std::span<const Message> messages, CallShape shape, Value* out) {
    std::vector<Value> list(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      COTERIE_RETURN_IF_ERROR(make_message(messages[i], i, shape, &list[i]));
    }
    *out = heap_.list(std::move(list));
    return {};
  }

  Status make_message(const Message& m, size_t index, CallShape shape, Value* out) {
    Dict dict;
    const bool has_calls = !m.tool_calls.empty();
    const bool is_none = has_calls && m.content.empty() && !shape.has_empty_content;
    add(&dict, "role", foreign(m.role));
    add(&dict, "content", is_none ? Value::none() : foreign(m.content));
    if (!m.reasoning.empty()) {
      const bool reads_thinking = template_.names("thinking") && !template_.names("reasoning_content");
      if (!reads_thinking) add(&dict, "reasoning_content", foreign(m.reasoning));
      // gpt-oss takes either content or thinking beside a call.
      if (reads_thinking && (!has_calls || m.content.empty())) add(&dict, "thinking", foreign(m.reasoning));
    }
    if (has_calls) {
      std::vector<Value> calls(m.tool_calls.size());
      for (size_t i = 0; i < calls.size(); ++i) {
        COTERIE_RETURN_IF_ERROR(make_call(m.tool_calls[i], index, i, shape, &calls[i]));
      }
      add(&dict, "tool_calls", heap_.list(std::move(calls)));
    }
    if (!m.name.empty()) add(&dict, "name", foreign(m.name));
    if (!m.tool_call_id.empty()) add(&dict, "tool_call_id", foreign(m.tool_call_id));
    *out = heap_.dict(std::move(dict));
    return {};
  }

  Status make_call(const ToolCall& call, size_t message, size_t index, CallShape shape, Value* out) {
    const std::string what =
        "messages[" + std::to_string(message) + "].tool_calls[" + std::to_string(index) + "].arguments";
    Value arguments;
    COTERIE_RETURN_IF_ERROR(parse_json(heap_, call.arguments, true, what.c_str(), &arguments));
    if (!arguments.is(Value::Type::kDict)) {
      return Error(Code::kInvalidArgument, "%s: expected a JSON object", what.c_str());
    }
    Dict function, dict;
    add(&function, "name", foreign(call.name));
    add(&function, "arguments", shape.has_text_arguments ? foreign(call.arguments) : arguments);
    if (!call.id.empty()) add(&dict, "id", foreign(call.id));
    add(&dict, "type", heap_.own("function"));
    add(&dict, "function", heap_.dict(std::move(function)));
    *out = heap_.dict(std::move(dict));
    return {};
  }

  const Tokenizer& tokenizer_;
  const TemplateOptions& options_;
  const jinja::Template& template_;
  Heap heap_;
  std::vector<std::pair<std::string_view, Value>> variables_;
};

Status check_messages(std::span<const Message> messages) {
  static constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool", "developer"};
  if (messages.empty()) return Error(Code::kInvalidArgument, "messages: none, expected at least one");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = messages[i].role;
    if (std::find(std::begin(kRoles), std::end(kRoles), role) == std::end(kRoles)) {
      return Error(Code::kInvalidArgument,
                   "messages[%zu].role: \"%.*s\", expected system, user, assistant, tool or developer", i,
                   static_cast<int>(std::min<size_t>(role.size(), 40)), role.data());
    }
    if (role != "assistant" && !messages[i].tool_calls.empty()) {
      return Error(Code::kInvalidArgument, "messages[%zu].tool_calls: of role %.*s, expected assistant", i,
                   static_cast<int>(role.size()), role.data());
    }
  }
  return {};
}

// Whether a template renders calls of this shape: by what it makes of one.
bool renders_calls(const Tokenizer& tokenizer, const TemplateOptions& options, const jinja::Template& parsed,
                   CallShape shape) {
  const ToolCall call = {"call00000", "probe_name", R"({"probe_key": "probe_value"})"};
  const Message messages[] = {{"user", "u"},
                              {.role = "assistant", .content = "", .tool_calls = {call}},
                              {.role = "tool", .content = "r", .name = call.name, .tool_call_id = call.id}};
  MarkedText text;
  Renderer renderer(tokenizer, options, parsed, limits_of(options, messages), {});
  if (!renderer.render(messages, shape, &text).ok()) return false;
  const auto has = [&](const char* part) { return text.bytes().find(part) != std::string_view::npos; };
  // Neither as Python prints values, nor as JSON inside of a JSON string.
  return has("probe_name") && has("probe_key") && !has("'probe_key'") && !has("\\\"probe_key") && !has("None");
}

Status choose_shape(const Tokenizer& tokenizer, const TemplateOptions& options, const jinja::Template& parsed,
                    std::span<const Message> messages, CallShape* out) {
  *out = {};
  if (std::all_of(messages.begin(), messages.end(), [](const Message& m) { return m.tool_calls.empty(); })) return {};
  for (const CallShape shape : {CallShape{false, false}, {false, true}, {true, false}, {true, true}}) {
    *out = shape;
    if (renders_calls(tokenizer, options, parsed, shape)) return {};
  }
  return Error(Code::kUnsupported, "%s: renders no calls of tools", kKey);
}

}  // namespace

Status render_chat_template(const Tokenizer& tokenizer, const TemplateOptions& options,
                            std::span<const Message> messages, MarkedText* out) {
  COTERIE_RETURN_IF_ERROR(check_messages(messages));
  jinja::Date date;
  COTERIE_RETURN_IF_ERROR(make_date(options.date, &date));
  std::unique_ptr<jinja::Template> parsed;
  const Status status = jinja::Template::parse(tokenizer.chat_template(), &parsed);
  if (!status.ok()) {
    return Error(status.code(), "%s: %s; choose a chat format instead", kKey, status.message().c_str());
  }
  if (options.thinking != Thinking::kAuto && !parsed->reads("enable_thinking") && !parsed->reads("thinking")) {
    return Error(Code::kUnsupported, "thinking: the chat template of this file has no switch for it");
  }
  if (!options.tools.empty() && !parsed->reads("tools")) {
    return Error(Code::kUnsupported, "tools: the chat template of this file does not tell the model of any");
  }
  CallShape shape;
  COTERIE_RETURN_IF_ERROR(choose_shape(tokenizer, options, *parsed, messages, &shape));
  MarkedText text;
  Renderer renderer(tokenizer, options, *parsed, limits_of(options, messages), date);
  COTERIE_RETURN_IF_ERROR(renderer.render(messages, shape, &text));
  *out = std::move(text);
  return {};
}

}  // namespace coterie
