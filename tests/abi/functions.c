/* Every function of the C ABI from C11: what it does, what it does with NULL, and with structs of other versions.
 *   abi_functions MODEL.gguf */
#include <coterie/coterie.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_failed = 0;

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);    \
      ++n_failed;                                                       \
    }                                                                   \
  } while (0)

static coterie_error error;

/* The status is that of a failure, and the error says the same in words. */
static void check_fails(coterie_status got, coterie_status wanted, int line) {
  if (got != wanted || error.status != (int32_t)wanted || error.message[0] == '\0' ||
      memchr(error.message, 0, sizeof error.message) == NULL) {
    printf("%s:%d: failed: status %d (%s), expected %d, error %d '%s'\n", __FILE__, line, got,
           coterie_status_name(got), wanted, error.status, error.message);
    ++n_failed;
  }
  memset(&error, 0, sizeof error);
}
#define FAILS(call, status) check_fails(call, status, __LINE__)
#define REFUSED(call) FAILS(call, COTERIE_INVALID_ARGUMENT)

static void check_succeeds(coterie_status got, int line) {
  if (got == COTERIE_OK) return;
  printf("%s:%d: failed: %s: %s\n", __FILE__, line, coterie_status_name(got), error.message);
  exit(1);
}
#define SUCCEEDS(call) check_succeeds(call, __LINE__)

static int n_log_lines = 0;
static void count_line(void* user, int32_t level, const char* line) {
  (void)user;
  if (level < COTERIE_LOG_DEBUG || level > COTERIE_LOG_ERROR || strchr(line, '\n') != NULL) ++n_failed;
  ++n_log_lines;
}

static void test_version_and_names(void) {
  CHECK(coterie_version() == (COTERIE_VERSION_MAJOR << 16 | COTERIE_VERSION_MINOR << 8 | COTERIE_VERSION_PATCH));
  for (int32_t status = -1; status < 100; ++status)
    CHECK(coterie_status_name(status) != NULL && coterie_status_name(status)[0] != '\0');
  CHECK(strcmp(coterie_status_name(COTERIE_BAD_FILE), "bad file") == 0);
}

/* Options of an older caller end early; those of a newer one are longer, and zero where we know nothing. */
static void test_engine_options(void) {
  coterie_engine* engine = NULL;
  coterie_engine_options options = COTERIE_ENGINE_OPTIONS_INIT;
  options.n_threads = 1;
  options.log = count_line;
  options.struct_size = offsetof(coterie_engine_options, log);
  SUCCEEDS(coterie_engine_create(&options, &engine, &error));
  CHECK(coterie_engine_n_threads(engine) == 1);
  coterie_engine_destroy(engine);
  CHECK(n_log_lines == 0);

  options.struct_size = sizeof options.struct_size;
  SUCCEEDS(coterie_engine_create(&options, &engine, &error));
  coterie_engine_destroy(engine);

  options.struct_size = 0;
  REFUSED(coterie_engine_create(&options, &engine, &error));

  struct {
    coterie_engine_options known;
    uint64_t added_later;
  } newer = {COTERIE_ENGINE_OPTIONS_INIT, 0};
  newer.known.struct_size = sizeof newer;
  SUCCEEDS(coterie_engine_create(&newer.known, &engine, &error));
  coterie_engine_destroy(engine);
  newer.added_later = 1;
  FAILS(coterie_engine_create(&newer.known, &engine, &error), COTERIE_UNSUPPORTED);

  REFUSED(coterie_engine_create(NULL, NULL, &error));
  CHECK(coterie_engine_create(NULL, NULL, NULL) == COTERIE_INVALID_ARGUMENT);
}

static coterie_engine* make_engine(void) {
  coterie_engine* engine = NULL;
  coterie_engine_options options = COTERIE_ENGINE_OPTIONS_INIT;
  options.n_threads = 2;
  options.log = count_line;
  SUCCEEDS(coterie_engine_create(&options, &engine, &error));
  CHECK(coterie_engine_n_threads(engine) == 2);
  CHECK(coterie_engine_isa(engine)[0] != '\0');
  CHECK(coterie_engine_isa(NULL) != NULL);
  CHECK(coterie_engine_n_threads(NULL) == 0);
  return engine;
}

