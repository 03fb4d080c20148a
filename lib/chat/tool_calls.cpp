// Sources: the chat templates of the models, which render calls in the notation that the models were trained to write.
#include "chat/tool_calls.h"

#include <algorithm>

#include "chat/jinja/json.h"
#include "chat/jinja/strings.h"

namespace coterie {
namespace {

using jinja::Dict;
using jinja::Heap;
using jinja::Value;
using Type = Value::Type;

constexpr std::string_view kDeepSeekBegins[] = {"<｜tool▁calls▁begin｜>"}, kDeepSeekEnds[] = {"<｜tool▁calls▁end｜>"},
                           kDeepSeekTokens[] = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
                                                "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"};
constexpr std::string_view kDsmlBegins[] = {"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"},
                           kDsmlEnds[] = {"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>"},
                           kDsmlTokens[] = {"｜DSML｜"};
constexpr std::string_view kTagBegins[] = {"<tool_call>"}, kTagEnds[] = {"</tool_call>"},
                           kTagTokens[] = {"<tool_call>", "</tool_call>", "<arg_key>",
                                           "</arg_key>",  "<arg_value>",  "</arg_value>"};
constexpr std::string_view kKimiBegins[] = {"<|tool_calls_section_begin|>"},
                           kKimiEnds[] = {"<|tool_calls_section_end|>"},
                           kKimiTokens[] = {"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
                                            "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"};
constexpr std::string_view kLlamaBegins[] = {"<|python_tag|>", "{"}, kLlamaTokens[] = {"<|python_tag|>"};
constexpr std::string_view kHarmonyTokens[] = {"<|start|>",     "<|end|>",  "<|message|>", "<|channel|>",
                                               "<|constrain|>", "<|call|>", "<|return|>"};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Reads a region from its beginning.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : all_(text), rest_(text) {}

  bool pass(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool pass_any(std::span<const std::string_view> texts) {
    return std::any_of(texts.begin(), texts.end(), [this](std::string_view text) { return pass(text); });
  }
  // What stands before the next occurrence of end, which is passed too.
  bool until(std::string_view end, std::string_view* out) {
    const size_t at = rest_.find(end);
    if (at == rest_.npos) return false;
    *out = rest_.substr(0, at);
    rest_.remove_prefix(at + end.size());
    return true;
  }
  void space() { rest_ = jinja::trimmed_left(rest_); }
  std::string_view rest() const { return rest_; }
  size_t position() const { return all_.size() - rest_.size(); }

 private:
  std::string_view all_, rest_;
};

// A heap for the values of one call.
class CallHeap : public Heap {
 public:
  explicit CallHeap(std::string_view text)
      : Heap({.n_steps = 1'000'000 + 8 * text.size(), .n_bytes = (16u << 20) + 64 * text.size()}, {}) {}

  bool read(std::string_view json, Value* out) { return parse_json(*this, json, false, "", out).ok(); }
  bool write(const Value& value, std::string* out) {
    MarkedText text;
    if (!write_json(*this, value, {}, &text).ok()) return false;
    *out = text.bytes();
    return true;
  }
};

bool is_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) { return c >= 0 && c <= ' '; });
}

std::string_view trimmed(std::string_view text) { return jinja::trimmed_left(jinja::trimmed_right(text)); }

// Some models write the object as JSON inside of a JSON string.
bool finish_call(CallHeap& heap, std::string_view name, Value arguments, ToolCall* out) {
  if (arguments.is_string() && !heap.read(arguments.bytes(), &arguments)) return false;
  if (!is_name(name) || !arguments.is(Type::kDict) || !heap.write(arguments, &out->arguments)) return false;
  out->name = name;
  return true;
}

bool make_call(std::string_view name, std::string_view json, ToolCall* out) {
  CallHeap heap(json);
  Value arguments;
  return heap.read(trimmed(json), &arguments) && finish_call(heap, trimmed(name), arguments, out);
}

// {"name": ..., "arguments" or "parameters": {...}}
bool make_call_of_object(std::string_view json, ToolCall* out) {
  CallHeap heap(json);
  Value object;
  if (!heap.read(trimmed(json), &object) || !object.is(Type::kDict)) return false;
  const Value* name = object.dict->find("name");
  const Value* arguments = object.dict->find("arguments");
  if (arguments == nullptr) arguments = object.dict->find("parameters");
  const Value* id = object.dict->find("id");
  if (id != nullptr && id->is_string()) out->id = id->bytes();
  return name != nullptr && name->is_string() &&
         finish_call(heap, name->bytes(), arguments == nullptr ? heap.dict({}) : *arguments, out);
}

bool take_deepseek(Cursor* c, ToolCall* out) {
  std::string_view head, body;
  if (!c->pass("<｜tool▁call▁begin｜>") || !c->until("<｜tool▁sep｜>", &head) ||
      !c->until("<｜tool▁call▁end｜>", &body)) {
    return false;
  }
  static constexpr std::string_view kFence = "\n```json\n", kFenceEnd = "```";
  const size_t fence = body.find(kFence);
  const std::string_view inside = trimmed(body);
  if (trimmed(head) != "function" || fence == body.npos || !inside.ends_with(kFenceEnd)) {
    return make_call(head, body, out);
  }
  const std::string_view name = body.substr(0, fence);
  std::string_view json = jinja::trimmed_right(body.substr(fence + kFence.size()));
  if (!json.ends_with(kFenceEnd)) return false;
  json.remove_suffix(kFenceEnd.size());
  return make_call(name, json, out);
}

