/* coterie.h: the C ABI of Coterie, and its only ABI.
 *
 * Coterie runs quantised Mixture-of-Experts language models from GGUF files on the CPU.
 *   engine   threads and log sink; outlives its models
 *   model    immutable weights (mapped, never copied) and tokenizer; outlives its sessions; shared by threads
 *   session  one timeline: KV cache, position, logits; used by one thread at a time
 *   generation  one answer being written on a session; the host polls it for events
 *
 * Rules that hold for every function
 *   - Nothing aborts, exits, prints or throws. Every failure is a coterie_status, with a message in the caller's
 *     coterie_error (which may be NULL) naming the key, tensor, offset, expected and found.
 *   - After a failure every handle is as usable as before the call.
 *   - Handles and options passed as NULL give COTERIE_INVALID_ARGUMENT unless the text says NULL is allowed; destroy
 *     functions accept NULL. Strings are UTF-8.
 *   - Option structs begin with struct_size and are filled by their INIT macro; zero always means the default. New
 *     fields are added at the end only.
 *   - "(any thread)" marks what may be called while another thread uses the same handle. Everything on an engine or a
 *     model is (any thread) except its destruction.
 *   - Functions that fill an array take its capacity and always store the full count: with capacity 0 they only do that
 *     and return OK; another too small array gives COTERIE_INVALID_ARGUMENT and is filled as far as it goes.
 */
#ifndef COTERIE_H
#define COTERIE_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#if defined(_WIN32)
#define COTERIE_API __declspec(dllimport)
#else
#define COTERIE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define COTERIE_VERSION_MAJOR 0
#define COTERIE_VERSION_MINOR 1
#define COTERIE_VERSION_PATCH 0

typedef struct coterie_engine coterie_engine;
typedef struct coterie_model coterie_model;
typedef struct coterie_session coterie_session;
typedef struct coterie_generation coterie_generation;
typedef int32_t coterie_token;

typedef enum coterie_status { /* values are frozen: add, never renumber */
  COTERIE_OK = 0,
  COTERIE_CANCELLED = 1, /* stopped by coterie_session_cancel or a callback: not an error */
  COTERIE_INVALID_ARGUMENT = 10,
  COTERIE_OUT_OF_MEMORY = 11,
  COTERIE_INTERNAL = 12,
  COTERIE_IO = 20,          /* the operating system refused: the message has its reason */
  COTERIE_BAD_FILE = 21,    /* the file breaks its format or contradicts itself */
  COTERIE_UNSUPPORTED = 22, /* a valid file or request that this version cannot serve */
  COTERIE_CONTEXT_FULL = 30 /* the tokens do not fit into the session's context */
} coterie_status;

/* Belongs to the caller; written only by a call that fails, and always zero-terminated. */
typedef struct coterie_error {
  int32_t status;
  char message[252];
} coterie_error;

/* Version of the library at run time: major << 16 | minor << 8 | patch. (any thread) */
COTERIE_API uint32_t coterie_version(void);
/* A constant name of a status, such as "bad file"; never NULL. (any thread) */
COTERIE_API const char* coterie_status_name(int32_t status);

/* ---- engine ------------------------------------------------------------------------------------------------- */

typedef enum coterie_log_level {
  COTERIE_LOG_DEBUG = 0,
  COTERIE_LOG_INFO = 1,
  COTERIE_LOG_WARNING = 2,
  COTERIE_LOG_ERROR = 3
} coterie_log_level;

typedef struct coterie_engine_options {
  size_t struct_size;
  uint32_t n_threads; /* 0 = every core this process may use, which is also the most that are used */
  /* Called with one line without a newline, from whichever thread makes a call into the library. NULL = silent. */
  void (*log)(void* user, int32_t level, const char* line);
  void* user; /* handed to log */
} coterie_engine_options;
#define COTERIE_ENGINE_OPTIONS_INIT \
  { sizeof(coterie_engine_options), 0, NULL, NULL }

/* Creates an engine: a thread arena and the kernels that suit this CPU (environment COTERIE_ISA=scalar|avx2|
 * avx512vnni|amx|neon|i8mm forces a set, for tests). options may be NULL. Errors: UNSUPPORTED if COTERIE_ISA names a set
 * that this machine cannot run. */
