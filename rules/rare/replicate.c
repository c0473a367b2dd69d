/* Replicate's predictions. If the request does not wait for the end, the call
 * has no output and no tokens: a later poll brings both. Code, since a later
 * call brings the answer, and inputs differ by model.
 *
 * Source: replicate.com/docs/reference/http; symfony/ai, Bridge/Replicate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/jobs.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/reading.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/read/values.h"

static const char keys[] = "version\0";
static const char answer_keys[] = "id\0model\0status\0metrics\0error\0";
static const char signs[] = "\"input\"\0";

static const char settings[] =
    "temperature\0top_p\0top_k\0seed\0max_tokens\0stop\0max_new_tokens\0"
    "max_completion_tokens\0";

static bool is_request(const struct llmobs_reading *reading)
{
    return llmobs_json_is_object(llmobs_json_get(reading->request, "input"));
}

/* -- the model in the path ------------------------------------------------ */

/* Gives "OWNER/NAME" of ".../models/OWNER/NAME/predictions"; for other paths
 * the version in the request. */
static char *path_model(const struct llmobs_reading *reading)
{
    static const char *const marks[] = {"/models/", "/deployments/"};
    const struct llmobs_url *url = reading->classified->url;
    struct llmobs_text name = {NULL, 0};
    struct llmobs_text version =
        llmobs_text_of(llmobs_json_gets(reading->request, "version"));

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t len = strlen(marks[i]);
        const char *at = memmem(url->path.data, url->path.len, marks[i], len);
        const char *end = at ? url->path.data + url->path.len : NULL;

        if (!at)
            continue;
        name.data = at + len;
        end = memmem(name.data, (size_t)(end - name.data), "/predictions", 12);
        name.len = end ? (size_t)(end - name.data) : 0;
    }
    return name.len > 0
               ? llmobs_url_decode(name)
               : strndup(version.data ? version.data : "", version.len);
}

/* -- the request --------------------------------------------------------- */

/* True for a data URL, which holds the file itself. */
static bool is_inline(const char *text)
{
    return text && strncasecmp(text, "data:", strlen("data:")) == 0;
}

/* Gives the inputs as JSON text, in which words stand for files. */
static char *inputs_text(const struct llmobs_json *input)
{
    struct llmobs_json *copy = llmobs_json_object();
    char *text = NULL;
    int rc = 0;

    for (void *it = llmobs_json_iter(input); rc == 0 && it;
         it = llmobs_json_next(input, it)) {
        struct llmobs_json *value = llmobs_json_iter_value(it);

        rc = llmobs_json_set(copy, llmobs_json_iter_key(it),
                             is_inline(llmobs_json_text(value))
                                 ? llmobs_json_string("[file]")
                                 : llmobs_json_share(value));
    }
    if (rc == 0 && copy)
        text = llmobs_value_text(copy);
    llmobs_json_free(copy);
    return text;
}

/* Each model has its own inputs; most models for text have a prompt. */
static int read_request(struct llmobs_reading *reading)
{
    const struct llmobs_json *input =
        llmobs_json_get(reading->request, "input");
    const char *prompt = llmobs_json_gets(input, "prompt");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_request_metadata(input, settings, span);

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    if (!prompt) {
        span->input_messages = llmobs_message_take(inputs_text(input));
        return span->input_messages ? 0 : -ENOMEM;
    }
    span->input_messages = llmobs_json_array();
    rc = llmobs_message_say(span->input_messages, "system",
                            llmobs_json_gets(input, "system_prompt"));
    llmobs_fact_apart(span);
    return rc < 0 ? rc
                  : llmobs_message_say(span->input_messages, "user", prompt);
}

/* -- the answer ---------------------------------------------------------- */

/* Appends an element of a list: a piece of one text, or a file as a line. */
static int append_piece(struct llmobs_buf *text, const char *piece)
{
    int rc = 0;

    if (is_inline(piece))
        return llmobs_media_url(text, "file", piece);
    if (text->len > 0 && piece && strncmp(piece, "https://", 8) == 0)
        rc = llmobs_message_content_append(text, "\n");
    return rc < 0 ? rc : llmobs_message_content_append(text, piece);
}

static int append_output(struct llmobs_buf *text,
                         const struct llmobs_json *output)
{
    char *dump;
    int rc = 0;

    if (llmobs_json_is_string(output))
        return append_piece(text, llmobs_json_text(output));
    if (llmobs_json_is_array(output) &&
        llmobs_json_is_string(llmobs_json_at(output, 0))) {
        LLMOBS_JSON_EACH (one, output, rc == 0)
            rc = append_piece(text, llmobs_json_text(one));
        return rc;
    }
    dump = llmobs_value_text(output);
    rc = dump ? llmobs_message_content_append(text, dump) : -ENOMEM;
    free(dump);
    return rc;
}

