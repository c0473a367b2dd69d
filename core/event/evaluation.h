/* evaluation - one evaluation metric of a span, before it is encoded.
 *
 * Owns:    nothing: every pointer is borrowed until the call returns.
 * Threads: any.
 * Errors:  check: -EINVAL, and one line in the log that says what is wrong.
 *          submit: -ENOMEM; -E2BIG: beyond DD_LLMOBS_EVENT_SIZE_BYTES;
 *          -ENOTCONN: nobody delivers.
 * Limits:  LLMOBS_EVALUATION_TAGS tags; texts of LLMOBS_EVALUATION_TEXT bytes.
 * Fork:    plain memory.
 *
 * Field meanings: WIRE 2.7.
 */
#ifndef LLMOBS_EVALUATION_H
#define LLMOBS_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text/json.h"

#define LLMOBS_EVALUATION_TAGS 256
#define LLMOBS_EVALUATION_TEXT ((size_t)1024 * 1024)

enum llmobs_evaluation_type {
    LLMOBS_EVALUATION_CATEGORICAL,
    LLMOBS_EVALUATION_SCORE,
    LLMOBS_EVALUATION_BOOLEAN,
    LLMOBS_EVALUATION_JSON
};

struct llmobs_evaluation_tag {
    const char *key;
    const char *value;
};

struct llmobs_evaluation {
    const char *label; /* not empty, no dot */
    enum llmobs_evaluation_type type;
    union {
        const char *categorical;
        double score; /* finite */
        bool boolean;
        const struct llmobs_json *json; /* an object */
    } value;
    /* What is evaluated: a span by its ids as export gives them (decimal, and
     * 32 hex digits), or the one that has this tag; the other pair is NULL. */
    const char *span_id;
    const char *trace_id;
    const char *tag_key;
    const char *tag_value;
    bool of_trace;        /* eval_scope trace, else span */
    const char *ml_app;   /* NULL: the configuration's */
    int64_t timestamp_ms; /* since 1970; 0: now */
    const struct llmobs_evaluation_tag *tags;
    size_t tag_count;
    const char *assessment;             /* "pass", "fail" or NULL */
    const char *reasoning;              /* or NULL */
    const struct llmobs_json *metadata; /* an object or NULL */
};

/* "categorical", "score", "boolean", "json"; NULL for another number. */
const char *llmobs_evaluation_type_name(enum llmobs_evaluation_type type);

/* What is wrong with it, in words; NULL: it may be submitted. */
const char *llmobs_evaluation_wrong(const struct llmobs_evaluation *evaluation);

/* Whether it may be submitted. */
int llmobs_evaluation_check(const struct llmobs_evaluation *evaluation);

struct llmobs_config;

/* Appends the metric object of an evaluation that its check has passed, no
 * envelope, no line end, to `buf`; on error nothing. Keys sorted, ASCII only.
 * -E2BIG: it reaches the limit, for nothing of it is dropped. */
int llmobs_encode_evaluation(const struct llmobs_evaluation *evaluation,
                             const struct llmobs_config *config,
                             struct llmobs_buf *buf);

#endif
