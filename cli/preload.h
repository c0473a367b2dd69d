/* preload - our library as an entry of LD_PRELOAD.
 *
 * Owns:    nothing.
 * Threads: one: it reads the environment.
 * Errors:  -ENOMEM.
 * Limits:  none.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_PRELOAD_H
#define LLMOBS_PRELOAD_H

#include <limits.h>
#include <stdbool.h>

#define LLMOBS_PRELOAD_NAME "libllmobs_preload.so"

/* Where the launcher would take it from (scripts/llmobs-run). */
bool llmobs_preload_find(char path[PATH_MAX]);

/* Gives LD_PRELOAD with `library` behind what is there; NULL where it is there
 * already, or `library` is NULL. */
int llmobs_preload_join(const char *library, char **out);

#endif