bool take_kimi(Cursor* c, ToolCall* out) {
  std::string_view id, body;
  if (!c->pass("<|tool_call_begin|>") || !c->until("<|tool_call_argument_begin|>", &id) ||
      !c->until("<|tool_call_end|>", &body)) {
    return false;
  }
  out->id = trimmed(id);
  std::string_view name = out->id;
  if (name.starts_with("functions.")) name.remove_prefix(10);
  const size_t colon = name.rfind(':');
  if (colon != name.npos && name.find_first_not_of("0123456789", colon + 1) == name.npos) name = name.substr(0, colon);
  return make_call(name, body, out);
}

// Text, or the JSON that it is.
bool argument(CallHeap& heap, Tools::Kind kind, std::string_view text, Value* out) {
  if (kind != Tools::Kind::kText && heap.read(trimmed(text), out)) return true;
  *out = heap.own(text);
  return true;
}

bool take_dsml(Cursor* c, ToolCall* out) {
  std::string_view name, key, is_text, text;
  if (!c->pass("<｜DSML｜invoke name=\"") || !c->until("\">", &name)) return false;
  CallHeap heap(c->rest());
  Dict arguments;
  for (c->space(); c->pass("<｜DSML｜parameter name=\""); c->space()) {
    if (!c->until("\" string=\"", &key) || !c->until("\">", &is_text) || !c->until("</｜DSML｜parameter>", &text)) {
      return false;
    }
    Value value = heap.own(text);
    if (is_text != "true" && !heap.read(trimmed(text), &value)) return false;
    arguments.set(heap.key(key), value);
  }
  return c->pass("</｜DSML｜invoke>") && finish_call(heap, name, heap.dict(std::move(arguments)), out);
}

std::string_view without_line_ends(std::string_view text) {
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// <function=name> <parameter=key>\nvalue\n</parameter> ... </function>
bool take_function_element(std::string_view body, const Tools& tools, ToolCall* out) {
  Cursor c(body);
  std::string_view name, key, text;
  if (!c.pass("<function=") || !c.until(">", &name)) return false;
  CallHeap heap(body);
  Dict arguments;
  for (c.space(); c.pass("<parameter="); c.space()) {
    Value value;
    if (!c.until(">", &key) || !c.until("</parameter>", &text)) return false;
    if (!argument(heap, tools.kind(name, key), without_line_ends(text), &value)) return false;
    arguments.set(heap.key(key), value);
  }
  return c.pass("</function>") && trimmed(c.rest()).empty() &&
         finish_call(heap, name, heap.dict(std::move(arguments)), out);
}

// name <arg_key>key</arg_key> <arg_value>value</arg_value> ...   A bare word is a call only if it is a tool.
bool take_arg_keys(std::string_view body, const Tools& tools, ToolCall* out) {
  const std::string_view name = trimmed(body.substr(0, body.find("<arg_key>")));
  if (name == body && !tools.has(name)) return false;
  Cursor c(body);
  std::string_view key, text;
  c.pass(name);
  CallHeap heap(body);
  Dict arguments;
  for (c.space(); c.pass("<arg_key>"); c.space()) {
    Value value;
    if (!c.until("</arg_key>", &key)) return false;
    c.space();
    if (!c.pass("<arg_value>") || !c.until("</arg_value>", &text)) return false;
    if (!argument(heap, tools.kind(name, trimmed(key)), text, &value)) return false;
    arguments.set(heap.key(trimmed(key)), value);
  }
  return c.rest().empty() && finish_call(heap, name, heap.dict(std::move(arguments)), out);
}

bool take_tag(std::string_view body, const Tools& tools, ToolCall* out) {
  body = trimmed(body);
  if (body.starts_with('{')) return make_call_of_object(body, out);
  if (body.starts_with("<function=")) return take_function_element(body, tools, out);
  return take_arg_keys(body, tools, out);
}

// The text of the JSON object that begins here; empty if it does not end.
std::string_view object_at(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char ch = text[i];
    if (in_string) {
      i += ch == '\\';
      in_string = ch != '"';
    } else if (ch == '"') {
      in_string = true;
    } else if (ch == '{') {
      ++depth;
    } else if (ch == '}' && --depth == 0) {
      return text.substr(0, i + 1);
    }
  }
  return {};
}

bool take_llama(Cursor* c, const Tools& tools, ToolCall* out) {
  const std::string_view object = object_at(c->rest());
  return !object.empty() && c->pass(object) && make_call_of_object(object, out) && tools.has(out->name);
}

}  // namespace

