/* The own API of llama.cpp's server: completion, infill, embedding. Code, but
 * for the embedding, since several prompts have several answers, whose counts
 * are added up.
 *
 * Source: llama.cpp, tools/server/README.md (2026). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/read/hooks.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/values.h"
#include "rules/read/jobs.h"
#include "rules/read/message.h"
#include "rules/read/match.h"
#include "rules/read/request.h"
#include "rules/read/text.h"
#include "rules/read/stream_parts.h"
#include "rules/read/usage.h"
#include "rules/tables/interpreter.h"

/* Keys that are metadata. */
static const char keys[] =
    "stream\0n_predict\0temperature\0top_k\0top_p\0min_p\0seed\0stop\0"
    "repeat_penalty\0presence_penalty\0frequency_penalty\0mirostat\0"
    "ignore_eos\0cache_prompt\0n_probs\0samplers\0json_schema\0grammar\0";

static const char answer_keys[] =
    "model\0tokens_evaluated\0tokens_predicted\0timings\0stop_type\0";

struct state {
    struct llmobs_text_stream texts;
    int64_t in, out; /* tokens of all answers; -1: not known */
    size_t answers;  /* the number of answers that ended */
    bool listed;     /* the request lists the fields, without the reason */
};

static bool infills(const struct llmobs_reading *reading)
{
    return strcmp(reading->classified->shape->operation, "infill") == 0;
}

static bool has_key(const struct llmobs_reading *reading, const char *key)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *value = llmobs_json_get(reading->request, key);

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail, key);
    return llmobs_json_is_string(value) || llmobs_json_is_array(value) ||
           llmobs_json_gets(value, "prompt_string");
}

/* At OpenAI's path the answer alone shows the server's own API. */
static bool completes(const struct llmobs_reading *reading)
{
    static const char counts[] = "\"tokens_evaluated\"\0\"timings\0";

    if (llmobs_text_ends(llmobs_match_bare(reading->classified->url->path),
                         "/completions") &&
        !llmobs_text_has_any(reading->classified->call->response, counts))
        return false;
    return infills(reading) ? has_key(reading, "input_prefix") ||
                                  has_key(reading, "input_suffix")
                            : has_key(reading, "prompt");
}

bool llmobs_llama_cpp_embeds(const struct llmobs_reading *reading)
{
    return has_key(reading, "content") ||
           (has_key(reading, "input") &&
            llmobs_text_has_any(reading->classified->call->response,
                                "\"embedding\":[[\0"));
}

/* -- a stream that is read again, or on ---------------------------------- */

bool llmobs_llama_cpp_resumes(const struct llmobs_reading *reading)
{
    static const char events[] = "\"chat.completion.chunk\"\0\"timings\0"
                                 "\"text_completion\"\0\"tokens_predicted\"\0"
                                 "\"content_block_delta\"\0\"response.\0";
    const struct llmobs_call *call = reading->classified->call;

    return call->request.len > 0 && call->status < 300 &&
           llmobs_text_has_any(call->response, events);
}

int llmobs_llama_cpp_resumed(struct llmobs_reading *reading)
{
    int rc = llmobs_interpreter_finish(reading);

    /* The model's first token came to the call. */
    llmobs_json_unset(reading->span->metrics, "time_to_first_token");
    return rc < 0 ? rc : llmobs_job_settle(reading, NULL, reading->done);
}

/* -- the request --------------------------------------------------------- */

static int add_message(void *list, struct llmobs_text text)
{
    return llmobs_message_add_text(list, NULL, text);
}

/* A prompt with media is an object with its text, or a list of such objects. */
static int add_prompt(struct llmobs_json *list, const struct llmobs_json *value)
{
    const struct llmobs_json *text = llmobs_json_get(value, "prompt_string");
    int rc = 0;

    if (text)
        return llmobs_inputs_each(text, add_message, list);
    if (!llmobs_json_is_array(value) ||
        llmobs_json_is_number(llmobs_json_at(value, 0)))
        return llmobs_inputs_each(value, add_message, list);
    LLMOBS_JSON_EACH (one, value, rc == 0) {
        text = llmobs_json_get(one, "prompt_string");
        rc = llmobs_inputs_each(text ? text : one, add_message, list);
    }
    return rc;
}

static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *request = reading->request;
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(request, keys, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    if (infills(reading)) {
        /* The parts of an infill have roles of their own. */
        const struct llmobs_json *extra =
            llmobs_json_get(request, "input_extra");

        rc = 0;
        LLMOBS_JSON_EACH (one, extra, rc == 0)
            rc = llmobs_message_say(span->input_messages, "context",
                                    llmobs_json_gets(one, "text"));
        if (rc == 0)
            rc = llmobs_message_say(span->input_messages, "prefix",
                                    llmobs_json_gets(request, "input_prefix"));
        if (rc == 0)
            rc = llmobs_message_say(span->input_messages, "suffix",
                                    llmobs_json_gets(request, "input_suffix"));
        return rc < 0 ? rc
                      : llmobs_message_say(span->input_messages, "user",
                                           llmobs_json_gets(request, "prompt"));
    }
    return add_prompt(span->input_messages, llmobs_json_get(request, "prompt"));
}

/* -- the answer ---------------------------------------------------------- */

static void add_count(int64_t *sum, size_t answers, int64_t count)
{
    *sum = count < 0 || (answers > 0 && *sum < 0) ? -1
           : answers > 0 ? llmobs_usage_add(*sum, count)
                         : count;
}

