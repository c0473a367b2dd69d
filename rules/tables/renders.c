/* Reads what a model makes for a prompt. A span has sizes and types, never
 * bytes, nor the signed addresses of what was made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/jobs.h"
#include "rules/read/media.h"
#include "rules/read/message_content.h"
#include "rules/read/request.h"
#include "rules/read/usage.h"
#include "rules/tables/renders.h"

static const struct llmobs_render *render_of(
    const struct llmobs_reading *reading)
{
    return (const struct llmobs_render *)reading->form->variant;
}

static const struct llmobs_json *render_at(const struct llmobs_reading *reading,
                                           char which)
{
    return llmobs_layout_at(
        &((const struct llmobs_interpreter *)reading->state)->at, which);
}

/* The id of a job is the last segment of its name. */
static const char *job_of(const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;

    return slash ? slash + 1 : name;
}

/* -- what was made --------------------------------------------------------- */

/* True for a URL; words may have one among them. */
static bool is_address(const char *text)
{
    return text && (strncasecmp(text, "data:", strlen("data:")) == 0 ||
                    (strstr(text, "://") && !text[strcspn(text, " \t\r\n")]));
}

/* The base64 of a data URL, or of a text that is nothing else. */
static const char *bytes_of(const char *text)
{
    const char *comma = is_address(text) ? strchr(text, ',') : NULL;

    return comma ? comma + 1 : text;
}

/* Adds a message for one thing: what the server made of the prompt, and its
 * size; a thing that was held back has only the reason. */
static int add_thing(struct llmobs_reading *reading,
                     const struct llmobs_json *thing)
{
    static const char bytes[] = "bytesBase64Encoded\0b64_json\0base64\0image\0";
    static const char types[] = "mimeType\0content_type\0";
    const char *what = render_of(reading)->what, *type = NULL, *data = NULL;
    const char *held = llmobs_json_gets(thing, "raiFilteredReason");
    struct llmobs_buf text;
    int rc;

    if (llmobs_json_text(thing) && !strstr(llmobs_json_text(thing), "://"))
        data = bytes_of(llmobs_json_text(thing));
    LLMOBS_WORDS_EACH (key, bytes)
        data = data ? data : llmobs_json_gets(thing, key);
    LLMOBS_WORDS_EACH (key, types)
        type = type ? type : llmobs_json_gets(thing, key);
    if (type && strncmp(type, "video/", 6) == 0)
        what = "video";
    else if (type && strncmp(type, "audio/", 6) == 0)
        what = "audio";
    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc =
        llmobs_message_content_append(&text, llmobs_json_gets(thing, "prompt"));
    if (rc == 0)
        rc = held ? llmobs_message_content_append(&text, held)
                  : llmobs_media_mark(
                        &text, what, type,
                        data ? llmobs_media_base64(llmobs_text_of(data)) : 0);
    if (rc == 0)
        rc = llmobs_message_add_text(reading->span->output_messages,
                                     "assistant", llmobs_buf_text(&text));
    llmobs_buf_fini(&text);
    return rc;
}

/* Adds what the answer has made. A text is either the address or the bytes of a
 * thing, or words of the model. */
static int add_things(struct llmobs_reading *reading,
                      const struct llmobs_json *value)
{
    const char *said = llmobs_json_text(value);
    struct llmobs_json *list = llmobs_json_array();
    int rc = 0;

    reading->span->output_messages = list;
    if (!list)
        return -ENOMEM;
    if (said && render_of(reading)->says && !is_address(said))
        return llmobs_message_add_text(list, "assistant", llmobs_text_of(said));
    if (!llmobs_json_is_array(value))
        return value && !llmobs_json_is_null(value) ? add_thing(reading, value)
                                                    : 0;
    LLMOBS_JSON_EACH (one, value, rc == 0)
        rc = add_thing(reading, one);
    return rc;
}

/* -- the forms ------------------------------------------------------------- */

int llmobs_render_begin(struct llmobs_reading *reading)
{
    if (strcmp(render_of(reading)->what, "image") == 0)
        llmobs_span_fact_word(&reading->span->facts, LLMOBS_FACT_OUTPUT_TYPE,
                              "image");
    return llmobs_interpreter_begin(reading);
}

/* Reads all of an answer but what was made. True in *ended: nothing more is
 * to come. */
