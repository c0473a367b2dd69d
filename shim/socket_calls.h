/* socket_calls - the calls of libc by which a program without libcurl sends and
 * receives by plain HTTP (LLMOBS_SOCKETS), and what the core learns of them.
 *
 * A connection is followed from a connect that was seen, if the first bytes
 * that it sends begin a request of HTTP/1.1, or HTTP/2. The slots are patched
 * in two steps, so that a program which needs none keeps its own: connect as
 * the objects are seen; all that sends, receives and ends a number at the first
 * connection. A thread may wait for the answer before the request is sent, so
 * to patch what receives at the first request would miss its first piece.
 *
 * A program that is observed only since a listed gateway has http:// is let go
 * when it listens: no connection that begins then is followed.
 *
 * Threads: any, also two at once on one connection.
 * Errors:  those of the real functions, with their errno. A connection that
 *          cannot be followed is not observed.
 * Fork:    that of fds.h.
 */
#ifndef LLMOBS_SOCKET_CALLS_H
#define LLMOBS_SOCKET_CALLS_H

#include "shim/libc_calls.h"

/* The function for the patched slots of a call of LLMOBS_LIBC_SOCKET_CALLS;
 * NULL for LLMOBS_LIBC_COUNT. */
void *llmobs_socket_calls_function(enum llmobs_libc_call call);

#endif