static int read_output(struct llmobs_reading *reading,
                       const struct llmobs_json *output)
{
    struct llmobs_span *span = reading->span;
    struct llmobs_buf text;
    int rc;

    span->output_messages = llmobs_json_array();
    if (!output || llmobs_json_is_null(output))
        return 0;
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = append_output(&text, output);
    if (rc == 0)
        rc = llmobs_message_add_text(span->output_messages, "assistant",
                                     llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

static bool goes_on(const char *status)
{
    static const char words[] = "starting\0queued\0processing\0";

    return status && llmobs_words_have(words, status);
}

/* Reads how a prediction ended. A canceled prediction is a failed call only for
 * the call that began it: a call that looks at it, or cancels it, has not
 * failed. */
static int read_end(const struct llmobs_reading *reading, const char *status,
                    const char *error)
{
    bool asks = reading->classified->shape->kind == LLMOBS_KIND_TASK;

    if (status && strcmp(status, "succeeded") == 0)
        llmobs_fact_finish(reading->span, "stop");
    else if (status && (strcmp(status, "failed") == 0 ||
                        (strcmp(status, "canceled") == 0 && !asks)))
        return llmobs_span_fail(reading->span, status, error);
    return 0;
}

/* Reads all of a prediction but its output. */
static int read_facts(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    const struct llmobs_json *metrics = llmobs_json_get(body, "metrics");
    int64_t in = llmobs_usage_count(metrics, "input_token_count");
    int64_t out = llmobs_usage_count(metrics, "output_token_count");
    struct llmobs_span *span = reading->span;
    int rc = llmobs_reading_model(reading, llmobs_json_gets(body, "model"));

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    llmobs_span_metric(span, "input_tokens", in);
    llmobs_span_metric(span, "output_tokens", out);
    llmobs_span_metric(span, "total_tokens",
                       in >= 0 && out >= 0 ? in + out : -1);
    if (llmobs_usage_units(metrics, span) < 0)
        return -ENOMEM;
    return read_end(reading, llmobs_json_gets(body, "status"),
                    llmobs_json_gets(body, "error"));
}

static int read_prediction(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    int rc = read_facts(reading, body);

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    return read_output(reading, llmobs_json_get(body, "output"));
}

static int set_job(struct llmobs_reading *reading,
                   const struct llmobs_json *body)
{
    const char *status = llmobs_json_gets(body, "status");
    const char *id = llmobs_json_gets(body, "id");

    if (reading->classified->call->status >= 300)
        return 0;
    return goes_on(status) ? llmobs_job_begun(reading->span, id, status)
                           : llmobs_job_done(reading->span, id);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    int rc = read_prediction(reading, body);

    return rc < 0 ? rc : set_job(reading, body);
}

static int read_ends_as(struct llmobs_reading *reading,
                        int (*last)(struct llmobs_reading *reading,
                                    const struct llmobs_json *body))
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *body = llmobs_cut_json_object(
        call->response, call->response_tail, answer_keys);
    int rc = body ? read_facts(reading, body) : -ENOMEM;

    reading->span->complete = llmobs_json_gets(body, "status") != NULL;
    if (rc == 0)
        rc = last(reading, body);
    llmobs_json_free(body);
    return rc;
}

static int read_ends(struct llmobs_reading *reading)
{
    return read_ends_as(reading, set_job);
}

/* -- a prediction that is asked for or cancelled --------------------------- */

static int finish(struct llmobs_reading *reading,
                  const struct llmobs_json *body)
{
    const char *status = llmobs_json_gets(body, "status");

    llmobs_job_alone(reading->span, body);
    return llmobs_job_settle(reading, status, status && !goes_on(status));
}

static int fetch_document(struct llmobs_reading *reading,
                          const struct llmobs_json *body)
{
    int rc = read_prediction(reading, body);

    if (rc < 0 || reading->classified->call->status >= 300)
        return rc;
    return finish(reading, body);
}

static int fetch_ends(struct llmobs_reading *reading)
{
    return read_ends_as(reading, finish);
}

const struct llmobs_form llmobs_form_replicate_fetch = {
    .begin = llmobs_job_asked,
    .document = fetch_document,
    .ends = fetch_ends,
};

/* -- the dialect --------------------------------------------------------- */

const struct llmobs_form llmobs_form_replicate = {
    .keys = keys,
    .signs = signs,
    .confirm = is_request,
    .asked = path_model,
    .request = read_request,
    .document = read_document,
    .ends = read_ends,
};