/* Sets a count; removes the count if it is -1, a sum that lacks a part. */
static void put_count(struct llmobs_span *span, const char *key, int64_t count)
{
    if (count < 0)
        llmobs_json_unset(span->metrics, key);
    else
        llmobs_span_metric(span, key, count);
}

/* A count below `timings`, which stands flat where the request lists its
 * `response_fields`. */
static int64_t time_count(const struct llmobs_json *answer, const char *name)
{
    const struct llmobs_json *times = llmobs_json_get(answer, "timings");
    char flat[32];

    snprintf(flat, sizeof(flat), "timings/%s", name);
    return times ? llmobs_usage_count(times, name)
                 : llmobs_usage_count(answer, flat);
}

/* The answer's reason, in the words of all APIs. */
static const char *reason_of(const struct llmobs_json *answer)
{
    const char *type = llmobs_json_gets(answer, "stop_type");

    if (!type || strcmp(type, "none") == 0)
        return NULL;
    if (strcmp(type, "limit") == 0)
        return "length";
    return strcmp(type, "eos") == 0 || strcmp(type, "word") == 0 ? "stop"
                                                                 : type;
}

/* Reads all but the text of an answer that has ended. The times of several
 * answers overlap, so that only the times of one answer are kept. */
static int read_end(struct llmobs_reading *reading,
                    const struct llmobs_json *answer)
{
    struct state *state = reading->state;
    struct llmobs_span *span = reading->span;
    int64_t in = llmobs_usage_count(answer, "tokens_evaluated");
    int64_t out = llmobs_usage_count(answer, "tokens_predicted");
    int64_t cached = time_count(answer, "cache_n");
    int rc = llmobs_reading_model(reading, llmobs_json_gets(answer, "model"));

    if (in < 0 && time_count(answer, "prompt_n") >= 0)
        in = llmobs_usage_add(time_count(answer, "prompt_n"), cached);
    add_count(&state->in, state->answers, in);
    add_count(&state->out, state->answers,
              out < 0 ? time_count(answer, "predicted_n") : out);
    state->answers++;
    put_count(span, "input_tokens", state->in);
    put_count(span, "output_tokens", state->out);
    put_count(span, "total_tokens",
              state->in >= 0 && state->out >= 0 ? state->in + state->out : -1);
    if (rc < 0)
        return rc;
    if (state->answers > 1) {
        llmobs_json_unset(span->metrics, "time_in_model_prefill");
        llmobs_json_unset(span->metrics, "time_in_model_decode");
        llmobs_json_unset(span->metrics, "cache_read_input_tokens");
        return 0;
    }
    llmobs_span_metric(span, "cache_read_input_tokens", cached);
    return 0;
}

static int add_answer(struct llmobs_reading *reading,
                      const struct llmobs_json *answer)
{
    int rc = llmobs_message_add_text(
        reading->span->output_messages, NULL,
        llmobs_text_of(llmobs_json_gets(answer, "content")));

    if (llmobs_json_get(answer, "stop_type"))
        llmobs_fact_finish(reading->span, reason_of(answer));
    return rc < 0 ? rc : read_end(reading, answer);
}

/* Several prompts have a list of answers. */
static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = 0;

    if (reading->classified->call->status >= 300)
        return 0;
    reading->span->output_messages = llmobs_json_array();
    if (!llmobs_json_is_array(body))
        return llmobs_json_gets(body, "content") ? add_answer(reading, body)
                                                 : 0;
    LLMOBS_JSON_EACH (one, body, rc == 0)
        rc = add_answer(reading, one);
    return rc;
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const char *text = llmobs_json_gets(event->json, "content");
    int64_t index = llmobs_json_to_int(llmobs_json_get(event->json, "index"));
    const struct llmobs_json *stop = llmobs_json_get(event->json, "stop");
    struct state *state = reading->state;
    int rc = 0;

    if (text)
        rc = llmobs_text_stream_add(&state->texts, index, llmobs_text_of(text));
    if (text && *text)
        llmobs_reading_token(reading, event);
    /* Where the request lists the fields, the last event may lack this one. */
    if (rc < 0 || !text || (stop && !llmobs_json_is_true(stop)))
        return rc;
    reading->done = true;
    state->listed = !stop && !llmobs_json_get(event->json, "stop_type");
    rc = llmobs_text_stream_end(&state->texts, index, reason_of(event->json));
    return rc < 0 ? rc : read_end(reading, event->json);
}

static int finish_stream(struct llmobs_reading *reading)
{
    const struct state *state = reading->state;

    if (state->texts.texts.count == 0)
        return 0;
    if (!state->listed)
        llmobs_text_stream_reasons(&state->texts, reading->span);
    reading->span->output_messages =
        llmobs_text_stream_messages(&state->texts, NULL);
    return reading->span->output_messages ? 0 : -ENOMEM;
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *answer = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    int rc = answer ? read_end(reading, answer) : -ENOMEM;

    reading->span->complete = reason_of(answer) != NULL;
    llmobs_fact_finish(reading->span, reason_of(answer));
    llmobs_json_free(answer);
    return rc;
}

static void free_state(void *state)
{
    llmobs_text_stream_fini(&((struct state *)state)->texts);
}

const struct llmobs_form llmobs_form_llama_cpp = {
    .keys = keys,
    .signs = "\"prompt\"\0\"input_prefix\"\0",
    .confirm = completes,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct state, free_state),
    .lists = true,
};
