/* limits - the greatest size of each value of an event, and the greatest number
 * of values in a list: so that no value of an app or a provider makes an event
 * too big to be sent. docs/SPANS.md has the table for users.
 *
 * A text beyond its limit is cut at a character, and ends with "…"; a member,
 * an element or a container beyond its limit is left out. A value is redacted
 * before it is cut, because half of a secret would not be found.
 *
 * Threads: any.
 * Errors:  -ENOMEM: the event stays as it was.
 */
#ifndef LLMOBS_LIMITS_H
#define LLMOBS_LIMITS_H

#include "lib/text/json.h"

/* For a span's own tags, without the configuration's and every span's. */
#define LLMOBS_LIMIT_TAGS 512

/* Replaces *event, which shares values with its span, by an event within the
 * limits, unless it is within them. `bare`: cuts its texts as short as a reader
 * can bear, as it is too big even without content and metadata. */
int llmobs_limits_apply(struct llmobs_json **event, bool bare);

/* Counts the bytes of keys and texts in a value, plus 1 for each key and text,
 * up to a little beyond `max`. Values that lie deeper than in an event are not
 * counted whole, as this also runs on the app's thread. */
size_t llmobs_limits_weight(const struct llmobs_json *json, size_t max);

#endif