static int read_state(struct llmobs_reading *reading,
                      const struct llmobs_json *body, const char **status,
                      bool *ended)
{
    const struct llmobs_render *render = render_of(reading);
    const struct llmobs_json *end, *fault;
    struct llmobs_interpreter *state = reading->state;
    struct llmobs_span *span = reading->span;
    int rc;

    llmobs_layout_go(&state->at, body, NULL);
    end = render_at(reading, LLMOBS_AT_END);
    fault = render_at(reading, LLMOBS_AT_FAULT);
    *status = llmobs_json_text(render_at(reading, LLMOBS_AT_REASON));
    *ended = *status ? !llmobs_words_have(render->goes_on, *status)
                     : !llmobs_layout_has(&state->at, LLMOBS_AT_END) ||
                           llmobs_json_is_true(end);
    rc = llmobs_reading_model(
        reading, llmobs_json_text(render_at(reading, LLMOBS_AT_MODEL)));
    if (rc == 0)
        rc = llmobs_usage_read(render_at(reading, LLMOBS_AT_USAGE), span);
    if (rc == 0 && render->facts)
        rc = llmobs_request_metadata(body, render->facts, span);
    if (rc == 0 && *status && llmobs_words_have(render->fails, *status))
        rc = llmobs_span_fail(
            span,
            llmobs_json_gets(fault, "code") ? llmobs_json_gets(fault, "code")
                                            : *status,
            llmobs_json_text(fault) ? llmobs_json_text(fault)
                                    : llmobs_json_gets(fault, "message"));
    return rc;
}

/* Reads the answer to the call that asks for a picture or another thing: the
 * answer has the thing itself, or the id of a job that makes it. */
int llmobs_render_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    const struct llmobs_json *made;
    const char *status, *id;
    bool ended;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_state(reading, body, &status, &ended);
    made = render_at(reading, LLMOBS_AT_OUTPUT);
    id = job_of(llmobs_json_text(render_at(reading, LLMOBS_AT_ID)));
    if (rc == 0 && made && !llmobs_json_is_null(made))
        return add_things(reading, made);
    if (rc == 0 && id && !reading->span->failed) {
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
        rc = llmobs_job_begun(reading->span, id, status);
    }
    if (reading->classified->shape->kind == LLMOBS_KIND_TASK)
        return rc < 0 || !status
                   ? rc
                   : llmobs_span_set(&reading->span->output_value, status);
    return rc < 0 || !id
               ? rc
               : llmobs_message_put_mark(&reading->span->output_messages,
                                         "assistant", render_of(reading)->what,
                                         status, 0);
}

/* Begins a call that asks about a job. */
int llmobs_render_begin_poll(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const char *id =
        job_of(llmobs_json_gets(reading->request, "operationName"));
    const char *star = strrchr(reading->classified->shape->path, '*');
    char *query = NULL;
    int rc = llmobs_interpreter_begin(reading);

    if (rc < 0 || (star && star[1] != ':')) /* the id is in the path */
        return rc < 0 ? rc : llmobs_job_asked(reading);
    if (!id && *reading->classified->shape->queries && call->request.data) {
        id = query = llmobs_url_decode(call->request);
        rc = query ? 0 : -ENOMEM;
    }
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_ID, id);
    if (rc == 0)
        rc = llmobs_job_asks(reading->span, id);
    if (rc == 0 && id)
        rc = llmobs_span_set(&reading->span->input_value, id);
    free(query);
    return rc;
}

int llmobs_render_poll(struct llmobs_reading *reading,
                       const struct llmobs_json *body)
{
    const struct llmobs_json *made;
    const char *status;
    bool ended;
    int rc;

    if (reading->classified->call->status >= 300)
        return 0;
    rc = read_state(reading, body, &status, &ended);
    made = render_at(reading, LLMOBS_AT_OUTPUT);
    if (rc == 0 && made && ended)
        rc = add_things(reading, made);
    if (ended && llmobs_json_len(reading->span->metrics) > 0 &&
        strcmp(render_of(reading)->what, "batch") == 0)
        llmobs_span_fact_word(&reading->span->facts,
                              LLMOBS_FACT_RESPONSE_SERVICE_TIER, "batch");
    llmobs_job_alone(reading->span, body);
    return rc < 0 ? rc
                  : llmobs_job_settle(reading,
                                      status                  ? status
                                      : reading->span->failed ? "failed"
                                      : ended                 ? "done"
                                                              : NULL,
                                      ended);
}
