/* usage - token counts and costs of OpenAI-shaped answers.
 *
 * docs/RULES.md says what else a new metric needs.
 *
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  counts are integers from 0 to 2^53; others are left out, not set to
 *          0.
 */
#ifndef LLMOBS_USAGE_H
#define LLMOBS_USAGE_H

#include "lib/span/span.h"

/* The counts of an answer; -1: unknown. */
struct llmobs_counts {
    int64_t input; /* cached tokens included */
    int64_t output;
    int64_t total;
    int64_t cache_read;
    int64_t cache_write;
    int64_t cache_hour;  /* the parts of cache_write, by the time that the */
    int64_t cache_brief; /* cache holds: an hour, five minutes */
    int64_t reasoning;
};

#define LLMOBS_NO_COUNTS               \
    {                                  \
        -1, -1, -1, -1, -1, -1, -1, -1 \
    }

/* Sets the metrics of these counts in the object; an unknown one sets nothing.
 */
void llmobs_usage_put(const struct llmobs_counts *counts,
                      struct llmobs_json *metrics);

/* The usage object of a whole answer or of a chunk of a stream; each provider
 * has its own place for it (WIRE 6.12). Borrows; NULL: no usage. */
const struct llmobs_json *llmobs_usage_find(const struct llmobs_json *body);

/* The count under a key; -1: no such count (WIRE 8.4). */
int64_t llmobs_usage_count(const struct llmobs_json *object, const char *key);

/* The value as a count: a whole number, or its digits as text; -1: no count. */
int64_t llmobs_usage_value(const struct llmobs_json *value);

/* The count in a text, which may be NULL. */
int64_t llmobs_usage_text(const char *text);

/* Adds a count to a sum; -1: none of either. A sum beyond all counts stays
 * beyond them: no span takes it. */
int64_t llmobs_usage_add(int64_t sum, int64_t count);

/* Adds the counts under `keys` to those of *sum, an object, which is made where
 * it is NULL; a `usage` that is no object adds nothing. */
int llmobs_usage_sum(struct llmobs_json **sum, const struct llmobs_json *usage,
                     const char *keys);

/* Puts the counts of a later event in the place of those before, both of the
 * whole answer so far. A count that is absent there, or has become 0, stays, as
 * some servers write 0 where an event has no count. A `usage` that is no object
 * changes nothing. _later: gives the value that counts of two. */
int llmobs_usage_replace(struct llmobs_json **held,
                         const struct llmobs_json *usage);
struct llmobs_json *llmobs_usage_later(const struct llmobs_json *before,
                                       const struct llmobs_json *now);

/* Sets the metrics of texts, pictures, sounds, films and documents, where above
 * 0: of objects with `audio_tokens` and the like, or of Google's lists. */
void llmobs_usage_kinds(const struct llmobs_json *usage,
                        struct llmobs_span *span);

/* Sets the metrics from an OpenAI-shaped usage object (WIRE 6.6, 6.11); a NULL
 * `usage` sets nothing. */
int llmobs_usage_read(const struct llmobs_json *usage,
                      struct llmobs_span *span);

/* Sets the costs that a usage object of any form tells in dollars (WIRE 6.6),
 * and the calls of the server's tools; llmobs_usage_read does so, too. */
int llmobs_usage_costs(const struct llmobs_json *usage,
                       struct llmobs_span *span);

/* The price that a number, or a number's text, is; NaN: it is neither. */
double llmobs_usage_price(const struct llmobs_json *value);

/* Sets a cost in dollars; NaN sets nothing. */
int llmobs_usage_cost(struct llmobs_span *span, const char *key, double cost);

/* Sets how often a tool of the server ran, where above 0: "web_search",
 * "web_search_calls" and "web_search_requests" set web_search_requests. */
void llmobs_usage_piece(struct llmobs_span *span, const char *name,
                        int64_t count);

/* Sets what the tools of a server took, each an object of its own (`tool_usage`
 * of Responses): how often they ran, and as NAME_input_tokens and
 * NAME_output_tokens what models behind them read and wrote, which the usage of
 * the answer leaves out; where above 0. */
void llmobs_usage_tools(const struct llmobs_json *tools,
                        struct llmobs_span *span);

/* Sets the metrics of the units beside tokens that an object of the answer says
 * are billed, where above 0. Returns 0 or -ENOMEM. */
int llmobs_usage_units(const struct llmobs_json *told,
                       struct llmobs_span *span);

/* Sets a metric in seconds from a time in another unit; a second has
 * `per_second` of them. A value that is no number above 0 sets nothing. */
int llmobs_usage_seconds(struct llmobs_span *span, const char *key,
                         const struct llmobs_json *value, double per_second);

/* Sets how many seconds the sound of a call lasts; a value that is no number
 * from 0 on sets nothing. */
int llmobs_usage_sound(struct llmobs_span *span,
                       const struct llmobs_json *seconds);

#endif
