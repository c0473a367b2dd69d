/* content - what of an event may leave the process: LLMOBS_CONTENT and
 * LLMOBS_REDACT, in one place, on the event as it is about to be written.
 *
 * Off: inputs, outputs, tools and the words of an error go, and of the metadata
 * all but numbers, switches and what the core says of the transfer. Else, where
 * there are patterns, every text that may come from a call is redacted: JSON
 * within a text as JSON, and a text that only looks like JSON, in which a match
 * could hide behind its escapes or be split over its pieces, as a whole.
 *
 * Threads: any; an event is one thread's.
 * Errors:  -ENOMEM: the event stays as it was and must not be written.
 * Limits:  JSON within a text to LLMOBS_CONTENT_NEST levels, all of it to
 *          LLMOBS_CONTENT_DEPTH containers inside one another: deeper it is
 *          replaced. Ids, session, model and the tags that every span has are
 *          no content.
 */
#ifndef LLMOBS_CONTENT_H
#define LLMOBS_CONTENT_H

#include "core/text/json.h"

#define LLMOBS_CONTENT_NEST 4
/* More than one text may have (json.h). */
#define LLMOBS_CONTENT_DEPTH 256

struct llmobs_redact;

/* LLMOBS_CONTENT. */
enum llmobs_content {
    LLMOBS_CONTENT_FULL,
    LLMOBS_CONTENT_OFF /* ids, model, tokens, times and status alone */
};

/* The user's settings about content. */
struct llmobs_privacy {
    int content;                  /* enum llmobs_content */
    struct llmobs_redact *redact; /* LLMOBS_REDACT's patterns; NULL: none */
};

/* True where a body may not leave the process as it came. */
static inline bool llmobs_privacy_applies(const struct llmobs_privacy *privacy)
{
    return privacy->content != LLMOBS_CONTENT_FULL || privacy->redact;
}

/* Replaces *event, a span or an evaluation, by what may be written of it. */
int llmobs_content_apply(const struct llmobs_privacy *privacy,
                         struct llmobs_json **event);

/* The same for an event that is text already: appends to `out`. -EINVAL: it is
 * no JSON object. */
int llmobs_content_apply_text(const struct llmobs_privacy *privacy,
                              struct llmobs_text event, struct llmobs_buf *out);

/* Gives a text as it may be written, NULL without memory: redacted, or nothing
 * of it where content is off. */
char *llmobs_content_text(const struct llmobs_privacy *privacy,
                          const char *text);

#endif
