/* digest - a number of 128 bits for a request or the call of a tool: equal
 * requests have equal numbers, different requests have different numbers.
 *
 * Threads: any.
 * Errors:  none.
 *
 * Each run has a seed of its own, so that nobody can prepare two texts with one
 * digest. The order of an object's members does not count.
 */
#ifndef LLMOBS_DIGEST_H
#define LLMOBS_DIGEST_H

#include <stdint.h>

#include "lib/text/json.h"

struct llmobs_digest {
    uint64_t a, b;
};

struct llmobs_digest llmobs_digest_seed(void);

/* Digests the messages, documents and tools of a call, the model that it asks
 * for, and its settings. False where the event has no input, or only a part of
 * the input. */
bool llmobs_digest_request(struct llmobs_digest seed,
                           const struct llmobs_json *event,
                           struct llmobs_digest *out);

/* Digests the call of a tool. Arguments that are the text of JSON count as that
 * JSON. */
struct llmobs_digest llmobs_digest_tool(struct llmobs_digest seed,
                                        const char *name,
                                        const struct llmobs_json *arguments);

int llmobs_digest_compare(struct llmobs_digest left,
                          struct llmobs_digest right);

#endif
