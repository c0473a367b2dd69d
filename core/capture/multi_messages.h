/* multi_messages - messages of a multi that we read before the app asks for
 * them.
 *
 * libcurl says how a transfer ended in its messages alone, and an app may
 * remove a handle that is done without having read them.
 *
 * Owns:    a list of libcurl's own messages, borrowed as the app would borrow
 *          them: each is valid until its easy handle is removed, and is
 *          forgotten then.
 * Threads: those of the multi (keyed.h).
 * Errors:  without memory no message is read ahead.
 * Limits:  one message per easy handle of the multi.
 */
#ifndef LLMOBS_MULTI_MESSAGES_H
#define LLMOBS_MULTI_MESSAGES_H

#include "include/engine.h"

/* True when the transfer of `curl` in `multi` is done; `code` is its result. */
bool llmobs_multi_messages_result(const struct llmobs_real *real, CURLM *multi,
                                  CURL *curl, CURLcode *code);

/* Reads the messages of a drive that has just returned, and calls `see` with
 * each transfer of a record that is done. */
void llmobs_multi_messages_look(const struct llmobs_real *real, CURLM *multi,
                                void (*see)(CURL *curl, CURLcode code));

/* Does as curl_multi_info_read, but returns first the messages that we have
 * read already. */
CURLMsg *llmobs_multi_messages_read(const struct llmobs_real *real,
                                    CURLM *multi, int *left);

/* `unseen` is not 0 where some calls of libcurl may go unseen (engine.h). Then
 * no message is read ahead, since a call that returns, ends or frees one may be
 * among them; the messages that were read before still reach the app, first.
 * Called once, before all others. */
void llmobs_multi_messages_watch(const uint64_t *unseen);

/* A handle without a record joins a multi. We would not see its end, after
 * which its messages are invalid: from now on no message is read ahead. */
void llmobs_multi_messages_stop(void);

/* Forgets the message of a handle that is freed. */
void llmobs_multi_messages_forget(CURLM *multi, CURL *curl);

/* Another thread may get a multi at the same address as soon as libcurl has
 * freed this one. So the messages are detached from the multi before that
 * (NULL: there are none), and are then forgotten, or attached again where
 * libcurl has refused. */
struct llmobs_messages;
struct llmobs_messages *llmobs_multi_messages_detach(CURLM *multi);
void llmobs_multi_messages_attach(struct llmobs_messages *messages,
                                  CURLM *multi);
void llmobs_multi_messages_forget_all(struct llmobs_messages *messages);

#endif