COTERIE_API coterie_status coterie_engine_create(const coterie_engine_options* options, coterie_engine** out,
                                                 coterie_error* error);
/* Destroy its models first. */
COTERIE_API void coterie_engine_destroy(coterie_engine* engine);
/* The name of the kernel set in use, such as "avx2"; valid while the engine lives. (any thread) */
COTERIE_API const char* coterie_engine_isa(const coterie_engine* engine);
COTERIE_API uint32_t coterie_engine_n_threads(const coterie_engine* engine);

/* ---- model -------------------------------------------------------------------------------------------------- */

/* Opens a GGUF file (of a split model, its first shard) and binds its tensors where they lie in the mapping.
 * Errors: IO, BAD_FILE, UNSUPPORTED, OUT_OF_MEMORY. */
COTERIE_API coterie_status coterie_model_load(coterie_engine* engine, const char* path, coterie_model** out,
                                              coterie_error* error);
/* Destroy its sessions first. */
COTERIE_API void coterie_model_destroy(coterie_model* model);

enum { COTERIE_MAX_TENSOR_TYPES = 64 };

/* One GGUF tensor type as it occurs in a file. */
typedef struct coterie_type_usage {
  char name[16]; /* "Q4_K" */
  uint64_t n_tensors;
  uint64_t n_bytes;
} coterie_type_usage;

/* What a model is and what it will need: answered from the head of the file alone. Bytes are exact. */
typedef struct coterie_model_info {
  size_t struct_size;
  char architecture[64]; /* general.architecture */
  char name[128];        /* general.name, or empty */
  uint32_t n_files;      /* shards */
  uint32_t n_layer;      /* transformer layers that a token passes (extra prediction layers not counted) */
  uint32_t n_embd, n_head, n_vocab;
  uint32_t n_ctx_train; /* context length the model was trained for */
  uint32_t n_expert, n_expert_used, n_expert_shared; /* 0 for dense models */
  uint32_t n_layer_dense; /* leading layers without experts; n_layer for dense models */
  uint64_t n_tensors;
  uint64_t n_params;
  uint64_t file_bytes; /* all shards */
  /* tensor bytes by class; they add up to tensor_bytes */
  uint64_t tensor_bytes;
  uint64_t embedding_bytes;
  uint64_t attention_bytes;
  uint64_t dense_ffn_bytes;
  uint64_t router_bytes;
  uint64_t shared_expert_bytes;
  uint64_t routed_expert_bytes;
  uint64_t output_bytes; /* output head; when it is tied to the embedding, 0 */
  uint64_t norm_bytes;
  uint64_t other_bytes; /* prediction layers and whatever the architecture does not use */
  uint64_t touched_bytes_per_token; /* weights read to decode one token */
  uint64_t kv_bytes_per_token;      /* context memory of one token in a session of COTERIE_KV_F16 */
  uint32_t n_types;
  coterie_type_usage types[COTERIE_MAX_TENSOR_TYPES];
} coterie_model_info;
#define COTERIE_MODEL_INFO_INIT \
  { sizeof(coterie_model_info), {0}, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
    0, {{{0}, 0, 0}} }

/* Fills info for a file without loading it: reads the head only. info->struct_size must be set. (any thread) */
COTERIE_API coterie_status coterie_file_info(const char* path, coterie_model_info* info, coterie_error* error);
/* The same for a loaded model. (any thread) */
COTERIE_API coterie_status coterie_model_get_info(const coterie_model* model, coterie_model_info* info,
                                                  coterie_error* error);

/* ---- text --------------------------------------------------------------------------------------------------- */

typedef enum coterie_tokenize_flags {
  COTERIE_ADD_SPECIAL = 1,  /* put BOS before and EOS after where the model's file asks for it */
  COTERIE_PARSE_SPECIAL = 2 /* text such as <|User|> becomes its control token: never for text from a user */
} coterie_tokenize_flags;

/* Text to ids. text need not be terminated; invalid UTF-8 is accepted (each bad byte is taken as U+FFFD).
 * tokens may be NULL when capacity is 0. (any thread) */
