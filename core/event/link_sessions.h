/* link_sessions - what one call of a session says for all of it: tags that the
 * later calls of the session get, too.
 *
 * A dialect names such tags by how they begin (llmobs_span.session_tags), and
 * the session by the fact mcp_session. They are kept in the memory of the
 * process that makes the spans, as they are texts, and the file that processes
 * share has none: so the calls of another process lack them.
 *
 * Owns:    the tags, from the first call that has some to fini.
 * Threads: the one that has the worker's turn.
 * Errors:  none: without memory the tags are left out.
 * Limits:  LLMOBS_LINK_SESSIONS sessions: a new one replaces that which no call
 *          was made in for longest; LLMOBS_LINK_SESSION_TAGS tags of each.
 * Fork:    a child forgets them, by reset, and frees nothing.
 */
#ifndef LLMOBS_LINK_SESSIONS_H
#define LLMOBS_LINK_SESSIONS_H

#include "lib/base/siphash.h"
#include "lib/span/span.h"

#define LLMOBS_LINK_SESSIONS 64
#define LLMOBS_LINK_SESSION_TAGS 8

struct llmobs_link_sessions {
    struct {
        struct llmobs_hash128 key;
        uint64_t used;            /* when, in calls; 0: never */
        struct llmobs_json *tags; /* array */
    } list[LLMOBS_LINK_SESSIONS];
    uint64_t calls;
};

void llmobs_link_sessions_fini(struct llmobs_link_sessions *sessions);
void llmobs_link_sessions_reset(struct llmobs_link_sessions *sessions);

/* Remembers the span's own tags of its session, which `key` stands for; a span
 * that has none gets those that were remembered. */
void llmobs_link_sessions_tag(struct llmobs_link_sessions *sessions,
                              struct llmobs_hash128 key,
                              struct llmobs_span *span);

#endif
