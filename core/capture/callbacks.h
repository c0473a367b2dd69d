/* callbacks - our callbacks around the app's own, and how they get in and out.
 *
 * Owns:    a handle's readers[] while its read callback is in.
 * Threads: the thread that drives the handle.
 * Errors:  a callback that records nothing still calls the app's, and answers
 *          as the app's does.
 */
#ifndef LLMOBS_CALLBACKS_H
#define LLMOBS_CALLBACKS_H

#include "core/capture/handle.h"

/* Puts our callbacks around the app's. Where the header list decides whether
 * this is a call, only those go in that libcurl needs before it reads that
 * list. False: some did not go in, and the caller undoes the rest by swap_out.
 */
bool llmobs_callbacks_swap_in(struct llmobs_handle *handle, CURL *curl);

/* libcurl is about to make the request: reads it (outgoing.h), and puts the
 * other callbacks in where the header list has just shown a call. */
void llmobs_callbacks_read_request(struct llmobs_handle *handle, CURL *curl);

/* Puts the app's settings back; does nothing when they are back already. */
void llmobs_callbacks_swap_out(struct llmobs_handle *handle, CURL *curl);

/* Sets the app's settings of `handle` at `curl`: the handle itself, or its
 * duplicate. */
void llmobs_callbacks_restore(const struct llmobs_handle *handle, CURL *curl);

/* Does as swap_out, for a call that the app left by siglongjmp before libcurl
 * began it. The next _begin or _add (capture.h) ends the call. */
void llmobs_callbacks_drop_stale(struct llmobs_handle *handle, CURL *curl);

/* True when libcurl must not get the option now: it has the value of the
 * library, and gets the app's after the transfer. */
bool llmobs_callbacks_own(const struct llmobs_handle *handle,
                          const struct llmobs_setting *setting);

/* The app has set an option of the body (settings.h) during a transfer. Puts
 * our read callbacks in if libcurl now reads the body from a callback or a
 * file, else the app's back. */
void llmobs_callbacks_follow_reads(struct llmobs_handle *handle, CURL *curl);

#endif
