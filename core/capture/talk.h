/* talk - a websocket connection over which the program talks to a model, from
 * its first frame to its end: each response becomes an exchange.
 *
 * A connection has many responses, and an exchange is one request with one
 * answer. So a talk keeps from the frames what the next exchange needs (the
 * settings, the input since the last response), begins an exchange where
 * the program asks for a response or the server begins one unasked, gives it
 * the frames of that response, and ends it with the last of them. From there on
 * it is an exchange like any other: in the spool, for the worker, for a
 * dialect. The rules say what a frame is (rules/read/frame.h).
 *
 * Owns:    the kept frames and the exchanges under way, until end or free.
 * Threads: the thread that sends or receives. libcurl wants one at a time for a
 *          handle; where two threads come at once all the same, one sleeps for
 *          LLMOBS_TALK_WAIT_MS at most, and the talk is then heard no more. The
 *          exit handler takes the exchanges under the handle's lock.
 * Errors:  without memory a frame, or an exchange, is lost, and counted.
 * Limits:  LLMOBS_TALK_FRAME bytes of a frame, LLMOBS_TALK_SETTINGS of
 *          settings, LLMOBS_TALK_INPUT of an input, LLMOBS_TALK_TURNS responses
 *          at once; the process's budget (lib/text/budget) for all but the
 *          frame.
 * Fork:    a child that goes on with the connection keeps settings and input,
 *          and drops the exchanges that its parent began, without a count.
 */
#ifndef LLMOBS_TALK_H
#define LLMOBS_TALK_H

#include "core/capture/handle.h"
#include "core/capture/talk_side.h"
#include "core/deliver/worker.h"

#define LLMOBS_TALK_SETTINGS ((size_t)256 * 1024)
#define LLMOBS_TALK_INPUT ((size_t)1024 * 1024)
#define LLMOBS_TALK_TURNS 8
#define LLMOBS_TALK_WAIT_MS 20

/* Runs once, before any handle exists; borrows the worker for ever. */
void llmobs_talk_init(struct llmobs_worker *worker);

/* A transfer begins, or the handle's connection is closed: ends the talk that
 * the handle had. With LLMOBS_END_DONE `code` says why. */
void llmobs_talk_end(struct llmobs_handle *handle, enum llmobs_end end,
                     CURLcode code);

/* A transfer begins: true where it only makes a connection for frames. */
bool llmobs_talk_expect(struct llmobs_handle *handle);

/* The connection is gone: ends the exchanges under way with the code. */
void llmobs_talk_gone(struct llmobs_handle *handle, CURLcode code);

/* At exit: gives the exchanges under way. Any thread. */
void llmobs_talk_abandon(struct llmobs_handle *handle);

/* True where frames of the handle may be a talk's. */
static inline bool llmobs_talk_may(const struct llmobs_handle *handle)
{
    return handle->talking != LLMOBS_TALK_NONE;
}

/* libcurl took `len` of the `given` bytes that the app gave it, or gave the app
 * `len` bytes, of a frame of these flags. `size` and `left` as in curl_ws_send
 * and struct curl_ws_frame. They preserve errno. */
void llmobs_talk_sent(struct llmobs_handle *handle, CURL *curl,
                      struct llmobs_text data, size_t given, curl_off_t size,
                      unsigned flags);
void llmobs_talk_received(struct llmobs_handle *handle, CURL *curl,
                          struct llmobs_text data, curl_off_t left,
                          unsigned flags);

#endif
