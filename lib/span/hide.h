/* hide - writes stars over a credential.
 *
 * Threads: any; the text belongs to one thread.
 * Errors:  none.
 */
#ifndef LLMOBS_HIDE_H
#define LLMOBS_HIDE_H

#include <stddef.h>

/* Masks a value in place; where it has twelve characters or more, the last four
 * stay. A note of redact.h stays whole. */
void llmobs_hide_secret(char *value, size_t len);

#endif
