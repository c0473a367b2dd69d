/* php_entry - a workflow span around each request that PHP serves
 * (LLMOBS_ENTRY).
 *
 * It begins with the request's first transfer, since nothing of a request
 * before that passes the library, and ends with the request. A page that opens
 * spans of its own before that, as with llmobs.php, has none of these.
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