ToolSyntax recognise_tool_syntax(const Tokenizer& tokenizer) {
  static constexpr std::pair<std::string_view, ToolSyntax> kSigns[] = {
      {"｜DSML｜", ToolSyntax::kDsml},
      {"<｜tool▁calls▁begin｜>", ToolSyntax::kDeepSeek},
      {"<|tool_calls_section_begin|>", ToolSyntax::kKimi},
      {"<|channel|>", ToolSyntax::kHarmony},
      {"<tool_call>", ToolSyntax::kTags},
      {"<|start_header_id|>", ToolSyntax::kLlama},
  };
  for (const auto& [sign, syntax] : kSigns) {
    const std::string_view source = tokenizer.chat_template();
    if (source.empty() ? tokenizer.find(sign) >= 0 : contains(source, sign)) return syntax;
  }
  return ToolSyntax::kNone;
}

ToolMarkers markers_of(ToolSyntax syntax) {
  switch (syntax) {
    case ToolSyntax::kNone: break;
    case ToolSyntax::kDeepSeek: return {kDeepSeekBegins, kDeepSeekEnds, kDeepSeekTokens};
    case ToolSyntax::kDsml: return {kDsmlBegins, kDsmlEnds, kDsmlTokens};
    case ToolSyntax::kTags: return {kTagBegins, kTagEnds, kTagTokens};
    case ToolSyntax::kKimi: return {kKimiBegins, kKimiEnds, kKimiTokens};
    case ToolSyntax::kLlama: return {kLlamaBegins, {}, kLlamaTokens};
    case ToolSyntax::kHarmony: return {{}, {}, kHarmonyTokens};
  }
  return {};
}

Status Tools::parse(std::string_view json, Tools* out) {
  using jinja::Value;
  *out = {};
  if (json.empty()) return {};
  CallHeap heap(json);
  Value list;
  COTERIE_RETURN_IF_ERROR(parse_json(heap, json, false, "tools", &list));
  if (!list.is(Type::kList)) return Error(Code::kInvalidArgument, "tools: expected a JSON array");
  const auto field = [](const Value* v, const char* key) {
    return v != nullptr && v->is(Type::kDict) ? v->dict->find(key) : nullptr;
  };
  for (size_t i = 0; i < list.list->items.size(); ++i) {
    const Value* function = field(&list.list->items[i], "function");
    const Value* name = field(function, "name");
    if (name == nullptr || !name->is_string()) {
      return Error(Code::kInvalidArgument,
                   "tools[%zu]: expected {\"type\": \"function\", \"function\": {\"name\": ...}}", i);
    }
    auto& parameters = out->parameters_[std::string(name->bytes())];
    const Value* properties = field(field(function, "parameters"), "properties");
    if (properties == nullptr || !properties->is(Type::kDict)) continue;
    for (const Dict::Entry& entry : properties->dict->entries) {
      const Value* type = field(&entry.value, "type");
      if (type == nullptr || !type->is_string()) continue;
      parameters[std::string(entry.key->bytes())] = type->bytes() == "string" ? Kind::kText : Kind::kOther;
    }
  }
  return {};
}

Tools::Kind Tools::kind(std::string_view name, std::string_view parameter) const {
  const auto tool = parameters_.find(std::string(name));
  if (tool == parameters_.end()) return Kind::kUnknown;
  const auto found = tool->second.find(std::string(parameter));
  return found == tool->second.end() ? Kind::kUnknown : found->second;
}

size_t parse_tool_calls(ToolSyntax syntax, const Tools& tools, std::string_view region, std::vector<ToolCall>* out) {
  const ToolMarkers markers = markers_of(syntax);
  Cursor c(region);
  size_t understood = 0;
  c.space();
  if (syntax == ToolSyntax::kLlama) {
    c.pass(kLlamaBegins[0]);
  } else if (!c.pass_any(markers.begins)) {
    return 0;
  }
  for (;;) {
    ToolCall call;
    bool found = false;
    c.space();
    switch (syntax) {
      case ToolSyntax::kDeepSeek: found = take_deepseek(&c, &call); break;
      case ToolSyntax::kDsml: found = take_dsml(&c, &call); break;
      case ToolSyntax::kKimi: found = take_kimi(&c, &call); break;
      case ToolSyntax::kLlama: found = take_llama(&c, tools, &call); break;
      case ToolSyntax::kTags: {  // one call, whose end mark may be missing at the end of the answer
        std::string_view body = c.rest();
        c.until(kTagEnds[0], &body) || c.pass(body);
        if (take_tag(body, tools, &call)) out->push_back(std::move(call)), understood = c.position();
        return understood;
      }
      default: return 0;
    }
    if (!found) break;
    out->push_back(std::move(call));
    understood = c.position();
    if (syntax == ToolSyntax::kLlama) {
      c.space();
      c.pass(";");
    }
  }
  // Behind the last call only the end mark and white space may follow.
  Cursor end(region.substr(understood));
  end.space();
  end.pass_any(markers.ends);
  end.space();
  return understood > 0 && end.rest().empty() ? region.size() : understood;
}

bool parse_harmony_call(std::string_view recipient, std::string_view text, ToolCall* out) {
  if (!recipient.starts_with("functions.")) return false;
  return make_call(recipient.substr(10), text, out);
}

}  // namespace coterie
