/* filter - selects the events that a person wants to see.
 *
 * Owns:    the compiled pattern of grep, until fini; it borrows the arguments
 *          that it was filled from.
 * Threads: one.
 * Errors:  -EINVAL from the parsers, for usage messages.
 * Limits:  LLMOBS_FILTER_TAGS_MAX tags, LLMOBS_FILTER_BOUNDS_MAX bounds.
 */
#ifndef LLMOBS_QUERY_FILTER_H
#define LLMOBS_QUERY_FILTER_H

#include "cli/query/keys.h"
#include "cli/shared/reader.h"
#include "lib/text/json.h"
#include "lib/text/regex.h"

struct llmobs_cli_option;
struct llmobs_prices;

#define LLMOBS_FILTER_TAGS_MAX 32
#define LLMOBS_FILTER_BOUNDS_MAX 16

/* The text that an argument asks for: this text, or one that matches it as a
 * shell pattern. Upper and lower case are equal. A ! before it asks for every
 * other text, and for events without such a text. */
struct llmobs_filter_name {
    const char *pattern; /* NULL: any text */
    bool is_not;
};

/* A comparison of a number of the span, which a span without it never meets. */
struct llmobs_filter_bound {
    size_t what;  /* cost in USD, tokens of both ways, nanoseconds */
    char sign[3]; /* ">", ">=", "<", "<=" or "=" */
    double than;
};

/* An event must meet all members that are set; all zero: every event does. */
struct llmobs_filter {
    struct llmobs_filter_name keys[LLMOBS_KEY_TAG]; /* those with an option */
    const char *trace; /* the id of the trace, or the id's beginning */
    bool trace_whole;  /* `trace` is a whole id */
    const char *id;    /* the id of the trace or of the span, or a beginning */
    const char *tags[LLMOBS_FILTER_TAGS_MAX]; /* as add_tag takes them */
    size_t tag_count;
    int64_t since_ns; /* started at this wall time or later */
    int64_t until_ns; /* started before this wall time */
    struct llmobs_filter_bound bounds[LLMOBS_FILTER_BOUNDS_MAX];
    size_t bound_count;
    struct llmobs_prices *prices; /* borrowed; of the costs of bounds */
    bool errors;
    struct llmobs_regex *grep; /* found in the name or in what was said */
    struct llmobs_regex_memory grep_memory;
    const char *grep_word; /* borrowed; all that grep finds, in either case;
                            * NULL: grep finds what is no word */
};

void llmobs_filter_fini(struct llmobs_filter *filter);

bool llmobs_filter_match(struct llmobs_filter *filter,
                         const struct llmobs_json *event);

/* True where every event passes: nothing was set. */
bool llmobs_filter_passes_all(const struct llmobs_filter *filter);

/* Sets *pick to the lines whose trace may match; NULL: all may. */
struct llmobs_pick *llmobs_filter_pick(const struct llmobs_filter *filter,
                                       struct llmobs_pick *pick);

/* False where the line's bytes show that the event cannot match; `tree`: that
 * no event of its trace can. Reads no JSON, so that a store is searched as fast
 * as memory; true: the event may match or not. */
bool llmobs_filter_may_match(const struct llmobs_filter *filter,
                             struct llmobs_text line, bool tree);

/* True where the filter selects an evaluation, by tags and the span's ids. */
bool llmobs_filter_match_evaluation(const struct llmobs_filter *filter,
                                    const struct llmobs_json *event);

/* Sets the name at the option's `to`; refuses a kind that no span has. */
int llmobs_filter_option(const struct llmobs_cli_option *option,
                         const char *argument);

/* True where the filter selects a key's value, of a path by its end; NULL: the
 * event has none. */
bool llmobs_filter_key_match(const struct llmobs_filter *filter,
                             enum llmobs_key key, const char *have);

/* Adds "key:value" or "key=value", or with a ! before it a tag that the event
 * must not have. -EINVAL: no such form; -E2BIG: too many. */
int llmobs_filter_add_tag(struct llmobs_filter *filter, const char *tag);

/* Adds a bound such as "cost:>0.01", "tokens:<=1000" or "duration:>=500ms".
 * -EINVAL: no such form; -E2BIG: too many. */
int llmobs_filter_add_bound(struct llmobs_filter *filter, const char *text);

/* Sets the pattern, as of `grep -E`; letters match in either case unless the
 * pattern has a capital. -EINVAL: *why is the reason. */
int llmobs_filter_set_grep(struct llmobs_filter *filter, const char *pattern,
                           const char **why);

#endif
