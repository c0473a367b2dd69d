/* linker - links a call to earlier ones that it goes on from.
 *
 * - Tools: an answer that calls tools leaves the ids of these calls; the
 * request that brings a result gets a link to the answer's span.
 * - Runs: such an answer leaves the names and arguments of the calls, too; the
 *   span of a tool with both is linked to it, within one trace.
 * - Inferred: where it is asked for, the first request that brings a tool's
 *   result gives a span from the end of the answer to its own begin. It has the
 *   result, the name and the arguments that this request has (of a call that it
 *   does not repeat, those of the answer: link_calls.h), and an id made of
 *   the answer's span and the tool's call. No span is made of a tool that has
 *   one: of that name with those arguments, or within that trace.
 * - Turns: an answer leaves the hash of all messages up to its own, and its id;
 *   the request that begins with those messages, or names that id, is the next
 *   turn of the conversation. It gets a link, and the tag conversation_id.
 * - Retries: a request that failed leaves the hash of its bytes; the same bytes
 *   to the same address again are linked to it.
 * - Jobs: a call may begin what goes on behind it (span.h); the calls that ask
 *   for it are linked to that call, and the first of them that finds it at its
 *   end counts its tokens.
 * - Sessions: what one call says for all of its session, a later one gets as
 *   tags (link_sessions.h).
 *
 * It knows no provider: it reads the messages as the dialects have filled them
 * in, or those that stand behind values (span.h), with tool_calls and
 * tool_results with their tool_id (WIRE 1.5), of the facts response_id,
 * previous_response_id and conversation_id (WIRE 9.1), and the job of a span. A
 * dialect that sets these need do nothing else.
 *
 * A link must be certain. Two calls are of one caller only where scheme, host,
 * port, credentials and the end user that the request names are equal; else
 * they are of two, however equal all else is. An id that two spans have left
 * leads to neither, unless one of them alone is in the trace of the later span.
 * An id of a tool's call without much chance in it ("call_1") links to none:
 * servers that count begin anew.
 *
 * Owns:    the table and the sessions, from init to fini.
 * Threads: the one that has the worker's turn.
 * Errors:  none: without memory, or beyond the work that a body may take, a
 *          link is left out.
 * Limits:  LLMOBS_LINKS_MAX links a span, and as many results that are looked
 *          up; LLMOBS_LINK_TURNS answers of a history; the table's own.
 * Fork:    a child begins anew, by reset.
 */
#ifndef LLMOBS_LINKER_H
#define LLMOBS_LINKER_H

#include "lib/base/buf.h"
#include "core/config/config.h"
#include "core/event/link_calls.h"
#include "core/event/link_sessions.h"
#include "core/event/link_table.h"
#include "core/event/linking.h"
#include "lib/span/span.h"

struct llmobs_linker {
    struct llmobs_link_table table;
    struct llmobs_link_sessions sessions;
    struct llmobs_link_calls calls;
};

void llmobs_linker_init(struct llmobs_linker *linker);
void llmobs_linker_fini(struct llmobs_linker *linker);
void llmobs_linker_reset(struct llmobs_linker *linker);

/* Sets the path of the file that the user's processes share; borrows it. NULL:
 * there is none. */
void llmobs_linker_share(struct llmobs_linker *linker, const char *path);

/* Adds the links of a span that a dialect has filled, and remembers what later
 * ones may go on from. Before content is left out: the messages are read. A
 * span that is linked a second time gets the same links. */
void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span);

void llmobs_inferred_fini(struct llmobs_inferred *inferred);

/* Notes that a tool has a span that the program has made: `event` is its text.
 * One of another kind is passed over. */
void llmobs_linker_note(struct llmobs_linker *linker, struct llmobs_text event);

#endif
