/* evaluation - one evaluation metric of a span, or one word of a user's
 * feedback, and its text for the intake (WIRE 2.7).
 *
 * Owns:    nothing: every pointer is borrowed until the call returns.
 * Threads: any.
 * Errors:  check: -EINVAL, and a line in the log that says why. encode:
 *          -ENOMEM; -E2BIG: beyond DD_LLMOBS_EVENT_SIZE_BYTES, because no part
 *          of an evaluation may be left out.
 * Limits:  LLMOBS_EVALUATION_TAGS tags; texts of LLMOBS_EVALUATION_TEXT bytes.
 */
#ifndef LLMOBS_EVALUATION_H
#define LLMOBS_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/text/json.h"
#include "core/event/tags.h"

#define LLMOBS_EVALUATION_TAGS 256
#define LLMOBS_EVALUATION_TEXT ((size_t)1024 * 1024)

enum llmobs_evaluation_type {
    LLMOBS_EVALUATION_CATEGORICAL,
    LLMOBS_EVALUATION_SCORE,
    LLMOBS_EVALUATION_BOOLEAN,
    LLMOBS_EVALUATION_JSON,
    LLMOBS_EVALUATION_WORDS /* a text of any length, only for feedback */
};

struct llmobs_evaluation {
    const char *label; /* not empty, no dot */
    enum llmobs_evaluation_type type;
    union {
        const char *categorical; /* also for _WORDS */
        double score;            /* finite */
        bool boolean;
        const struct llmobs_json *json; /* an object */
    } value;
    /* The giver of the feedback; NULL: this is an evaluation. */
    const char *submitter_id;
    const char *submitter_type; /* or NULL */
    /* Feedback has exactly one target: a span or a trace by one of the ids
     * below, or one of these two. */
    const char *session_id;
    const char *join_key; /* the key of an object that the library does not know
                           */
    /* The span: by its ids as export gives them (decimal, and 32 hex digits),
     * or by a tag that it has; the other two are NULL. */
    const char *span_id;
    const char *trace_id;
    const char *apm_trace_id; /* the span's, 32 hex digits; NULL: unknown, or
                               * equal to trace_id */
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

/* "categorical", "score", "boolean", "json", "text"; NULL for another number.
 */
const char *llmobs_evaluation_type_name(enum llmobs_evaluation_type type);

/* Says in words why an evaluation may not be submitted; NULL: it may be. */
const char *llmobs_evaluation_wrong(const struct llmobs_evaluation *evaluation);

/* 0: the evaluation may be submitted. */
int llmobs_evaluation_check(const struct llmobs_evaluation *evaluation);

struct llmobs_config;

/* Appends the metric object of an evaluation that check has accepted, without
 * envelope and line end, to `buf`; on error nothing. Keys are sorted, and all
 * is ASCII. */
int llmobs_encode_evaluation(const struct llmobs_evaluation *evaluation,
                             const struct llmobs_config *config,
                             struct llmobs_buf *buf);

#endif
