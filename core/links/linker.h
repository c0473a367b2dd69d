/* linker - links a call to earlier ones that it goes on from.
 *
 * An answer that calls tools leaves the ids of these calls; the request that
 * brings a result gets a link to the answer's span. It knows no provider: it
 * reads the messages as the dialects have filled them in, tool_calls and
 * tool_results with their tool_id (WIRE 1.5).
 *
 * A link must be certain. Two calls are of one caller only where scheme, host,
 * port, credentials and the end user that the request names are equal; else
 * they are of two, however equal their ids are. An id that two answers have had
 * links to neither. An id without much chance in it ("call_1") links to none:
 * servers that count begin anew.
 *
 * Owns:    the table, from init to fini.
 * Threads: the one that has the worker's turn.
 * Errors:  none: without memory, or beyond the work that a body may take, a
 *          link is left out.
 * Limits:  LLMOBS_LINKS_MAX links a span, and as many results that are looked
 *          up; the table's own.
 * Fork:    a child begins anew, by reset.
 */
#ifndef LLMOBS_LINKER_H
#define LLMOBS_LINKER_H

#include "core/base/buf.h"
#include "core/links/link_table.h"
#include "core/span/span.h"

#define LLMOBS_LINKS_MAX 32

struct llmobs_linker {
    struct llmobs_link_table table;
};

/* What the linker must know of a call beside its span; all borrowed. */
struct llmobs_linker_call {
    const char *url;
    uint64_t account;           /* stands for its credentials (account.h) */
    struct llmobs_text request; /* its body as sent; empty: not all of it */
};

void llmobs_linker_init(struct llmobs_linker *linker);
void llmobs_linker_fini(struct llmobs_linker *linker);
void llmobs_linker_reset(struct llmobs_linker *linker);

/* Adds the links of a span that a dialect has filled, and remembers what later
 * ones may go on from. Before content is left out: the messages are read. */
void llmobs_linker_link(struct llmobs_linker *linker,
                        const struct llmobs_linker_call *call,
                        struct llmobs_span *span);

/* True where an id of a tool's call has so much chance in it that no server
 * gives it twice. */
bool llmobs_linker_is_unique(const char *id);

#endif
