/* roots - the names of the roots of a store's traces.
 *
 * Owns:    the names, until _of is called again.
 * Threads: one.
 * Errors:  none: of a store that cannot be read no root is known.
 * Limits:  memory: some 70 bytes a trace.
 */
#ifndef LLMOBS_QUERY_ROOTS_H
#define LLMOBS_QUERY_ROOTS_H

/* Sets the store, which is read once the first name is asked for. Borrows the
 * path. */
void llmobs_roots_of(const char *store);

/* The name of the root of a trace, of several the oldest; NULL: none is known.
 */
const char *llmobs_roots_name(const char *trace);

#endif
