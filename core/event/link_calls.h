/* link_calls - the calls of tools that answers have made: names and arguments,
 * for a request that brings a result without the call, since the server has
 * the history (OpenAI's previous_response_id).
 *
 * They are content, so only the memory of the process that makes the spans has
 * them, and only where it infers spans of tools.
 *
 * Owns:    the calls, each until a new call takes its place.
 * Threads: the thread that has the worker's turn.
 * Errors:  none: without memory a call is not remembered.
 * Limits:  LLMOBS_LINK_CALLS calls: a new call replaces the oldest. A call
 *          whose arguments are longer than LLMOBS_LINK_CALL_MAX is not copied.
 * Fork:    a child forgets them, by reset, and frees nothing.
 */
#ifndef LLMOBS_LINK_CALLS_H
#define LLMOBS_LINK_CALLS_H

#include "lib/base/siphash.h"
#include "lib/text/json.h"

#define LLMOBS_LINK_CALLS 64
#define LLMOBS_LINK_CALL_MAX ((size_t)64 * 1024)

struct llmobs_link_calls {
    struct {
        struct llmobs_hash128 key;
        struct llmobs_json *call; /* NULL: the place is free */
    } list[LLMOBS_LINK_CALLS];
    size_t next;
};

void llmobs_link_calls_reset(struct llmobs_link_calls *calls);

/* Copies the call, {"name", "arguments"}. */
void llmobs_link_calls_put(struct llmobs_link_calls *calls,
                           struct llmobs_hash128 key,
                           const struct llmobs_json *call);

/* Borrowed until the next put; NULL: an unknown call. */
const struct llmobs_json *llmobs_link_calls_get(
    const struct llmobs_link_calls *calls, struct llmobs_hash128 key);

#endif
