/* limits - the greatest size of each value of an event, and the greatest number
 * of those that come in lists: so that no value makes an event too big to be
 * sent, whoever chose it. docs/SPANS.md has the table for users.
 *
 * A text beyond its limit is cut at a character, and ends with "…"; a member,
 * an element or a container beyond its limit is left out. A value that is cut
 * was redacted before, as a half of a secret would not be found.
 *
 * Threads: any.
 * Errors:  -ENOMEM: the event stays as it was.
 */
#ifndef LLMOBS_LIMITS_H
#define LLMOBS_LIMITS_H

#include "lib/text/json.h"

/* Tags that a span has beside those of the configuration and of every span. */
#define LLMOBS_LIMIT_TAGS 512

/* Replaces *event, which shares values with its span, by one within the limits,
 * unless it is so. `bare`: its texts are cut as short as a reader can bear, for
 * an event that is still too big without content and metadata. */
int llmobs_limits_apply(struct llmobs_json **event, bool bare);

/* Counts the bytes of keys and texts in a value, and one for each of them, up
 * to a little beyond `max`. Values that lie deeper than an event has them are
 * not counted whole, for this runs on the app's thread as well. */
size_t llmobs_limits_weight(const struct llmobs_json *json, size_t max);

#endif
