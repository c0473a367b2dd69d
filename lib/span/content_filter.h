/* content_filter - removes from an event the content that may not leave the
 * process, as LLMOBS_CONTENT and LLMOBS_REDACT say, just before the event is
 * written.
 *
 * Where content is off, the filter drops inputs, outputs, tools and the words
 * of an error, and all metadata except numbers, switches and the core's facts
 * on the transfer. Else, if the user has patterns, it redacts every text that
 * may come from a call. JSON within a text is redacted as JSON. A text that
 * only looks like JSON is replaced as a whole where a match could hide behind
 * its escapes or lie across its pieces.
 *
 * Threads: any; an event belongs to one thread.
 * Errors:  -ENOMEM: the event stays as it was and must not be written.
 * Limits:  a value is replaced where it is deeper than
 *          LLMOBS_CONTENT_FILTER_NEST levels of JSON in texts, or than
 *          LLMOBS_CONTENT_FILTER_DEPTH containers inside one another. Ids,
 *          session, model and the tags that every span has are not content.
 */
#ifndef LLMOBS_CONTENT_FILTER_H
#define LLMOBS_CONTENT_FILTER_H

#include <stdbool.h>

#include "lib/text/json.h"

#define LLMOBS_CONTENT_FILTER_NEST 4
/* No JSON text has more levels (json.h). */
#define LLMOBS_CONTENT_FILTER_DEPTH 256

struct llmobs_redact;

/* LLMOBS_CONTENT. */
enum llmobs_content {
    LLMOBS_CONTENT_FULL,
    LLMOBS_CONTENT_OFF /* only ids, model, tokens, times and status */
};

/* The user's settings about content. */
struct llmobs_privacy {
    int content;                  /* enum llmobs_content */
    struct llmobs_redact *redact; /* LLMOBS_REDACT's patterns; NULL: none */
};

/* True where the settings change or drop any content. */
static inline bool llmobs_privacy_applies(const struct llmobs_privacy *privacy)
{
    return privacy->content != LLMOBS_CONTENT_FULL || privacy->redact;
}

/* `holds`: the program inspects each span before it goes to the disk or to an
 * exporter (processor.h). For any thread, at any time. */
void llmobs_privacy_hold(bool holds);

/* True where the disk must not have a call as it was captured: the settings, or
 * the program itself, may take content out of it. */
bool llmobs_privacy_withholds(const struct llmobs_privacy *privacy);

/* Replaces *event, a span or an evaluation, by its filtered copy. */
int llmobs_content_filter_event(const struct llmobs_privacy *privacy,
                                struct llmobs_json **event);

/* Filters an event that is JSON text: appends the result to `out`. -EINVAL: the
 * text is no JSON object. */
int llmobs_content_filter_json(const struct llmobs_privacy *privacy,
                               struct llmobs_text event,
                               struct llmobs_buf *out);

/* Gives in *out what stays of a member of a span's metadata where content is
 * off; NULL: nothing stays. -ENOMEM. */
int llmobs_content_bare_metadata(const char *key, struct llmobs_json *value,
                                 struct llmobs_json **out);

/* True for a word of a provider or of libcurl; false for a sentence. */
bool llmobs_content_is_code(const char *text);

/* Gives the filtered copy of one text: redacted, or empty where content is off;
 * NULL when memory runs out. */
char *llmobs_content_filter_text(const struct llmobs_privacy *privacy,
                                 const char *text);

#endif
