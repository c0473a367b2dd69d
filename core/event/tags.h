/* tags - the tags of an event: the configured tags, then every event's tags,
 * then the span's own tags. Of several with one key the last counts; only "tag"
 * stands for each of its values (rules/read/request_tags.h).
 *
 * Threads: any. Errors: NULL when memory runs out. Source: WIRE 1.8, 2.7.
 */
#ifndef LLMOBS_TAGS_H
#define LLMOBS_TAGS_H

#include "core/config/config.h"
#include "lib/span/span.h"

struct llmobs_evaluation_tag {
    const char *key;
    const char *value;
};

/* Gives an array of "key:value", sorted. */
struct llmobs_json *llmobs_tags_make(const struct llmobs_span *span,
                                     const struct llmobs_config *config);

/* The mode of a call of this process, for its entry. */
enum llmobs_request_tags llmobs_tags_mode(const struct llmobs_config *config);

/* Turns span->said into the span's session, if it has none, and into tags of
 * its own, where neither the span nor the configuration has a tag of that name.
 * `mode` is that of the process that made the call; a stricter one of `config`
 * counts. What that process would hash by a key is left out without one.
 * Without memory tags are left out. */
void llmobs_tags_add_requested(struct llmobs_span *span,
                               enum llmobs_request_tags mode,
                               const struct llmobs_config *config);

/* Gives the tags of an evaluation: first every event's, then its own, in
 * order. */
struct llmobs_json *llmobs_tags_of_evaluation(
    const struct llmobs_evaluation_tag *list, size_t count, const char *ml_app);

#endif
