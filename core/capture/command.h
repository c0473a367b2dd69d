/* command - a script's statements about its request and its spans. The script
 * calls llmobs_command, or dlsym with the command as a name (shim/exports.c),
 * or sends a request to an `llmobs:` URL, which every language with libcurl
 * can.
 *
 * The request is a POST with `Content-Type: application/vnd.llmobs` and a JSON
 * object as body. The core does the command before it calls libcurl, which then
 * fails as it does without us: CURLE_UNSUPPORTED_PROTOCOL, without any I/O.
 *
 *   llmobs://request/start   {"headers": {NAME: VALUE}, "entry": SPAN,
 *                             "request": KEY}
 *   llmobs://request/finish  {"entry": END, "request": KEY}
 *   llmobs://request/forget  {"request": KEY}
 *   llmobs://span/start      SPAN
 *   llmobs://span/annotate   members of the span that was started last
 *   llmobs://span/finish     END: of the span that was started last
 *   llmobs://evaluate        an evaluation or feedback (evaluation_json.h)
 *   llmobs://hook/failed     {"name": CAUSE}: a hook of LLMOBS_INBOUND has; it
 *                            is counted, and the cause logged
 *
 * SPAN: "kind", "name", "session_id", "ml_app", "model_name",
 * "model_provider"; END: "error" {"type", "message"}; both: the members that
 * llmobs_own_span_annotate_json takes. The headers are those of the request
 * that the thread serves now, and replace any before; several of one name are
 * an array; ":remote-addr", ":method" and ":path" are the caller's address and
 * the page. "entry", where there is one, is the span around the request. Spans
 * that are still open end with the request, or as the next request starts, with
 * the error `unfinished`.
 *
 * KEY is for requests that take turns on a thread, or use several (served.h): a
 * whole number from 1 that the process never uses twice. Such a request belongs
 * to no thread. Its start keeps its caller and begins its entry, its finish
 * ends the entry, and calls after that are below the caller; forget ends all. A
 * thread says whose its next calls and spans are by these, which are no URLs:
 *
 *   serve KEY STREAM:KEY...  KEY 0: nobody's. Each head by HTTP/1.1 that the
 *                            thread's next writes contain, transfers of libcurl
 *                            that it begins and spans that it starts; by HTTP/2
 *                            the heads of these streams, no others
 *   stream N STREAM KEY      the head of that stream of connection N, which
 *                            this thread will write; the last LLMOBS_TOLD_MAX
 *                            streams that were told count. STREAM 0: the next
 *                            head by HTTP/1.1
 *   connection N             said within SSL_read or SSL_write: a number, from
 *                            1 and never used twice, of that TLS connection
 *
 * URLs work only with LLMOBS_COMMANDS, since a program's users may make it
 * ask for any URL; and only with method, type and body, which no URL can bring.
 *
 * Owns:    the number of the entry of PHP's request.
 * Threads: those of the handle; a command is about the calling thread.
 * Errors:  the program sees none; the log has the first of each cause.
 * Limits:  LLMOBS_COMMAND_HEADERS headers; the body as handle.h has it;
 *          keys as served.h has them.
 */
#ifndef LLMOBS_COMMAND_H
#define LLMOBS_COMMAND_H

#include <stdint.h>

#include "core/capture/handle.h"

#define LLMOBS_COMMAND_HEADERS 32
#define LLMOBS_COMMAND_TYPE "application/vnd.llmobs"

/* Runs once, before any handle exists. `by_url`: LLMOBS_COMMANDS is set.
 * `entry`: LLMOBS_ENTRY, or NULL; borrowed for good. */
void llmobs_command_init(bool by_url, const char *entry);

/* Does the command "NAME JSON". The answer of a span/start that started a span
 * is the span's variables, valid until its finish; else "".
 * Preserves errno. */
const char *llmobs_command_say(const char *text);

/* The handle is about to begin a transfer: does the command that it sends, and
 * begins the entry as llmobs_command_enter. Preserves errno. */
void llmobs_command_transfer(const struct llmobs_handle *handle);

/* Begins the entry of the request that PHP serves (LLMOBS_ENTRY), if it has
 * none: the thread sends a request, by libcurl or without. `since_mono_ns`:
 * when it began to; 0: now. Preserves errno. */
void llmobs_command_enter(int64_t since_mono_ns);

#endif
