/* Ollama's own API: chat, generate, embed (WIRE 6.12). A stream, the default,
 * has one JSON object a line, and a whole answer is one such object: so it is
 * read as a stream of one line. */
#include <errno.h>
#include <string.h>

#include "rules/openai/chat.h"
#include "rules/openai/openai.h"
#include "rules/read/cut_json.h"
#include "rules/read/embedding.h"
#include "rules/read/facts.h"
#include "rules/read/media.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/usage.h"

/* Keys to look for; all but the first two are metadata. */
static const char *const keys[] = {
    "stream", "options", "think", "format", "keep_alive", NULL,
};

static const struct llmobs_message_form messages = {
    .tool_name = "tool_name",
    .reasoning = "thinking",
    .images = "images",
};

/* A generate request, which is itself the only message. */
static const struct llmobs_message_form prompt = {
    .tool_content = true,
    .instead = "prompt",
    .images = "images",
};

static const struct llmobs_chat_variant variant = {
    .metadata = keys + 2,
    .messages = &messages,
    .keep_space = true,
};

static const char old_path[] = "/api/embeddings";

struct ollama {
    struct llmobs_stream stream;
    int64_t calls; /* tool calls; each comes whole */
};

static bool generates(const struct llmobs_reading *reading)
{
    return strcmp(reading->classified->shape->operation, "generate") == 0;
}

/* The name of the text to embed; the older path has another one. */
static const char *input_of(const struct llmobs_reading *reading)
{
    return strcmp(reading->classified->shape->path, old_path) == 0 ? "prompt"
                                                                   : "input";
}

static bool embeds(const struct llmobs_reading *reading)
{
    return llmobs_openai_asks(reading, input_of(reading));
}

static bool is_ours(const struct llmobs_reading *reading)
{
    return generates(reading) ? llmobs_openai_asks(reading, "prompt")
                              : llmobs_chat_asks(reading);
}

static int read_options(struct llmobs_reading *reading)
{
    const struct llmobs_json *options =
        llmobs_json_get(reading->request, "options");
    int rc = 0;

    for (void *it = llmobs_json_iter(options); rc == 0 && it;
         it = llmobs_json_next(options, it))
        rc = llmobs_json_set(reading->span->metadata, llmobs_json_iter_key(it),
                             llmobs_json_share(llmobs_json_iter_value(it)));
    return rc;
}

/* Adds the system's text and the prompt as messages. */
static int read_prompt(struct llmobs_reading *reading)
{
    struct llmobs_json *list = reading->span->input_messages;
    const char *system = llmobs_json_gets(reading->request, "system");
    int rc = 0;

    if (system && *system)
        rc = llmobs_json_add(
            list, llmobs_message_new("system", llmobs_text_of(system)));
    llmobs_fact_apart(reading->span);
    return rc < 0 ? rc : llmobs_message_add(list, reading->request, &prompt);
}

static int read_request(struct llmobs_reading *reading)
{
    int rc = read_options(reading);

    if (rc == 0)
        rc = llmobs_chat_request(reading);
    if (rc < 0 || !reading->span->input_messages || !generates(reading))
        return rc;
    return read_prompt(reading);
}

static int read_inputs(struct llmobs_reading *reading)
{
    int rc = read_options(reading);

    if (rc == 0)
        rc = llmobs_request_metadata(reading->request, keys + 2, reading->span);
    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    return llmobs_embedding_read_input(
        reading->span, llmobs_json_get(reading->request, input_of(reading)));
}

/* Adds a line: a chat's has a message, a generate answer's has text and
 * thinking of its own. */
static int add_line(struct ollama *state, const struct llmobs_json *line)
{
    const struct llmobs_json *message = llmobs_json_get(line, "message");
    bool chats = llmobs_json_is_object(message);
    const struct llmobs_json *from = chats ? message : line;
    const struct llmobs_json *calls = llmobs_json_get(from, "tool_calls");
    int rc = llmobs_stream_role(&state->stream, llmobs_json_gets(from, "role"));

    if (rc == 0)
        rc = llmobs_stream_reasoning(&state->stream,
                                     llmobs_json_gets(from, "thinking"));
    if (rc == 0)
        rc = llmobs_stream_text(
            &state->stream,
            llmobs_json_gets(from, chats ? "content" : "response"));
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(calls); i++)
        if (llmobs_json_is_object(llmobs_json_at(calls, i)))
            rc = llmobs_stream_call(&state->stream, state->calls++,
                                    llmobs_json_at(calls, i));
    return rc;
}

/* Older servers say that they are done, but not why. */
static int add_reason(struct ollama *state, const struct llmobs_json *line)
{
    const char *reason = llmobs_json_gets(line, "done_reason");

    if (!llmobs_json_is_true(llmobs_json_get(line, "done")))
        return 0;
    return llmobs_stream_reason(&state->stream, reason ? reason : "stop");
}

