/* link_sessions - tags from one call of a session that all later calls of the
 * session also get.
 *
 * A dialect names such tags by how they begin (llmobs_span.session_tags), and
 * the session by the fact mcp_session. They are in the memory of the process
 * that makes the spans, since the file that processes share has no texts: so
 * the calls of another process lack these tags.
 *
 * Owns:    the tags, until a new session takes the place of theirs.
 * Threads: the thread that has the worker's turn.
 * Errors:  none: without memory the tags are left out.
 * Limits:  LLMOBS_LINK_SESSIONS sessions: a new session replaces the one that
 *          was used least lately; LLMOBS_LINK_SESSION_TAGS tags of each.
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
        uint64_t used;            /* the number of its last call; 0: free */
        struct llmobs_json *tags; /* array */
    } list[LLMOBS_LINK_SESSIONS];
    uint64_t calls;
};

void llmobs_link_sessions_reset(struct llmobs_link_sessions *sessions);

/* Remembers the span's own tags for its session, which `key` stands for. A span
 * without such tags gets the tags that were remembered. */
void llmobs_link_sessions_tag(struct llmobs_link_sessions *sessions,
                              struct llmobs_hash128 key,
                              struct llmobs_span *span);

#endif
