/* refusals - programs that took none of a run's certificates: a line for each
 * host and kind of TLS (hello.h), with the time, in a file beside the store. A
 * line counts for 30 days.
 *
 * Threads: any. Errors: a file that cannot be read or written is as an empty
 * one.
 */
#ifndef LLMOBS_REFUSALS_H
#define LLMOBS_REFUSALS_H

#include <limits.h>

#include "core/config/config.h"

/* Writes the path of the file. False: it is too long. */
bool llmobs_refusals_path(const struct llmobs_config *config,
                          char path[PATH_MAX]);

/* Calls `each` with those that count; `ns`: when they end, by the wall clock.
 */
typedef void llmobs_refusal_fn(void *user, const char *host, uint64_t kind,
                               int64_t ns);
void llmobs_refusals_read(const char *path, llmobs_refusal_fn *each,
                          void *user);

bool llmobs_refusals_have(const char *path, const char *host, uint64_t kind);
void llmobs_refusals_add(const char *path, const char *host, uint64_t kind);

#endif