static void test_info(const coterie_model* model, const char* path) {
  coterie_model_info from_file = COTERIE_MODEL_INFO_INIT;
  coterie_model_info from_model = COTERIE_MODEL_INFO_INIT;
  SUCCEEDS(coterie_file_info(path, &from_file, &error));
  SUCCEEDS(coterie_model_get_info(model, &from_model, &error));
  CHECK(memcmp(&from_file, &from_model, sizeof from_file) == 0);
  CHECK(from_file.struct_size == sizeof from_file);
  CHECK(from_file.n_vocab > 0 && from_file.n_layer > 0 && from_file.n_types > 0);
  CHECK(from_file.tensor_bytes == from_file.embedding_bytes + from_file.attention_bytes + from_file.dense_ffn_bytes +
                                      from_file.router_bytes + from_file.shared_expert_bytes +
                                      from_file.routed_expert_bytes + from_file.output_bytes + from_file.norm_bytes +
                                      from_file.other_bytes);

  coterie_model_info older;
  memset(&older, 0x5a, sizeof older);
  const coterie_model_info untouched = older;
  older.struct_size = offsetof(coterie_model_info, n_vocab);
  SUCCEEDS(coterie_model_get_info(model, &older, &error));
  CHECK(older.n_head == from_file.n_head);
  CHECK(memcmp(&older.n_vocab, &untouched.n_vocab, sizeof older - offsetof(coterie_model_info, n_vocab)) == 0);
  CHECK(older.struct_size == offsetof(coterie_model_info, n_vocab));

  older.struct_size = 0;
  REFUSED(coterie_model_get_info(model, &older, &error));
  REFUSED(coterie_file_info(path, &older, &error));
  REFUSED(coterie_file_info(NULL, &from_file, &error));
  REFUSED(coterie_file_info(path, NULL, &error));
  REFUSED(coterie_model_get_info(NULL, &from_file, &error));
  REFUSED(coterie_model_get_info(model, NULL, &error));
  FAILS(coterie_file_info("no such file", &from_file, &error), COTERIE_IO);
}

static coterie_model* load_model(coterie_engine* engine, const char* path, const char* not_a_model) {
  coterie_model* model = NULL;
  REFUSED(coterie_model_load(NULL, path, &model, &error));
  REFUSED(coterie_model_load(engine, NULL, &model, &error));
  REFUSED(coterie_model_load(engine, path, NULL, &error));
  FAILS(coterie_model_load(engine, "no such file", &model, &error), COTERIE_IO);
  FAILS(coterie_model_load(engine, not_a_model, &model, &error), COTERIE_BAD_FILE);
  CHECK(coterie_model_load(engine, "no such file", &model, NULL) == COTERIE_IO);
  CHECK(model == NULL);
  SUCCEEDS(coterie_model_load(engine, path, &model, &error));
  return model;
}

static void test_text(const coterie_model* model) {
  const char text[] = "Hello, w\xc3\xb6rld";
  const size_t n_text = sizeof text - 1;
  coterie_token tokens[64], few[2];
  size_t n_tokens = 0, n_again = 0;
  SUCCEEDS(coterie_tokenize(model, text, n_text, 0, NULL, 0, &n_tokens, &error));
  CHECK(n_tokens > 2 && n_tokens <= 64);
  SUCCEEDS(coterie_tokenize(model, text, n_text, 0, tokens, 64, &n_again, &error));
  CHECK(n_again == n_tokens);
  REFUSED(coterie_tokenize(model, text, n_text, 0, few, 2, &n_again, &error));
  CHECK(n_again == n_tokens && memcmp(few, tokens, sizeof few) == 0);
  SUCCEEDS(coterie_tokenize(model, NULL, 0, 0, NULL, 0, &n_again, &error));
  CHECK(n_again == 0);
  const uint32_t special = COTERIE_ADD_SPECIAL | COTERIE_PARSE_SPECIAL;
  SUCCEEDS(coterie_tokenize(model, "\xff\xfe", 2, special, NULL, 0, &n_again, &error));
  REFUSED(coterie_tokenize(NULL, text, n_text, 0, tokens, 64, &n_tokens, &error));
  REFUSED(coterie_tokenize(model, NULL, n_text, 0, tokens, 64, &n_again, &error));
  REFUSED(coterie_tokenize(model, text, n_text, 0, NULL, 64, &n_again, &error));
  REFUSED(coterie_tokenize(model, text, n_text, 0, tokens, 64, NULL, &error));

  char back[64], little[4];
  size_t n_back = 0;
  SUCCEEDS(coterie_detokenize(model, tokens, n_tokens, false, NULL, 0, &n_back, &error));
  CHECK(n_back == n_text);
  SUCCEEDS(coterie_detokenize(model, tokens, n_tokens, true, back, sizeof back, &n_back, &error));
  CHECK(n_back == n_text && memcmp(back, text, n_text) == 0);
  REFUSED(coterie_detokenize(model, tokens, n_tokens, false, little, sizeof little, &n_back, &error));
  CHECK(n_back == n_text && memcmp(little, text, sizeof little) == 0);
  const coterie_token outside[] = {-1, INT32_MAX};
  REFUSED(coterie_detokenize(model, outside, 1, false, back, sizeof back, &n_back, &error));
  REFUSED(coterie_detokenize(model, outside + 1, 1, false, back, sizeof back, &n_back, &error));
  REFUSED(coterie_detokenize(NULL, tokens, n_tokens, false, back, sizeof back, &n_back, &error));
  REFUSED(coterie_detokenize(model, NULL, 1, false, back, sizeof back, &n_back, &error));
  REFUSED(coterie_detokenize(model, tokens, n_tokens, false, NULL, 1, &n_back, &error));
  REFUSED(coterie_detokenize(model, tokens, n_tokens, false, back, sizeof back, NULL, &error));
}

