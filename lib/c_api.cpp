// The C ABI: handles to objects and back. No logic; nothing thrown passes. Contracts: include/coterie/coterie.h.
#include <algorithm>
#include <cstring>
#include <new>

#include "chat/prompt.h"
#include "coterie/coterie.h"
#include "engine/engine.h"
#include "engine/generation.h"
#include "engine/info.h"
#include "engine/model.h"
#include "engine/session.h"

struct coterie_engine {
  std::unique_ptr<coterie::Engine> engine;
};
struct coterie_model {
  std::unique_ptr<coterie::Model> model;
};
struct coterie_session {
  std::unique_ptr<coterie::Session> session;
};
struct coterie_generation {
  std::unique_ptr<coterie::Generation> generation;
  coterie_tool_call call = {};  // of the last event
};

namespace {

using coterie::Code;
using coterie::Error;
using coterie::Status;

static_assert(static_cast<int>(Code::kCancelled) == COTERIE_CANCELLED && static_cast<int>(Code::kInternal) == COTERIE_INTERNAL &&
              static_cast<int>(Code::kUnsupported) == COTERIE_UNSUPPORTED &&
              static_cast<int>(Code::kContextFull) == COTERIE_CONTEXT_FULL);

// As much of a text as fits, whole UTF-8 characters, and zeros behind it.
template <size_t N>
void copy_text(std::string_view from, char (&to)[N]) {
  size_t n = std::min(from.size(), N - 1);
  while (n > 0 && n < from.size() && (from[n] & 0xc0) == 0x80) --n;
  std::memcpy(to, from.data(), n);
  std::memset(to + n, 0, N - n);
}

coterie_status report(Code code, const char* message, coterie_error* error) {
  if (error != nullptr && code != Code::kOk) {
    error->status = static_cast<int32_t>(code);
    copy_text(message, error->message);
  }
  return static_cast<coterie_status>(code);
}

// Runs what a function does and turns its Status, or whatever the standard library throws, into the caller's error.
template <class F>
coterie_status guarded(coterie_error* error, F work) noexcept {
  try {
    const Status status = work();
    return report(status.code(), status.message().c_str(), error);
  } catch (const std::bad_alloc&) {
    return report(Code::kOutOfMemory, "out of memory", error);
  } catch (const std::exception& e) {
    return report(Code::kInternal, e.what(), error);
  } catch (...) {
    return report(Code::kInternal, "unknown exception", error);
  }
}

Status null_argument(const char* name) { return Error(Code::kInvalidArgument, "%s: NULL", name); }

#define REQUIRE(pointer)                                        \
  do {                                                          \
    if ((pointer) == nullptr) return null_argument(#pointer);   \
  } while (false)

Status bad_struct_size(const char* name, size_t size, size_t expected) {
  return Error(Code::kInvalidArgument, "%s: struct_size %zu, expected %zu: use the INIT macro", name, size, expected);
}

// The caller's options, of whatever version of the struct: fields it does not have keep their default; fields we do not
// have must be zero, their default.
template <class T>
Status read_options(const T* options, const char* name, T* out) {
  *out = T{};
  out->struct_size = sizeof(T);
  if (options == nullptr) return {};
  const size_t size = options->struct_size;
  constexpr size_t kMost = 4096;  // more is not a size but memory that nobody set
  if (size < sizeof(size_t) || size > kMost) return bad_struct_size(name, size, sizeof(T));
  const auto* bytes = reinterpret_cast<const unsigned char*>(options);
  for (size_t i = sizeof(T); i < size; ++i) {
    if (bytes[i] != 0) return Error(Code::kUnsupported, "%s: an option at byte %zu is unknown to this version", name, i);
  }
  std::memcpy(out, options, std::min(size, sizeof(T)));
  return {};
}

// Fills the caller's struct as far as its version of it goes.
template <class T>
Status write_struct(T from, const char* name, T* out) {
  const size_t size = out->struct_size;
  if (size < sizeof(size_t)) return bad_struct_size(name, size, sizeof(T));
  from.struct_size = size;
  std::memcpy(out, &from, std::min(size, sizeof(T)));
  return {};
}

// The contract of every function that fills an array.
template <class T>
Status fill(const T* from, size_t n, const char* name, T* out, size_t capacity, size_t* n_out) {
  *n_out = n;
  if (capacity == 0) return {};
  if (n != 0) std::memcpy(out, from, std::min(n, capacity) * sizeof(T));
  if (n > capacity) return Error(Code::kInvalidArgument, "%s: capacity %zu, expected %zu", name, capacity, n);
  return {};
}

Status write_info(const coterie::Gguf& gguf, coterie_model_info* out) {
  coterie::ModelInfo info;
  COTERIE_RETURN_IF_ERROR(coterie::describe(gguf, &info));
  coterie_model_info c = {};
  copy_text(info.architecture, c.architecture);
  copy_text(info.name, c.name);
#define COPY(field) c.field = info.field
  COPY(n_files), COPY(n_layer), COPY(n_embd), COPY(n_head), COPY(n_vocab), COPY(n_ctx_train), COPY(n_expert);
  COPY(n_expert_used), COPY(n_expert_shared), COPY(n_layer_dense), COPY(n_tensors), COPY(n_params), COPY(file_bytes);
  COPY(tensor_bytes), COPY(embedding_bytes), COPY(attention_bytes), COPY(dense_ffn_bytes), COPY(router_bytes);
  COPY(shared_expert_bytes), COPY(routed_expert_bytes), COPY(output_bytes), COPY(norm_bytes), COPY(other_bytes);
  COPY(touched_bytes_per_token), COPY(kv_bytes_per_token);
#undef COPY
  static_assert(coterie::kTensorTypeCount <= COTERIE_MAX_TENSOR_TYPES);
  for (const coterie::TypeUsage& usage : info.types) {
    coterie_type_usage& u = c.types[c.n_types++];
    copy_text(usage.name, u.name);
    u.n_tensors = usage.n_tensors;
    u.n_bytes = usage.n_bytes;
  }
  return write_struct(c, "info", out);
}

std::string_view text_or_empty(const char* text) { return text == nullptr ? std::string_view() : text; }

Status read_tool_calls(const coterie_message& m, std::vector<coterie::ToolCall>* out) {
  if (m.n_tool_calls != 0) REQUIRE(m.tool_calls);
  for (size_t i = 0; i < m.n_tool_calls; ++i) {
    const coterie_tool_call& call = m.tool_calls[i];
    REQUIRE(call.name);
    REQUIRE(call.arguments);
    out->push_back({std::string(text_or_empty(call.id)), call.name, call.arguments});
  }
  return {};
}

// An array of messages of whatever version of the struct.
Status read_messages(const coterie_message* messages, size_t n, std::vector<coterie::Message>* out) {
  if (n != 0) REQUIRE(messages);
  if (n != 0 && messages->struct_size % alignof(coterie_message) != 0) {
    return bad_struct_size("messages", messages->struct_size, sizeof(coterie_message));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(messages);
  for (size_t i = 0; i < n; ++i) {
    coterie_message m;
    const auto* at = reinterpret_cast<const coterie_message*>(bytes + i * messages->struct_size);
    if (at->struct_size != messages->struct_size) {
      return bad_struct_size("messages", at->struct_size, messages->struct_size);
    }
    COTERIE_RETURN_IF_ERROR(read_options(at, "messages", &m));
    REQUIRE(m.role);
    REQUIRE(m.content);
    coterie::Message& message = out->emplace_back();
    message.role = m.role;
    message.content = m.content;
    message.reasoning = text_or_empty(m.reasoning);
    message.name = text_or_empty(m.name);
    message.tool_call_id = text_or_empty(m.tool_call_id);
    COTERIE_RETURN_IF_ERROR(read_tool_calls(m, &message.tool_calls));
  }
  return {};
}

Status write_chat(const coterie_model* model, const coterie_chat_options* options, const coterie_message* messages,
                  size_t n_messages, coterie::MarkedText* out) {
  REQUIRE(model);
  coterie_chat_options o;
  COTERIE_RETURN_IF_ERROR(read_options(options, "options", &o));
  std::vector<coterie::Message> views;
  COTERIE_RETURN_IF_ERROR(read_messages(messages, n_messages, &views));
  const coterie::TemplateOptions template_options = {static_cast<coterie::Thinking>(o.thinking), text_or_empty(o.tools),
                                                     text_or_empty(o.date), text_or_empty(o.variables)};
  return coterie::write_prompt(model->model->tokenizer(), static_cast<coterie::ChatFormat>(o.format), template_options,
                               views, out);
}

Status read_generation_options(const coterie_generation_options* options, coterie::Generation::Options* out) {
  coterie_generation_options o;
  COTERIE_RETURN_IF_ERROR(read_options(options, "options", &o));
  if (o.output != COTERIE_OUTPUT_TEXT && o.output != COTERIE_OUTPUT_CHAT) {
    return Error(Code::kInvalidArgument, "options.output: %d, expected a coterie_output", o.output);
  }
  out->sampling = {o.temperature, o.top_k, o.top_p, o.min_p, o.repeat_penalty, o.repeat_last_n, o.seed};
  out->max_tokens = o.max_tokens;
  out->chat = o.output == COTERIE_OUTPUT_CHAT;
  out->tools = text_or_empty(o.tools);
  return {};
}

coterie_event public_event(const coterie::Event& e, coterie_tool_call* call) {
  if (e.call != nullptr) *call = {e.call->id.c_str(), e.call->name.c_str(), e.call->arguments.c_str()};
  return {sizeof(coterie_event), e.type,          e.reason, e.text.data(), e.text.size(),
          e.tokens.data(),       e.tokens.size(), e.n_done, e.n_total,     e.call == nullptr ? nullptr : call};
}

Status create_generation(coterie_session* session, const coterie_token* prompt, size_t n,
                         const coterie_generation_options* options, std::unique_ptr<coterie::Generation>* out) {
  REQUIRE(session);
  REQUIRE(prompt);
  coterie::Generation::Options o;
  COTERIE_RETURN_IF_ERROR(read_generation_options(options, &o));
  return coterie::Generation::create(*session->session, {prompt, n}, o, out);
}

}  // namespace

extern "C" {

uint32_t coterie_version(void) {
  return COTERIE_VERSION_MAJOR << 16 | COTERIE_VERSION_MINOR << 8 | COTERIE_VERSION_PATCH;
}

const char* coterie_status_name(int32_t status) { return coterie::code_name(static_cast<Code>(status)); }

// ---- engine

coterie_status coterie_engine_create(const coterie_engine_options* options, coterie_engine** out, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(out);
    coterie_engine_options o;
    COTERIE_RETURN_IF_ERROR(read_options(options, "options", &o));
    auto handle = std::make_unique<coterie_engine>();
    COTERIE_RETURN_IF_ERROR(coterie::Engine::create(o.n_threads, {o.log, o.user}, &handle->engine));
    *out = handle.release();
    return {};
  });
}

void coterie_engine_destroy(coterie_engine* engine) { delete engine; }

const char* coterie_engine_isa(const coterie_engine* engine) {
  return engine == nullptr ? "" : engine->engine->kernels().isa;
}

uint32_t coterie_engine_n_threads(const coterie_engine* engine) {
  return engine == nullptr ? 0 : engine->engine->arena().n_threads();
}

// ---- model

coterie_status coterie_model_load(coterie_engine* engine, const char* path, coterie_model** out, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(engine);
    REQUIRE(path);
    REQUIRE(out);
    auto handle = std::make_unique<coterie_model>();
    COTERIE_RETURN_IF_ERROR(coterie::Model::load(*engine->engine, path, &handle->model));
    *out = handle.release();
    return {};
  });
}