COTERIE_API coterie_status coterie_tokenize(const coterie_model* model, const char* text, size_t text_bytes,
                                            uint32_t flags, coterie_token* tokens, size_t capacity, size_t* n_tokens,
                                            coterie_error* error);
/* Ids to UTF-8 bytes (not terminated). With render_special, control tokens appear as their text. (any thread)
 * Errors: INVALID_ARGUMENT for an id outside the vocabulary. */
COTERIE_API coterie_status coterie_detokenize(const coterie_model* model, const coterie_token* tokens, size_t n_tokens,
                                              bool render_special, char* text, size_t capacity, size_t* text_bytes,
                                              coterie_error* error);

/* One call of a tool: of an earlier answer in a message, or of the answer in an event. */
typedef struct coterie_tool_call {
  const char* id;        /* what its result refers to; NULL or empty where the model names none: then the order counts */
  const char* name;      /* of the tool */
  const char* arguments; /* a JSON object */
} coterie_tool_call;

typedef struct coterie_message {
  size_t struct_size;  /* the same in all messages of an array */
  const char* role;    /* "system", "user", "assistant"; with a chat template also "tool" and "developer" */
  const char* content; /* of a tool: its result */
  const char* reasoning; /* of an assistant: what it thought before the answer, if kept; the template may drop it. Or NULL */
  const coterie_tool_call* tool_calls; /* of an assistant */
  size_t n_tool_calls;
  const char* name;         /* of a tool; or NULL */
  const char* tool_call_id; /* of a tool: the call that it answers; or NULL */
} coterie_message;
#define COTERIE_MESSAGE_INIT(role, content) \
  { sizeof(coterie_message), role, content, NULL, NULL, 0, NULL, NULL }

typedef enum coterie_chat_format {
  COTERIE_CHAT_AUTO = 0,       /* the file's chat template; without one V3 if the vocabulary has its markers, else plain */
  COTERIE_CHAT_PLAIN = 1,      /* contents joined by newlines, no markers */
  COTERIE_CHAT_DEEPSEEK_V2 = 2,
  COTERIE_CHAT_DEEPSEEK_V3 = 3,
  COTERIE_CHAT_DEEPSEEK_R1 = 4, /* the answer is made to begin with <think> */
  COTERIE_CHAT_R1_ZERO = 5      /* the raw prompt of the R1 paper, without chat tokens */
} coterie_chat_format;

typedef enum coterie_thinking {
  COTERIE_THINKING_AUTO = 0, /* as the template does when it is not told */
  COTERIE_THINKING_ON = 1,
  COTERIE_THINKING_OFF = 2
} coterie_thinking;

typedef struct coterie_chat_options {
  size_t struct_size;
  int32_t format;   /* coterie_chat_format */
  int32_t thinking; /* coterie_thinking */
  const char* tools; /* JSON array of {"type": "function", "function": {"name", "description", "parameters"}}; NULL: none */
  const char* date;  /* what templates that ask take for today, YYYY-MM-DD; NULL: the system's date */
  const char* variables; /* JSON object: further variables of the template, as {"reasoning_effort": "high"}; NULL: none */
} coterie_chat_options;
#define COTERIE_CHAT_OPTIONS_INIT \
  { sizeof(coterie_chat_options), 0, 0, NULL, NULL, NULL }

/* A conversation to the ids of the prompt for its next answer. Control tokens come from the template or format alone:
 * what messages and options hold is plain text and cannot become one (user-defined tokens of the vocabulary, such as
 * <think>, are recognised in any text). The template runs in an engine of its own with bounded time and memory.
 * options may be NULL. (any thread) Errors: INVALID_ARGUMENT for an unknown role, JSON that is none, and messages that the
 * template refuses; UNSUPPORTED for options that the template or format has no place for, and for templates that fail;
 * BAD_FILE for a template that is none. */
COTERIE_API coterie_status coterie_chat_prompt(const coterie_model* model, const coterie_chat_options* options,
                                               const coterie_message* messages, size_t n_messages,
                                               coterie_token* tokens, size_t capacity, size_t* n_tokens,
                                               coterie_error* error);