static void test_chat_prompt(const coterie_model* model) {
  coterie_message messages[] = {COTERIE_MESSAGE_INIT("system", "Be brief."), COTERIE_MESSAGE_INIT("user", "Hello")};
  coterie_token tokens[256];
  size_t n_tokens = 0, n_older = 0;
  SUCCEEDS(coterie_chat_prompt(model, NULL, messages, 2, tokens, 256, &n_tokens, &error));
  CHECK(n_tokens > 0 && n_tokens <= 256);
  coterie_chat_options options = COTERIE_CHAT_OPTIONS_INIT;
  options.format = COTERIE_CHAT_PLAIN;
  SUCCEEDS(coterie_chat_prompt(model, &options, messages, 2, NULL, 0, &n_tokens, &error));
  options.format = 999;
  REFUSED(coterie_chat_prompt(model, &options, messages, 2, tokens, 256, &n_tokens, &error));
  options.struct_size = sizeof options.struct_size; /* of a caller that knows no formats */
  SUCCEEDS(coterie_chat_prompt(model, &options, messages, 2, tokens, 256, &n_tokens, &error));
  options = (coterie_chat_options)COTERIE_CHAT_OPTIONS_INIT;
  options.thinking = 999;
  REFUSED(coterie_chat_prompt(model, &options, messages, 2, tokens, 256, &n_tokens, &error));

  struct {
    size_t struct_size;
    const char *role, *content;
  } older[] = {{sizeof older[0], "system", "Be brief."}, {sizeof older[0], "user", "Hello"}};
  SUCCEEDS(coterie_chat_prompt(model, NULL, (const coterie_message*)older, 2, tokens, 256, &n_older, &error));
  CHECK(n_older == n_tokens);
  older[1].struct_size = sizeof messages[0];
  REFUSED(coterie_chat_prompt(model, NULL, (const coterie_message*)older, 2, tokens, 256, &n_older, &error));

  const coterie_message unknown = COTERIE_MESSAGE_INIT("prophet", "Hello");
  const coterie_message no_role = COTERIE_MESSAGE_INIT(NULL, "Hello"), no_content = COTERIE_MESSAGE_INIT("user", NULL);
  REFUSED(coterie_chat_prompt(model, NULL, &unknown, 1, tokens, 256, &n_tokens, &error));
  REFUSED(coterie_chat_prompt(model, NULL, &no_role, 1, tokens, 256, &n_tokens, &error));
  REFUSED(coterie_chat_prompt(model, NULL, &no_content, 1, tokens, 256, &n_tokens, &error));
  messages[1].n_tool_calls = 1;
  REFUSED(coterie_chat_prompt(model, NULL, messages, 2, tokens, 256, &n_tokens, &error));
  const coterie_tool_call no_name = {NULL, NULL, "{}"};
  messages[1].tool_calls = &no_name;
  REFUSED(coterie_chat_prompt(model, NULL, messages, 2, tokens, 256, &n_tokens, &error));
  messages[1].n_tool_calls = 0;
  REFUSED(coterie_chat_prompt(NULL, NULL, messages, 2, tokens, 256, &n_tokens, &error));
  REFUSED(coterie_chat_prompt(model, NULL, NULL, 2, tokens, 256, &n_tokens, &error));
  REFUSED(coterie_chat_prompt(model, NULL, messages, 2, NULL, 256, &n_tokens, &error));
  REFUSED(coterie_chat_prompt(model, NULL, messages, 2, tokens, 256, NULL, &error));

  char text[1024];
  size_t n_text = 0;
  SUCCEEDS(coterie_chat_text(model, NULL, messages, 2, text, sizeof text, &n_text, &error));
  CHECK(n_text > 14 && n_text <= sizeof text);
  REFUSED(coterie_chat_text(NULL, NULL, messages, 2, text, sizeof text, &n_text, &error));
  REFUSED(coterie_chat_text(model, NULL, NULL, 2, text, sizeof text, &n_text, &error));
  REFUSED(coterie_chat_text(model, NULL, messages, 2, NULL, 1, &n_text, &error));
  REFUSED(coterie_chat_text(model, NULL, messages, 2, text, 1, NULL, &error));
}

