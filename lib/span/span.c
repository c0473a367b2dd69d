#include "lib/span/span.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/span/mask.h"

/* A greater number is not a token count: a double could not hold it (WIRE 8.4).
 */
#define METRIC_MAX ((int64_t)1 << 53)

int llmobs_span_init(struct llmobs_span *span)
{
    memset(span, 0, sizeof(*span));
    span->metadata = llmobs_json_object();
    span->metrics = llmobs_json_object();
    llmobs_span_facts_init(&span->facts);
    if (span->metadata && span->metrics)
        return 0;
    llmobs_span_fini(span);
    return -ENOMEM;
}

void llmobs_span_no_job(struct llmobs_span *span)
{
    free(span->job.id);
    llmobs_json_free(span->job.metrics);
    memset(&span->job, 0, sizeof(span->job));
}

void llmobs_span_fini(struct llmobs_span *span)
{
    free(span->name);
    free(span->model_name);
    free(span->model_provider);
    free(span->tool_version);
    free(span->intent);
    free(span->input_value);
    free(span->output_value);
    free(span->error_type);
    free(span->error_message);
    free(span->error_stack);
    llmobs_json_free(span->input_messages);
    llmobs_json_free(span->output_messages);
    llmobs_json_free(span->input_documents);
    llmobs_json_free(span->output_documents);
    llmobs_json_free(span->output_behind);
    llmobs_json_free(span->input_prompt);
    llmobs_json_free(span->metadata);
    llmobs_json_free(span->metadata_dd);
    llmobs_json_free(span->metrics);
    llmobs_span_facts_fini(&span->facts);
    llmobs_json_free(span->tool_definitions);
    llmobs_json_free(span->extra_tags);
    llmobs_json_free(span->said);
    llmobs_json_free(span->links);
    llmobs_span_no_job(span);
    memset(span, 0, sizeof(*span));
}

const char *llmobs_kind_name(enum llmobs_kind kind)
{
    static const char *const names[] = {
        [LLMOBS_KIND_LLM] = "llm",
        [LLMOBS_KIND_EMBEDDING] = "embedding",
        [LLMOBS_KIND_WORKFLOW] = "workflow",
        [LLMOBS_KIND_AGENT] = "agent",
        [LLMOBS_KIND_TASK] = "task",
        [LLMOBS_KIND_TOOL] = "tool",
        [LLMOBS_KIND_RETRIEVAL] = "retrieval",
    };

    return kind < sizeof(names) / sizeof(*names) ? names[kind] : "task";
}

int llmobs_kind_read(const char *name, enum llmobs_kind *out)
{
    for (int kind = LLMOBS_KIND_LLM; name && kind <= LLMOBS_KIND_RETRIEVAL;
         kind++) {
        if (strcmp(llmobs_kind_name((enum llmobs_kind)kind), name) == 0) {
            *out = (enum llmobs_kind)kind;
            return 0;
        }
    }
    return -EINVAL;
}

/* Gives a copy of text with its secrets masked. */
static char *masked_copy(const char *text)
{
    struct llmobs_buf buf;
    int rc;

    llmobs_buf_init(&buf, (size_t)1 << 31);
    rc = llmobs_mask_text(text, &buf);
    if (rc || !buf.data) {
        llmobs_buf_fini(&buf);
        return rc ? NULL : strdup("");
    }
    return llmobs_buf_take(&buf, NULL);
}

int llmobs_span_fail(struct llmobs_span *span, const char *type,
                     const char *message)
{
    char *copy;

    if (span->failed)
        return 0;
    /* The status is set even where no memory is left for its texts. */
    span->failed = true;
    copy = masked_copy(type ? type : "");
    free(span->error_type);
    span->error_type = copy;
    span->error_message = masked_copy(message ? message : "");
    return span->error_type && span->error_message ? 0 : -ENOMEM;
}

int llmobs_span_set_masked(char **field, const char *text)
{
    char *copy = text ? masked_copy(text) : NULL;

    if (text && !copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

int llmobs_span_set(char **field, const char *text)
{
    char *copy = NULL;

    if (text && *field && strcmp(*field, text) == 0)
        return 0;
    if (text) {
        copy = strdup(text);
        if (!copy)
            return -ENOMEM;
    }
    free(*field);
    *field = copy;
    return 0;
}

int llmobs_span_set_format(char **field, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}

void llmobs_span_metric(struct llmobs_span *span, const char *key,
                        int64_t number)
{
    if (number >= 0 && number <= METRIC_MAX)
        llmobs_json_set(span->metrics, key,
                        llmobs_json_searched(llmobs_json_int(number)));
}

/* -- cost tags ------------------------------------------------------------ */

#define COST_TAGS "cost_tags"

static int add_cost_tag(struct llmobs_span *span, const char *key)
{
    struct llmobs_json *list = llmobs_json_get(span->metadata_dd, COST_TAGS);
    int rc = 0;

    if (!span->metadata_dd)
        span->metadata_dd = llmobs_json_object();
    if (!list) {
        rc = llmobs_json_set(span->metadata_dd, COST_TAGS, llmobs_json_array());
        list = llmobs_json_get(span->metadata_dd, COST_TAGS);
    }
    LLMOBS_JSON_EACH (one, list, rc == 0)
        if (strcmp(llmobs_json_text(one), key) == 0)
            return 0;
    if (rc)
        return rc;
    return llmobs_json_add(list, llmobs_json_string(key));
}

int llmobs_span_cost_tags(struct llmobs_span *span,
                          const struct llmobs_json *keys,
                          const struct llmobs_json *tags)
{
    static const char own[] = "ml_app\0agent_service\0service\0env\0version\0";
    int rc = 0;

    for (size_t i = 0; i < llmobs_json_len(keys) && !rc; i++) {
        const char *key = llmobs_json_text(llmobs_json_at(keys, i));

        if (key && (llmobs_words_have(own, key) || llmobs_json_get(tags, key)))
            rc = add_cost_tag(span, key);
    }
    return rc;
}