static int read_counts(struct llmobs_reading *reading,
                       const struct llmobs_json *line)
{
    int64_t in = llmobs_usage_count(line, "prompt_eval_count");
    int64_t out = llmobs_usage_count(line, "eval_count");
    int rc;

    llmobs_span_metric(reading->span, "input_tokens", in);
    llmobs_span_metric(reading->span, "output_tokens", out);
    llmobs_span_metric(reading->span, "total_tokens",
                       in >= 0 && out >= 0 ? in + out : -1);
    if (reading->classified->shape->kind == LLMOBS_KIND_EMBEDDING)
        return 0;
    rc = llmobs_usage_seconds(reading->span, "time_in_model_prefill",
                              llmobs_json_get(line, "prompt_eval_duration"),
                              1e9);
    return rc < 0 ? rc
                  : llmobs_usage_seconds(reading->span, "time_in_model_decode",
                                         llmobs_json_get(line, "eval_duration"),
                                         1e9);
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const char *error = llmobs_json_gets(event->json, "error");
    int rc;

    if (error && *error)
        return llmobs_span_fail(reading->span, "error", error);
    rc = add_line(reading->state, event->json);
    llmobs_chat_begun(reading, event);
    if (llmobs_json_is_true(llmobs_json_get(event->json, "done")))
        reading->done = true;
    if (rc == 0)
        rc = read_counts(reading, event->json);
    return rc < 0 ? rc : add_reason(reading->state, event->json);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = add_line(reading->state, body);

    if (rc == 0)
        rc = add_reason(reading->state, body);
    if (rc == 0)
        rc = read_counts(reading, body);
    return rc < 0 ? rc : llmobs_chat_messages(reading);
}

static int read_vectors(struct llmobs_reading *reading,
                        const struct llmobs_json *body)
{
    const struct llmobs_json *one = llmobs_json_get(body, "embedding");
    int rc = read_counts(reading, body);

    if (rc == 0)
        rc = llmobs_embedding_total(reading->span);
    if (rc == 0 && llmobs_json_is_array(one))
        return llmobs_embedding_tell(reading->span, 1, llmobs_json_len(one));
    return rc < 0
               ? rc
               : llmobs_embedding_tell_list(
                     reading->span, llmobs_json_get(body, "embeddings"), NULL);
}

static int read_ends(struct llmobs_reading *reading)
{
    static const char *const counts[] = {
        "prompt_eval_count",    "eval_count",    "done", "done_reason",
        "prompt_eval_duration", "eval_duration", NULL};
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *ends =
        llmobs_cut_json_object(call->response, call->response_tail, counts);
    int rc;

    if (!ends)
        return -ENOMEM;
    rc = read_counts(reading, ends);
    reading->span->complete =
        llmobs_json_is_true(llmobs_json_get(ends, "done"));
    if (reading->classified->shape->kind != LLMOBS_KIND_EMBEDDING)
        llmobs_fact_finish(reading->span,
                           llmobs_json_gets(ends, "done_reason"));
    llmobs_json_free(ends);
    return rc;
}

/* Reads an answer's ends: the vectors come first, the counts after the last of
 * them. */
static int read_vectors_ends(struct llmobs_reading *reading)
{
    int rc = read_ends(reading);

    reading->span->complete =
        llmobs_json_get(reading->span->metrics, "input_tokens") != NULL;
    return rc < 0 ? rc : llmobs_embedding_total(reading->span);
}

static void free_state(void *state)
{
    llmobs_stream_fini(&((struct ollama *)state)->stream);
}

static const struct llmobs_form form = {
    .keys = keys,
    .confirm = is_ours,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = llmobs_chat_messages,
    .ends = read_ends,
    .state_fini = free_state,
    .state_size = sizeof(struct ollama),
    .variant = &variant,
    .framing = LLMOBS_FRAMING_LINES,
};

static const struct llmobs_form embeddings = {
    .keys = keys,
    .confirm = embeds,
    .request = read_inputs,
    .document = read_vectors,
    .ends = read_vectors_ends,
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/api/chat",
     .operation = "chat",
     .span_name = "ollama.request",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .streams = true},
    {.method = "POST",
     .path = "/api/generate",
     .operation = "generate",
     .genai = "text_completion",
     .span_name = "ollama.request",
     .kind = LLMOBS_KIND_LLM,
     .any_host = true,
     .streams = true},
    {.method = "POST",
     .path = "/api/embed",
     .operation = "embedding",
     .span_name = "ollama.request",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings,
     .any_host = true},
    {.method = "POST",
     .path = old_path,
     .operation = "embedding",
     .span_name = "ollama.request",
     .kind = LLMOBS_KIND_EMBEDDING,
     .form = &embeddings,
     .any_host = true},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_ollama = {
    .name = "ollama",
    .integration = "ollama",
    .shapes = shapes,
    .form = &form,
    .sent_media = LLMOBS_MEDIA_TOLD,
    .answered_media = LLMOBS_MEDIA_TOLD,
};