static coterie_session* make_session(coterie_model* model) {
  coterie_session* session = NULL;
  coterie_session_options options = COTERIE_SESSION_OPTIONS_INIT;
  options.n_ctx = 64;
  options.n_chunk = 8;
  REFUSED(coterie_session_create(NULL, &options, &session, &error));
  REFUSED(coterie_session_create(model, &options, NULL, &error));
  options.kv_type = 3;
  REFUSED(coterie_session_create(model, &options, &session, &error));
  options.kv_type = COTERIE_KV_F32;
  options.struct_size = offsetof(coterie_session_options, n_chunk);
  SUCCEEDS(coterie_session_create(model, &options, &session, &error));
  coterie_session_destroy(session);
  options.struct_size = sizeof options;
  SUCCEEDS(coterie_session_create(model, &options, &session, &error));
  CHECK(coterie_session_n_ctx(session) == 64);
  return session;
}

static void test_session(coterie_session* session, uint32_t n_vocab) {
  const coterie_token tokens[] = {5, 6, 7, 8, 9};
  const coterie_token outside = INT32_MAX;
  coterie_token many[65] = {0};
  CHECK(coterie_session_logits(session) == NULL);
  CHECK(coterie_session_n_tokens(session) == 0);
  SUCCEEDS(coterie_session_sync(session, tokens, 3, &error));
  float* rows = calloc((size_t)2 * n_vocab, sizeof *rows);
  SUCCEEDS(coterie_session_eval(session, tokens + 3, 2, rows, &error));
  CHECK(coterie_session_n_tokens(session) == 5);
  CHECK(memcmp(coterie_session_tokens(session), tokens, sizeof tokens) == 0);
  CHECK(memcmp(coterie_session_logits(session), rows + n_vocab, n_vocab * sizeof *rows) == 0);
  SUCCEEDS(coterie_session_sync(session, tokens, 4, &error));
  CHECK(memcmp(coterie_session_logits(session), rows, n_vocab * sizeof *rows) == 0);
  free(rows);

  REFUSED(coterie_session_sync(session, tokens, 0, &error));
  REFUSED(coterie_session_sync(session, &outside, 1, &error));
  REFUSED(coterie_session_sync(session, NULL, 1, &error));
  REFUSED(coterie_session_sync(NULL, tokens, 1, &error));
  REFUSED(coterie_session_eval(session, &outside, 1, NULL, &error));
  REFUSED(coterie_session_eval(session, NULL, 1, NULL, &error));
  REFUSED(coterie_session_eval(NULL, tokens, 1, NULL, &error));
  FAILS(coterie_session_sync(session, many, 65, &error), COTERIE_CONTEXT_FULL);
  FAILS(coterie_session_eval(session, many, 61, NULL, &error), COTERIE_CONTEXT_FULL);
  CHECK(coterie_session_n_tokens(session) == 4);

  coterie_session_cancel(session);
  CHECK(coterie_session_eval(session, tokens, 1, NULL, &error) == COTERIE_CANCELLED);
  SUCCEEDS(coterie_session_eval(session, tokens, 1, NULL, &error));

  CHECK(coterie_session_logits(NULL) == NULL);
  CHECK(coterie_session_n_tokens(NULL) == 0);
  CHECK(coterie_session_tokens(NULL) == NULL);
  CHECK(coterie_session_n_ctx(NULL) == 0);
  coterie_session_cancel(NULL);
}

typedef struct answer {
  coterie_token tokens[64];
  size_t n_tokens, n_text_bytes, n_events, stop_after;
  int32_t reason;
} answer;

static bool add_event(void* user, const coterie_event* event) {
  answer* a = user;
  CHECK(event->struct_size == sizeof *event);
  CHECK(event->text_bytes == 0 || event->text != NULL);
  for (size_t i = 0; i < event->n_tokens && a->n_tokens < 64; ++i) a->tokens[a->n_tokens++] = event->tokens[i];
  a->n_text_bytes += event->text_bytes;
  a->reason = event->reason;
  ++a->n_events;
  return a->n_events != a->stop_after;
}

