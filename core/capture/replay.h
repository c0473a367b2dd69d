/* replay - leads calls to models to the mock of a cassette, in programs whose
 * base URL cannot be set (llmobs-run --replay, LLMOBS_REPLAY).
 *
 * For the time of a transfer, libcurl gets the mock's URL with the path and the
 * query of the program's, and no setting of the program's that would lead
 * elsewhere: no proxy, no socket or address of another server, no limit to
 * other protocols. After the transfer it gets the program's settings again. The
 * program sees the mock's URL and address in curl_easy_getinfo alone.
 *
 * Owns:    copies of the texts that the program has set, with the handle.
 * Threads: init before any handle exists; the others in the thread that drives
 *          the handle.
 * Errors:  none: without memory the call goes where the program sends it.
 */
#ifndef LLMOBS_REPLAY_H
#define LLMOBS_REPLAY_H

#include "core/capture/settings.h"

struct llmobs_replay;

/* Borrows the mock's base URL for good; NULL: no call goes to a mock. */
void llmobs_replay_init(const char *base);

/* Saves a setting of the program, once libcurl has accepted it. Makes the
 * record if there is none. */
void llmobs_replay_set(struct llmobs_replay **replay, CURLoption option,
                       const void *arg);

/* Copies the settings for a twin. False: without memory. */
bool llmobs_replay_copy(struct llmobs_replay **to,
                        const struct llmobs_replay *from);

/* Forgets the settings. */
void llmobs_replay_forget(struct llmobs_replay **replay);

/* Sets the mock's settings at libcurl, for a transfer whose callbacks are in.
 */
void llmobs_replay_lead(struct llmobs_replay **replay,
                        const struct llmobs_settings *app,
                        const struct llmobs_real *real, CURL *curl,
                        const char *url);

/* Sets the program's settings at libcurl again, where the mock's are set. */
void llmobs_replay_restore(const struct llmobs_replay *replay,
                           const struct llmobs_settings *app,
                           const struct llmobs_real *real, CURL *curl);

/* libcurl has the program's settings again. */
void llmobs_replay_end(struct llmobs_replay *replay);

/* True for an option that has the mock's value now: libcurl gets the program's
 * after the transfer. */
bool llmobs_replay_owns(const struct llmobs_replay *replay, CURLoption option);

#endif
