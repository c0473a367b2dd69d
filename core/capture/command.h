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
 *   llmobs://span/start      SPAN
 *   llmobs://span/annotate   members of the span that was started last
 *   llmobs://span/finish     END: of the span that was started last
 *   llmobs://evaluate        an evaluation or feedback (evaluation_json.h)
 *   llmobs://hook/failed     {}: a hook of LLMOBS_INBOUND has; it is counted
 *
 * SPAN: "kind", "name", "session_id", "ml_app", "model_name",
 * "model_provider"; END: "error" {"type", "message"}; both: the members that
 * llmobs_own_span_annotate_json takes. The headers are those of the request
 * that the thread serves now, and replace any before; "entry", where there is
 * one, is the span around it. Spans that are still open end with the request,
 * or as the next request starts, with the error `unfinished`.
 *
 * KEY is for requests that take turns on a thread, or use several: a whole
 * number from 1 that the process never uses twice. The entry of such a request
 * belongs to its key, and to no thread. The start that brings SPAN begins the
 * entry. A further start, without SPAN, puts its thread back below the entry;
 * the program sends one before each transfer of the request. The finish with
 * the key ends the entry and does nothing else, in any thread: calls after it
 * are below the caller.
 *
 * URLs work only with LLMOBS_COMMANDS, since a program's users may make it
 * ask for any URL; and only with method, type and body, which no URL can bring.
 *
 * Owns:    the number of the entry of PHP's request.
 * Threads: those of the handle; a command is about the calling thread.
 * Errors:  the program sees none; the log has the first of each cause.
 * Limits:  LLMOBS_COMMAND_HEADERS headers; the body as handle.h has it;
 *          LLMOBS_SHARED_ENTRIES keys (below).
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

/* The entry spans of requests that take turns on a thread, or use several: by a
 * key, which the program makes and never uses twice.
 *
 * Owns:    a record for each key, from claim to remove, and the numbers in
 *          them. The spans are own_span's.
 * Threads: any; nothing waits. If a program uses a key in two threads at the
 *          same moment, it may get -EEXIST for it, or a record that stays.
 * Errors:  of claim: -EMFILE beyond the limit; -EEXIST: the key is claimed;
 *          -ENOMEM.
 * Limits:  LLMOBS_SHARED_ENTRIES keys at a time.
 * Fork:    a child has a copy of its parent's records. A key that the child
 *          removes stays claimed in the parent.
 */
#define LLMOBS_SHARED_ENTRIES 4096

/* Claims a key, which is not 0, for a span that is about to start. The thread
 * then calls set with the span's number (span_table.h), or remove if the span
 * did not start. */
int llmobs_shared_entry_claim(uintptr_t key);
void llmobs_shared_entry_set(uintptr_t key, uint64_t number);

/* Returns the number of the key's span; LLMOBS_OWN_SPAN_NONE: the key is
 * claimed, and has no span yet; 0: it is not claimed. */
uint64_t llmobs_shared_entry_find(uintptr_t key);

/* Returns the number as find does, and frees the key: of several threads that
 * remove the key, one gets the number, and the others 0. */
uint64_t llmobs_shared_entry_remove(uintptr_t key);

#endif