static void test_generation(coterie_session* session) {
  const coterie_token prompt[] = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  const coterie_token outside = INT32_MAX;
  coterie_generation_options options = COTERIE_GENERATION_OPTIONS_INIT;
  options.max_tokens = 6;
  coterie_generation* generation = NULL;
  REFUSED(coterie_generation_create(NULL, prompt, 10, &options, &generation, &error));
  REFUSED(coterie_generation_create(session, NULL, 10, &options, &generation, &error));
  REFUSED(coterie_generation_create(session, prompt, 10, &options, NULL, &error));
  REFUSED(coterie_generation_create(session, prompt, 0, &options, &generation, &error));
  options.output = 999;
  REFUSED(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  options.output = COTERIE_OUTPUT_CHAT;
  options.tools = "{";
  REFUSED(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  options.tools = "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";
  SUCCEEDS(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  coterie_generation_destroy(generation);
  generation = NULL;
  options.output = COTERIE_OUTPUT_TEXT;
  REFUSED(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  options.tools = NULL;

  answer polled = {{0}, 0, 0, 0, 0, 0};
  coterie_event event = COTERIE_EVENT_INIT;
  SUCCEEDS(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  REFUSED(coterie_generation_next(NULL, &event, &error));
  REFUSED(coterie_generation_next(generation, NULL, &error));
  do {
    SUCCEEDS(coterie_generation_next(generation, &event, &error));
    add_event(&polled, &event);
  } while (event.type != COTERIE_EVENT_END);
  CHECK(polled.n_tokens == 6 || polled.reason == COTERIE_END_STOP);
  SUCCEEDS(coterie_generation_next(generation, &event, &error));
  CHECK(event.type == COTERIE_EVENT_END);
  coterie_generation_destroy(generation);

  answer called = {{0}, 0, 0, 0, 0, 0};
  SUCCEEDS(coterie_generate(session, prompt, 10, &options, add_event, &called, &error));
  CHECK(called.n_tokens == polled.n_tokens && called.n_text_bytes == polled.n_text_bytes);
  CHECK(memcmp(called.tokens, polled.tokens, sizeof called.tokens) == 0);
  called.n_events = 0;
  called.stop_after = 2;
  CHECK(coterie_generate(session, prompt, 10, &options, add_event, &called, &error) == COTERIE_CANCELLED);
  REFUSED(coterie_generate(NULL, prompt, 10, &options, add_event, &called, &error));
  REFUSED(coterie_generate(session, NULL, 10, &options, add_event, &called, &error));
  REFUSED(coterie_generate(session, prompt, 10, &options, NULL, &called, &error));
  REFUSED(coterie_generate(session, &outside, 1, &options, add_event, &called, &error));

  options.struct_size = offsetof(coterie_generation_options, output); /* a caller that knows max_tokens only */
  SUCCEEDS(coterie_generation_create(session, prompt, 10, &options, &generation, &error));
  coterie_generation_cancel(generation);
  event.struct_size = offsetof(coterie_event, text);
  const coterie_event before = event;
  SUCCEEDS(coterie_generation_next(generation, &event, &error));
  CHECK(event.type == COTERIE_EVENT_END && event.reason == COTERIE_END_CANCELLED);
  CHECK(memcmp(&event.text, &before.text, sizeof event - offsetof(coterie_event, text)) == 0);
  coterie_generation_destroy(generation);
  coterie_generation_cancel(NULL);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]), 2;
  test_version_and_names();
  test_engine_options();
  coterie_engine* engine = make_engine();
  coterie_model* model = load_model(engine, argv[1], argv[0]);
  test_info(model, argv[1]);
  test_text(model);
  test_chat_prompt(model);
  coterie_model_info info = COTERIE_MODEL_INFO_INIT;
  SUCCEEDS(coterie_model_get_info(model, &info, &error));
  coterie_session* session = make_session(model);
  test_session(session, info.n_vocab);
  test_generation(session);
  CHECK(n_log_lines > 0);

  coterie_session_destroy(session);
  coterie_model_destroy(model);
  coterie_engine_destroy(engine);
  coterie_generation_destroy(NULL);
  coterie_session_destroy(NULL);
  coterie_model_destroy(NULL);
  coterie_engine_destroy(NULL);
  printf("%d failed\n", n_failed);
  return n_failed == 0 ? 0 : 1;
}
