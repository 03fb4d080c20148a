/* Answers a question in C: hello_c MODEL.gguf "QUESTION" */
#include <coterie/coterie.h>
#include <stdio.h>

static bool print_event(void* user, const coterie_event* event) {
  (void)user;
  if (event->type == COTERIE_EVENT_TEXT) fwrite(event->text, 1, event->text_bytes, stdout);
  fflush(stdout);
  return true;
}

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s MODEL.gguf QUESTION\n", argv[0]), 2;
  coterie_error error = {0, ""};
  coterie_engine* engine = NULL;
  coterie_model* model = NULL;
  coterie_session* session = NULL;
  coterie_status status = coterie_engine_create(NULL, &engine, &error);
  if (status == COTERIE_OK) status = coterie_model_load(engine, argv[1], &model, &error);
  if (status == COTERIE_OK) status = coterie_session_create(model, NULL, &session, &error);

  coterie_message message = COTERIE_MESSAGE_INIT("user", argv[2]);
  coterie_token prompt[1024];
  size_t n_prompt = 0;
  if (status == COTERIE_OK) status = coterie_chat_prompt(model, NULL, &message, 1, prompt, 1024, &n_prompt, &error);

  coterie_generation_options options = COTERIE_GENERATION_OPTIONS_INIT;
  options.output = COTERIE_OUTPUT_CHAT;
  options.max_tokens = 200;
  if (status == COTERIE_OK)
    status = coterie_generate(session, prompt, n_prompt, &options, print_event, NULL, &error);

  if (status != COTERIE_OK) fprintf(stderr, "%s: %s\n", coterie_status_name(status), error.message);
  coterie_session_destroy(session);
  coterie_model_destroy(model);
  coterie_engine_destroy(engine);
  puts("");
  return status == COTERIE_OK ? 0 : 1;
}