void coterie_model_destroy(coterie_model* model) { delete model; }

coterie_status coterie_file_info(const char* path, coterie_model_info* info, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(path);
    REQUIRE(info);
    std::unique_ptr<coterie::Gguf> gguf;
    COTERIE_RETURN_IF_ERROR(coterie::Gguf::open(path, &gguf));
    return write_info(*gguf, info);
  });
}

coterie_status coterie_model_get_info(const coterie_model* model, coterie_model_info* info, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(model);
    REQUIRE(info);
    return write_info(model->model->gguf(), info);
  });
}

// ---- text

coterie_status coterie_tokenize(const coterie_model* model, const char* text, size_t text_bytes, uint32_t flags,
                                coterie_token* tokens, size_t capacity, size_t* n_tokens, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(model);
    REQUIRE(n_tokens);
    if (text_bytes != 0) REQUIRE(text);
    if (capacity != 0) REQUIRE(tokens);
    if ((flags & ~uint32_t{COTERIE_ADD_SPECIAL | COTERIE_PARSE_SPECIAL}) != 0) {
      return Error(Code::kUnsupported, "flags: %u, expected coterie_tokenize_flags", flags);
    }
    std::vector<int32_t> ids;
    COTERIE_RETURN_IF_ERROR(model->model->tokenizer().tokenize({text, text_bytes}, flags & COTERIE_ADD_SPECIAL,
                                                               flags & COTERIE_PARSE_SPECIAL, &ids));
    return fill(ids.data(), ids.size(), "tokens", tokens, capacity, n_tokens);
  });
}

