#include "core/capture/c_api_finished.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/processor.h"
#include "core/sdk/own_span.h"
#include "core/sdk/span_io.h"

#define PARTS 3
_Static_assert(LLMOBS_INPUT == 0 && LLMOBS_OUTPUT == 1 && LLMOBS_METADATA == 2,
               "an element for each");

/* Holds the processor's changes until it has returned without an error. */
struct llmobs_finished {
    struct llmobs_span *span;
    bool replaced[PARTS];
    struct llmobs_span_side sides[2];
    struct llmobs_json *metadata;
    char *texts[PARTS]; /* the texts that the processor was given */
};

/* -- what there is -----------------------------------------------------------
 */

static char *text_of_side(const struct llmobs_json *messages,
                          const struct llmobs_json *documents,
                          const char *value)
{
    struct llmobs_json *string;
    char *text;

    if (messages || documents)
        return llmobs_json_dumps(messages ? messages : documents, 0);
    if (!value)
        return NULL;
    string = llmobs_json_string(value);
    text = llmobs_json_dumps(string, 0);
    llmobs_json_free(string);
    return text;
}

static char *text_of_part(const struct llmobs_finished *finished,
                          enum llmobs_part part)
{
    const struct llmobs_span *span = finished->span;
    const struct llmobs_json *metadata =
        finished->replaced[part] ? finished->metadata : span->metadata;

    if (part == LLMOBS_METADATA)
        return metadata ? llmobs_json_dumps(metadata, 0) : NULL;
    if (finished->replaced[part])
        return text_of_side(finished->sides[part].messages,
                            finished->sides[part].documents,
                            finished->sides[part].value);
    if (part == LLMOBS_INPUT)
        return text_of_side(span->input_messages, span->input_documents,
                            span->input_value);
    return text_of_side(span->output_messages, span->output_documents,
                        span->output_value);
}

const char *llmobs_c_api_finished_get(struct llmobs_finished *span,
                                      enum llmobs_part part)
{
    int saved = errno;

    if (!span || (unsigned)part >= PARTS)
        return NULL;
    if (!span->texts[part])
        span->texts[part] = text_of_part(span, part);
    errno = saved;
    return span->texts[part];
}

/* The value of the key's last tag, which is the valid one, as in an event. */
static const char *c_api_finished_find_tag(const struct llmobs_json *tags,
                                           const char *key)
{
    size_t len = strlen(key);

    for (size_t i = llmobs_json_len(tags); i-- > 0;) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag && strncmp(tag, key, len) == 0 && tag[len] == ':')
            return tag + len + 1;
    }
    return NULL;
}

const char *llmobs_c_api_finished_tag(struct llmobs_finished *span,
                                      const char *key)
{
    const char *value;

    if (!span || !key)
        return NULL;
    if (strcmp(key, "span.kind") == 0)
        value = llmobs_kind_name(span->span->kind);
    else if (strcmp(key, "name") == 0)
        value = span->span->name;
    else
        value = c_api_finished_find_tag(span->span->extra_tags, key);
    return value;
}

/* -- what is to be ------------------------------------------------------------
 */

/* A call through a gateway has messages and is written as a workflow. */
static enum llmobs_kind c_api_finished_kind_of(const struct llmobs_span *span)
{
    return span->proxied && span->input_messages ? LLMOBS_KIND_LLM : span->kind;
}

static int set_side(struct llmobs_finished *finished, enum llmobs_part part,
                    struct llmobs_json *json)
{
    enum llmobs_kind kind = c_api_finished_kind_of(finished->span);
    struct llmobs_span_side side = {NULL, NULL, NULL};
    int rc = 0;

    if (json && part == LLMOBS_INPUT)
        rc = llmobs_span_io_input(kind, json, &side);
    else if (json)
        rc = llmobs_span_io_output(kind, json, &side);
    if (rc)
        return rc;
    llmobs_span_side_free(&finished->sides[part]);
    finished->sides[part] = side;
    finished->replaced[part] = true;
    return 0;
}

static int c_api_finished_set_metadata(struct llmobs_finished *finished,
                                       struct llmobs_json *json)
{
    struct llmobs_json *object =
        json ? llmobs_json_share(json) : llmobs_json_object();

    if (!llmobs_json_is_object(object)) {
        llmobs_json_free(object);
        return json ? -EINVAL : -ENOMEM;
    }
    llmobs_json_free(finished->metadata);
    finished->metadata = object;
    finished->replaced[LLMOBS_METADATA] = true;
    return 0;
}

int llmobs_c_api_finished_set(struct llmobs_finished *span,
                              enum llmobs_part part, const char *json)
{
    struct llmobs_json *value = NULL;
    int rc = 0, saved = errno;

    if (!span || (unsigned)part >= PARTS)
        return -EINVAL;
    if (json)
        rc =
            llmobs_json_parse((struct llmobs_text){json, strlen(json)}, &value);
    if (!rc)
        rc = part == LLMOBS_METADATA ? c_api_finished_set_metadata(span, value)
                                     : set_side(span, part, value);
    llmobs_json_free(value);
    if (!rc) {
        free(span->texts[part]);
        span->texts[part] = NULL;
    }
    errno = saved;
    return llmobs_own_span_complain(rc, "a processor sets what is no value");
}

/* -- one span -----------------------------------------------------------------
 */

static void c_api_finished_apply(struct llmobs_finished *finished)
{
    struct llmobs_span *span = finished->span;

    if (finished->replaced[LLMOBS_INPUT])
        llmobs_span_side_swap(&finished->sides[LLMOBS_INPUT],
                              &span->input_messages, &span->input_documents,
                              &span->input_value);
    if (finished->replaced[LLMOBS_OUTPUT])
        llmobs_span_side_swap(&finished->sides[LLMOBS_OUTPUT],
                              &span->output_messages, &span->output_documents,
                              &span->output_value);
    if (finished->replaced[LLMOBS_METADATA]) {
        struct llmobs_json *was = span->metadata;

        span->metadata = finished->metadata;
        finished->metadata = was;
    }
}

static void c_api_finished_finish(struct llmobs_finished *finished)
{
    for (size_t i = 0; i < PARTS; i++)
        free(finished->texts[i]);
    llmobs_span_side_free(&finished->sides[LLMOBS_INPUT]);
    llmobs_span_side_free(&finished->sides[LLMOBS_OUTPUT]);
    llmobs_json_free(finished->metadata);
}

static int call(const void *function, void *context, struct llmobs_span *span)
{
    llmobs_processor_fn *processor;
    struct llmobs_finished finished = {.span = span};
    int rc, saved = errno;

    memcpy(&processor, &function, sizeof(processor));
    rc = processor(context, &finished);
    if (rc == 0)
        c_api_finished_apply(&finished);
    c_api_finished_finish(&finished);
    errno = saved;
    if (rc == LLMOBS_DROP)
        return -ECANCELED;
    (void)llmobs_own_span_complain(rc < 0 ? rc : 0, "a processor failed");
    return 0;
}

int llmobs_c_api_set_processor(llmobs_processor_fn *processor, void *context)
{
    const void *function;
    int rc, saved = errno;

    if (!llmobs_own_span_is_on())
        return LLMOBS_OWN_SPAN_OFF;
    memcpy(&function, &processor, sizeof(function));
    rc = llmobs_processor_set(call, function, context);
    errno = saved;
    return llmobs_own_span_complain(rc, "set_processor");
}
