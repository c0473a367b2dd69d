#include "core/event/link_sessions.h"

#include <string.h>

void llmobs_link_sessions_reset(struct llmobs_link_sessions *sessions)
{
    memset(sessions, 0, sizeof(*sessions));
}

/* The session's place; if it has none, the place of the session whose last use
 * is the oldest. */
static size_t place_of_session(const struct llmobs_link_sessions *sessions,
                               struct llmobs_hash128 key)
{
    size_t oldest = 0;

    for (size_t i = 0; i < LLMOBS_LINK_SESSIONS; i++) {
        if (sessions->list[i].used && sessions->list[i].key.hi == key.hi &&
            sessions->list[i].key.lo == key.lo)
            return i;
        if (sessions->list[i].used < sessions->list[oldest].used)
            oldest = i;
    }
    return oldest;
}

void llmobs_link_sessions_tag(struct llmobs_link_sessions *sessions,
                              struct llmobs_hash128 key,
                              struct llmobs_span *span)
{
    const size_t at = place_of_session(sessions, key);
    struct llmobs_json *own = NULL;
    const bool known = sessions->list[at].used &&
                       sessions->list[at].key.hi == key.hi &&
                       sessions->list[at].key.lo == key.lo;
    const size_t len = strlen(span->session_tags);

    /* The span's own tags of the session, as a new array; NULL: no such tags.
     */
    for (size_t i = 0; i < llmobs_json_len(span->extra_tags); i++) {
        struct llmobs_json *tag = llmobs_json_at(span->extra_tags, i);
        const char *text = llmobs_json_text(tag);

        if (!text || strncmp(text, span->session_tags, len) != 0)
            continue;
        if (!own)
            own = llmobs_json_array();
        if (llmobs_json_len(own) < LLMOBS_LINK_SESSION_TAGS)
            (void)llmobs_json_add(own, llmobs_json_string(text));
    }

    if (!own && !known)
        return;
    if (own) {
        llmobs_json_free(sessions->list[at].tags);
        sessions->list[at].tags = own;
        sessions->list[at].key = key;
    } else {
        const struct llmobs_json *tags = sessions->list[at].tags;

        if (!span->extra_tags)
            span->extra_tags = llmobs_json_array();
        for (size_t i = 0; i < llmobs_json_len(tags); i++)
            (void)llmobs_json_add(
                span->extra_tags,
                llmobs_json_string(llmobs_json_text(llmobs_json_at(tags, i))));
    }
    sessions->list[at].used = ++sessions->calls;
}
