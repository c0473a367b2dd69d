/* linker - links a call to the earlier calls that it continues. Each span puts
 * records (link_table.h), by which a later span finds it.
 *
 * - Tools: an answer that calls tools puts the ids of these calls; the request
 *   that brings a result gets a link to the answer's span.
 * - Runs: such an answer also puts the names and arguments of the calls; the
 *   span of a tool with both is linked to the answer, within one trace.
 * - Inferred: if the user wants it, the first request that brings a tool's
 *   result makes a span from the end of the answer to the request's beginning.
 *   The span has the result, name and arguments that the request has. If the
 *   request does not repeat the call, name and arguments come from the answer
 *   (linking.h). The span's id is made of the answer's span and the tool's
 *   call. No span is made if the tool has its own: with its name and arguments,
 *   or with its name in that trace.
 * - Turns: an answer puts the hash of all messages up to its own, and its id;
 *   the request that begins with those messages, or names that id, is the next
 *   turn of the conversation. It gets a link, and the tag conversation_id.
 * - Retries: a request that failed puts the hash of its bytes; a later request
 *   with these bytes to the same address is linked to it.
 * - Jobs: a call may begin a job (span.h); the calls that ask for the job are
 *   linked to that call, and the first that finds the job ended counts its
 *   tokens.
 * - Sessions: later calls of a session get tags from an earlier call
 *   (below).
 *
 * It knows no provider: it reads a span's messages, or the messages that a
 * value stands for (span.h), with tool_calls and tool_results and their tool_id
 * (WIRE 1.5); the facts response_id, previous_response_id and conversation_id
 * (WIRE 9.1); and the job. A dialect that sets these need do nothing else.
 *
 * A link must be certain. Two calls are of one caller only where scheme, host,
 * port, credentials and the end user that the request names are equal; else
 * they are two callers' calls, however equal all else is. An id that two spans
 * have leads to neither, unless only one of them is in the trace of the
 * later span. An id of a tool's call that is hardly random ("call_1") leads to
 * no link: servers that count begin anew.
 *
 * Owns:    the table, the sessions and the calls of tools, as long as the
 *          process lives; the file that it opens, until close.
 * Threads: the thread that has the worker's turn.
 * Errors:  none: without memory, or beyond the work that a body may take, a
 *          link is left out.
 * Limits:  LLMOBS_LINKS_MAX links a span, and as many results that are looked
 *          up; LLMOBS_LINK_TURNS answers of a history; the table's own.
 * Fork:    a child begins anew, by reset.
 */
#ifndef LLMOBS_LINKER_H
#define LLMOBS_LINKER_H

#include "lib/base/buf.h"
#include "lib/base/siphash.h"
#include "core/config/config.h"
#include "core/event/link_table.h"
#include "core/event/linking.h"
#include "lib/span/span.h"

#define LLMOBS_LINK_SESSIONS 64
#define LLMOBS_LINK_SESSION_TAGS 8

/* Tags from one call of a session that all later calls of the session also get.
 * A dialect names such tags by how they begin (llmobs_span.session_tags), and
 * the session by the fact mcp_session. The file that processes share has no
 * texts: so the calls of another process lack these tags, and without memory
 * they are left out. A new session replaces the one that was used least
 * lately. */
struct llmobs_link_sessions {
    struct {
        struct llmobs_hash128 key;
        uint64_t used;            /* the number of its last call; 0: free */
        struct llmobs_json *tags; /* an array, owned */
    } list[LLMOBS_LINK_SESSIONS];
    uint64_t calls;
};

struct llmobs_linker {
    struct llmobs_link_table table;
    struct llmobs_link_sessions sessions;
    struct llmobs_link_calls calls;
};

void llmobs_linker_init(struct llmobs_linker *linker);
void llmobs_linker_reset(struct llmobs_linker *linker);

/* Closes the file, which _link and _add_tool leave open for the next span. To
 * be called before a wait. */
void llmobs_linker_close(struct llmobs_linker *linker);

/* Sets the path of the file that the user's processes share; borrows it. NULL:
 * no file is shared. */
void llmobs_linker_set_file(struct llmobs_linker *linker, const char *path);

/* Adds the links of a span that a dialect has filled, and remembers what later
 * calls may continue. To be called before content is left out, as the messages
 * are read. Linked a second time, a span gets the same links. */
void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span);

void llmobs_inferred_fini(struct llmobs_inferred *inferred);

/* Records a tool's span that the program has made: `event` is its text. A span
 * of another kind changes nothing. */
void llmobs_linker_add_tool(struct llmobs_linker *linker,
                            struct llmobs_text event);

#endif
