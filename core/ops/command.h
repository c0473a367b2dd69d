/* command - what a script says of its request and its spans, in the one way to
 * us that every language with libcurl has: a request to an `llmobs:` URL.
 *
 * POST, `Content-Type: application/vnd.llmobs`, a JSON object as body. What it
 * says is done as the transfer is to begin, before libcurl is asked, which then
 * fails as it does without us: CURLE_UNSUPPORTED_PROTOCOL, without any I/O.
 *
 *   llmobs://request/start   {"headers": {NAME: VALUE}, "entry": SPAN}
 *   llmobs://request/finish  {"entry": END}
 *   llmobs://span/start      SPAN
 *   llmobs://span/finish     END: of the span that was started last
 *
 * SPAN: "kind", "name", "session_id", "ml_app", "model_name",
 * "model_provider"; END: "error" {"type", "message"}; both: what
 * llmobs_own_span_annotate_json takes. The headers are those of the request
 * that the thread serves now, in place of any before; "entry", where there is
 * one, is the span around it. What a request leaves open ends with it, or as
 * the next one starts, with the error `unfinished`.
 *
 * Only with LLMOBS_COMMANDS: a program may be asked for URLs by its users. Nor
 * can a URL alone bring method, type and body.
 *
 * Owns:    nothing.
 * Threads: those of the handle; a command is about the calling thread.
 * Errors:  the program's never; each is in the log, the first of its cause.
 * Limits:  LLMOBS_COMMAND_HEADERS headers; the body as handle.h keeps it.
 * Fork:    see own_span.h.
 */
#ifndef LLMOBS_COMMAND_H
#define LLMOBS_COMMAND_H

#include "core/capture/handle.h"

#define LLMOBS_COMMAND_HEADERS 32
#define LLMOBS_COMMAND_TYPE "application/vnd.llmobs"

/* Once, before any handle exists. `on`: LLMOBS_COMMANDS. */
void llmobs_command_init(bool on);

/* Does what a handle that is about to begin says, if it is a command. */
void llmobs_command_run(const struct llmobs_handle *handle);

#endif