coterie_status coterie_detokenize(const coterie_model* model, const coterie_token* tokens, size_t n_tokens,
                                  bool render_special, char* text, size_t capacity, size_t* text_bytes,
                                  coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(model);
    REQUIRE(text_bytes);
    if (n_tokens != 0) REQUIRE(tokens);
    if (capacity != 0) REQUIRE(text);
    const coterie::Tokenizer& tokenizer = model->model->tokenizer();
    const auto n_vocab = static_cast<int32_t>(model->model->shape().n_vocab);
    for (size_t i = 0; i < n_tokens; ++i) {
      if (tokens[i] < 0 || tokens[i] >= n_vocab) {
        return Error(Code::kInvalidArgument, "token %zu: id %d, expected 0 to %d", i, tokens[i], n_vocab - 1);
      }
    }
    const std::string bytes = tokenizer.detokenize(tokens, n_tokens, render_special);
    return fill(bytes.data(), bytes.size(), "text", text, capacity, text_bytes);
  });
}

coterie_status coterie_chat_prompt(const coterie_model* model, const coterie_chat_options* options,
                                   const coterie_message* messages, size_t n_messages, coterie_token* tokens,
                                   size_t capacity, size_t* n_tokens, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(n_tokens);
    if (capacity != 0) REQUIRE(tokens);
    coterie::MarkedText text;
    std::vector<int32_t> ids;
    COTERIE_RETURN_IF_ERROR(write_chat(model, options, messages, n_messages, &text));
    COTERIE_RETURN_IF_ERROR(coterie::tokenize_prompt(model->model->tokenizer(), text, &ids));
    return fill(ids.data(), ids.size(), "tokens", tokens, capacity, n_tokens);
  });
}