/* The same prompt as text, for people to read (not terminated): which of it is markers can no longer be told. */
COTERIE_API coterie_status coterie_chat_text(const coterie_model* model, const coterie_chat_options* options,
                                             const coterie_message* messages, size_t n_messages, char* text,
                                             size_t capacity, size_t* text_bytes, coterie_error* error);

/* ---- session ------------------------------------------------------------------------------------------------ */

typedef enum coterie_kv_type {
  COTERIE_KV_F16 = 0,
  COTERIE_KV_F32 = 1,
  COTERIE_KV_Q8_0 = 2 /* a little more than half the memory of F16; heads must be multiples of 32 wide */
} coterie_kv_type;

typedef struct coterie_session_options {
  size_t struct_size;
  uint32_t n_ctx;   /* most tokens the session can hold; 0 = the model's training context, at most 4096 */
  uint32_t n_chunk; /* most tokens evaluated at once in prefill, up to 2048; 0 = 512. Changes memory and speed, never results */
  int32_t kv_type;  /* coterie_kv_type: how keys and values are kept */
} coterie_session_options;
#define COTERIE_SESSION_OPTIONS_INIT \
  { sizeof(coterie_session_options), 0, 0, COTERIE_KV_F16 }

/* All memory of a session (cache and scratch) is taken here; later calls on it allocate no tensor. options may be NULL. */
COTERIE_API coterie_status coterie_session_create(coterie_model* model, const coterie_session_options* options,
                                                  coterie_session** out, coterie_error* error);
/* Destroy its generations first. */
COTERIE_API void coterie_session_destroy(coterie_session* session);

/* Makes the session hold exactly tokens[0, n): keeps the prefix it shares with what it holds, forgets the rest and
 * evaluates what is new. Afterwards the logits are those after the last token. On CANCELLED or an error the session
 * holds the prefix that was finished, and the same call again goes on from there with the same bits.
 * Models with latent attention may round a call of 128 new tokens and more otherwise than several calls with the same tokens
 * (docs/arithmetic.md, rule 6).
 * Errors: INVALID_ARGUMENT (n = 0, id outside the vocabulary), CONTEXT_FULL, CANCELLED. */
COTERIE_API coterie_status coterie_session_sync(coterie_session* session, const coterie_token* tokens, size_t n,
                                                coterie_error* error);
/* Appends n tokens to what the session holds. logits, if not NULL, is [n, n_vocab] and receives one row per token.
 * On CANCELLED the session holds those that were finished, whole chunks: go on behind coterie_session_n_tokens. A call with
 * all of the others then gives the bits that the whole call would have given. */
COTERIE_API coterie_status coterie_session_eval(coterie_session* session, const coterie_token* tokens, size_t n,
                                                float* logits, coterie_error* error);
/* [n_vocab] after the last token; NULL before the first evaluation and after one that did not finish. Valid until the
 * session is next evaluated. */
COTERIE_API const float* coterie_session_logits(const coterie_session* session);
/* Number of tokens held, and the tokens (valid until the session next changes). */
COTERIE_API size_t coterie_session_n_tokens(const coterie_session* session);
COTERIE_API const coterie_token* coterie_session_tokens(const coterie_session* session);
COTERIE_API uint32_t coterie_session_n_ctx(const coterie_session* session);
/* Stops the evaluation now running on the session within 50 ms (prefill included), or, if none runs, the next one at
 * its beginning. The stopped call returns COTERIE_CANCELLED and takes the request with it. (any thread) */
COTERIE_API void coterie_session_cancel(coterie_session* session);

/* ---- generation --------------------------------------------------------------------------------------------- */

typedef enum coterie_output {
  COTERIE_OUTPUT_TEXT = 0, /* everything is answer text */
  COTERIE_OUTPUT_CHAT = 1  /* reasoning, answer and, with tools, calls of them come as separate events */
} coterie_output;

