/* filter - selects the events that a person wants to see.
 *
 * Owns:    nothing; it borrows the arguments that it was filled from.
 * Threads: any, once filled.
 * Errors:  -EINVAL from the parsers, for usage messages.
 * Limits:  LLMOBS_FILTER_TAGS_MAX tags.
 */
#ifndef LLMOBS_FILTER_H
#define LLMOBS_FILTER_H

#include "core/text/json.h"

#define LLMOBS_FILTER_TAGS_MAX 32

/* An event must meet all members that are not NULL, false or 0. */
struct llmobs_filter {
    const char *service;
    const char *kind;
    const char *ml_app;
    const char *name; /* exact, or a shell pattern */
    const char *session;
    const char *trace; /* the id or its beginning, in either case */
    const char *tags[LLMOBS_FILTER_TAGS_MAX]; /* "key:value" */
    size_t tag_count;
    int64_t since_ns; /* started at this wall time or later */
    bool errors;
};

bool llmobs_filter_match(const struct llmobs_filter *filter,
                         const struct llmobs_json *event);

/* False where a look at the line's bytes shows that no event in it can match;
 * `tree`: that no event of its trace can. It reads no JSON, so that a store is
 * searched as fast as memory; a true answer says nothing. */
bool llmobs_filter_may_match(const struct llmobs_filter *filter,
                             struct llmobs_text line, bool tree);

/* Adds "key:value". -EINVAL: no such form; -E2BIG: too many. */
int llmobs_filter_tag(struct llmobs_filter *filter, const char *tag);

/* Reads "90", "90s", "10m", "2h", "7d" or "1.5h" before `now_ns`. -EINVAL. */
int llmobs_filter_since(struct llmobs_filter *filter, const char *text,
                        int64_t now_ns);

/* True for the seven kinds of spans. */
bool llmobs_filter_kind_known(const char *kind);

/* An event's kind, such as "llm"; NULL when it has none. Reads both forms of
 * the field (WIRE 1.4). */
const char *llmobs_filter_kind(const struct llmobs_json *event);

/* The value of the tag `key`; NULL when there is none. */
const char *llmobs_filter_tag_of(const struct llmobs_json *event,
                                 const char *key);

#endif
