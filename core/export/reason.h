/* reason - what an answer of a destination that accepts nothing means, and what
 * to do about it: the words of the log and of every command.
 *
 * Threads: any.
 */
#ifndef LLMOBS_REASON_H
#define LLMOBS_REASON_H

/* By the exporter's name; `status`: of HTTP, or 0; `error`: -errno where there
 * is no answer; `code`: libcurl's, for that. */
const char *llmobs_reason(const char *exporter, int status, int error,
                          int code);

#endif