typedef struct coterie_generation_options {
  size_t struct_size;
  uint32_t max_tokens;   /* 0 = until the model stops or the context is full */
  int32_t output;        /* coterie_output */
  float temperature;     /* 0 = greedy: the most likely token, lowest id on a tie */
  uint32_t top_k;        /* keep the k most likely; 0 = off */
  float top_p;           /* keep the smallest set of at least this probability; 0 = off */
  float min_p;           /* drop tokens less likely than min_p times the most likely; 0 = off */
  float repeat_penalty;  /* divide positive, multiply negative logits of recent tokens; 0 or 1 = off */
  uint32_t repeat_last_n; /* how many recent tokens that looks at; 0 = 64 */
  uint64_t seed;         /* of the sampler's own generator: the same seed gives the same text everywhere */
  const char* tools;     /* as in coterie_chat_options: their calls come as events (COTERIE_OUTPUT_CHAT only); or NULL */
} coterie_generation_options;
#define COTERIE_GENERATION_OPTIONS_INIT \
  { sizeof(coterie_generation_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL }

typedef enum coterie_event_type {
  COTERIE_EVENT_PROMPT = 1,    /* a part of the prompt was evaluated: n_done of n_total tokens */
  COTERIE_EVENT_TEXT = 2,      /* text of the answer */
  COTERIE_EVENT_REASONING = 3, /* text of the reasoning (COTERIE_OUTPUT_CHAT only) */
  COTERIE_EVENT_END = 4,       /* the last event; reason says why; text is empty */
  /* A whole call of a tool, as the model's chat template writes calls; text is empty. What looks like a call but is none
   * (no name, no JSON object, cut off at the end) is text of the answer, as the model wrote it. */
  COTERIE_EVENT_TOOL_CALL = 5
} coterie_event_type;

typedef enum coterie_end_reason {
  COTERIE_END_STOP = 1,   /* the model ended its answer */
  COTERIE_END_LENGTH = 2, /* max_tokens reached or the context is full */
  COTERIE_END_CANCELLED = 3,
  COTERIE_END_ERROR = 4 /* an earlier call reported the error */
} coterie_end_reason;

typedef struct coterie_event {
  size_t struct_size;
  int32_t type;   /* coterie_event_type */
  int32_t reason; /* coterie_end_reason of an END event, else 0 */
  const char* text; /* whole UTF-8 characters, not terminated; valid until the next call on the generation */
  size_t text_bytes;
  const coterie_token* tokens; /* the tokens generated since the previous event (an END token included) */
  size_t n_tokens;
  size_t n_done, n_total; /* of a PROMPT event */
  const coterie_tool_call* tool_call; /* of a TOOL_CALL event, else NULL; valid as long as text */
} coterie_event;
#define COTERIE_EVENT_INIT \
  { sizeof(coterie_event), 0, 0, NULL, 0, NULL, 0, 0, 0, NULL }

/* Begins an answer to prompt[0, n) (copied). Nothing is evaluated yet. options may be NULL. One generation at a time
 * may run on a session. */
COTERIE_API coterie_status coterie_generation_create(coterie_session* session, const coterie_token* prompt, size_t n,
                                                     const coterie_generation_options* options,
                                                     coterie_generation** out, coterie_error* error);
/* Works until there is something to report and reports it: prompt progress, text, reasoning, a call or the end. After the END
 * event every further call reports END again. On an error the generation has ended and the session keeps what it had.
 * The session must not be used otherwise before the end. */
COTERIE_API coterie_status coterie_generation_next(coterie_generation* generation, coterie_event* event,
                                                   coterie_error* error);
/* Ends the generation within 50 ms: what text is ready may still be reported, then END with COTERIE_END_CANCELLED.
 * (any thread) */
COTERIE_API void coterie_generation_cancel(coterie_generation* generation);
COTERIE_API void coterie_generation_destroy(coterie_generation* generation);

/* The loop over coterie_generation_next as one call: on_event runs on the calling thread for every event; returning
 * false cancels. Returns CANCELLED in that case. */
typedef bool (*coterie_event_fn)(void* user, const coterie_event* event);
COTERIE_API coterie_status coterie_generate(coterie_session* session, const coterie_token* prompt, size_t n,
                                            const coterie_generation_options* options, coterie_event_fn on_event,
                                            void* user, coterie_error* error);

#ifdef __cplusplus
}
#endif
#endif
