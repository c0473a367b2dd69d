/* multi_messages - messages of a multi that we read before the app asked for
 * them.
 *
 * Owns:    a list of libcurl's own messages, borrowed as the app would borrow
 *          them: each stays valid until its easy handle is removed, when it
 *          leaves the list.
 * Threads: as the multi (keyed.h).
 * Errors:  without memory nothing is read ahead.
 * Limits:  one message per easy handle of the multi.
 * Fork:    plain memory.
 *
 * How a transfer ended is known to libcurl's messages alone; an app may remove
 * a handle that is done without having read them.
 */
#ifndef LLMOBS_MULTI_MESSAGES_H
#define LLMOBS_MULTI_MESSAGES_H

#include "core/engine.h"

/* True when the transfer of `curl` in `multi` is done; `code` is its result. */
bool llmobs_multi_messages_result(const struct llmobs_real *real, CURLM *multi,
                                  const CURL *curl, CURLcode *code);

/* As curl_multi_info_read, what was read ahead first. */
CURLMsg *llmobs_multi_messages_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left);

/* A handle without a record joins a multi: its end would go unseen, and its
 * messages with it must not be kept. From now on nothing is read ahead. */
void llmobs_multi_messages_stop(void);

/* The handle, or the multi, is gone, and its messages with it. */
void llmobs_multi_messages_forget(CURLM *multi, const CURL *curl);
void llmobs_multi_messages_forget_all(CURLM *multi);

#endif