coterie_status coterie_chat_text(const coterie_model* model, const coterie_chat_options* options,
                                 const coterie_message* messages, size_t n_messages, char* text, size_t capacity,
                                 size_t* text_bytes, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(text_bytes);
    if (capacity != 0) REQUIRE(text);
    coterie::MarkedText written;
    COTERIE_RETURN_IF_ERROR(write_chat(model, options, messages, n_messages, &written));
    return fill(written.bytes().data(), written.size(), "text", text, capacity, text_bytes);
  });
}

// ---- session

static Status read_kv_type(int32_t given, coterie::TensorType* type) {
  switch (given) {
    case COTERIE_KV_F16: *type = coterie::TensorType::F16; return {};
    case COTERIE_KV_F32: *type = coterie::TensorType::F32; return {};
    case COTERIE_KV_Q8_0: *type = coterie::TensorType::Q8_0; return {};
    default: return Error(Code::kInvalidArgument, "options.kv_type: %d, expected a coterie_kv_type", given);
  }
}

coterie_status coterie_session_create(coterie_model* model, const coterie_session_options* options, coterie_session** out,
                                      coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(model);
    REQUIRE(out);
    coterie_session_options o;
    COTERIE_RETURN_IF_ERROR(read_options(options, "options", &o));
    coterie::TensorType kv_type = coterie::TensorType::F16;
    COTERIE_RETURN_IF_ERROR(read_kv_type(o.kv_type, &kv_type));
    auto handle = std::make_unique<coterie_session>();
    COTERIE_RETURN_IF_ERROR(coterie::Session::create(*model->model, {o.n_ctx, o.n_chunk, kv_type}, &handle->session));
    *out = handle.release();
    return {};
  });
}

