/* php_entry - a workflow span around each request that PHP serves
 * (LLMOBS_ENTRY).
 *
 * The span begins with the request's first transfer, since the library sees
 * nothing of a request before that, and ends with the request. A page that
 * opens its own spans earlier, as with llmobs.php, gets no such span.
 *
 * Owns:    the number of the open span: the process serves one request at a
 *          time.
 * Threads: any; only the one that serves PHP's requests begins and ends spans.
 * Errors:  none; without memory the request has no span.
 */
#ifndef LLMOBS_PHP_ENTRY_H
#define LLMOBS_PHP_ENTRY_H

/* Runs once, before any handle exists. `name`: LLMOBS_ENTRY, or NULL; borrowed
 * for good. */
void llmobs_php_entry_init(const char *name);

/* A handle is about to begin a transfer. */
void llmobs_php_entry_begin(void);

#endif