void coterie_session_destroy(coterie_session* session) { delete session; }

coterie_status coterie_session_sync(coterie_session* session, const coterie_token* tokens, size_t n, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(session);
    REQUIRE(tokens);
    return session->session->sync({tokens, n});
  });
}

coterie_status coterie_session_eval(coterie_session* session, const coterie_token* tokens, size_t n, float* logits,
                                    coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(session);
    REQUIRE(tokens);
    return session->session->append({tokens, n}, logits);
  });
}

const float* coterie_session_logits(const coterie_session* session) {
  return session == nullptr ? nullptr : session->session->logits();
}

size_t coterie_session_n_tokens(const coterie_session* session) {
  return session == nullptr ? 0 : session->session->tokens().size();
}

const coterie_token* coterie_session_tokens(const coterie_session* session) {
  return session == nullptr ? nullptr : session->session->tokens().data();
}

uint32_t coterie_session_n_ctx(const coterie_session* session) {
  return session == nullptr ? 0 : session->session->n_ctx();
}

void coterie_session_cancel(coterie_session* session) {
  if (session != nullptr) session->session->request_cancel();
}

// ---- generation

coterie_status coterie_generation_create(coterie_session* session, const coterie_token* prompt, size_t n,
                                         const coterie_generation_options* options, coterie_generation** out,
                                         coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(out);
    auto handle = std::make_unique<coterie_generation>();
    COTERIE_RETURN_IF_ERROR(create_generation(session, prompt, n, options, &handle->generation));
    *out = handle.release();
    return {};
  });
}

coterie_status coterie_generation_next(coterie_generation* generation, coterie_event* event, coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(generation);
    REQUIRE(event);
    if (event->struct_size < sizeof(size_t)) return bad_struct_size("event", event->struct_size, sizeof(coterie_event));
    coterie::Event e;
    COTERIE_RETURN_IF_ERROR(generation->generation->next(&e));
    return write_struct(public_event(e, &generation->call), "event", event);
  });
}

void coterie_generation_cancel(coterie_generation* generation) {
  if (generation != nullptr) generation->generation->request_cancel();
}

void coterie_generation_destroy(coterie_generation* generation) { delete generation; }

coterie_status coterie_generate(coterie_session* session, const coterie_token* prompt, size_t n,
                                const coterie_generation_options* options, coterie_event_fn on_event, void* user,
                                coterie_error* error) {
  return guarded(error, [&]() -> Status {
    REQUIRE(on_event);
    std::unique_ptr<coterie::Generation> generation;
    COTERIE_RETURN_IF_ERROR(create_generation(session, prompt, n, options, &generation));
    coterie::Event e;
    coterie_tool_call call = {};
    do {
      COTERIE_RETURN_IF_ERROR(generation->next(&e));
      const coterie_event event = public_event(e, &call);
      if (!on_event(user, &event)) return Error(Code::kCancelled, "stopped by on_event");
    } while (e.type != coterie::Event::kEnd);
    return e.reason == coterie::Event::kCancelled ? Error(Code::kCancelled, "cancelled") : Status();
  });
}

}  // extern "C"
