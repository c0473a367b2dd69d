/* events - the events of a streamed answer, in any of the four framings.
 *
 * Owns:    the current event's document, until the next event or fini.
 * Threads: one thread at a time.
 * Errors:  -ENOMEM; an event that is no JSON is given without a document.
 * Limits:  those of lib/text/json.h for each event; time is linear in the text.
 *
 * A text that is `whole` begins at the answer's first byte. Any other text, the
 * end of an answer that was too long, begins anywhere: the bytes before its
 * first whole event are passed over, and its events have no times.
 *
 * The core has masked the text's secrets; a document in base64 is masked here
 * (secrets.h).
 */
#ifndef LLMOBS_EVENTS_H
#define LLMOBS_EVENTS_H

#include "lib/text/eventstream.h"
#include "lib/text/json_series.h"
#include "lib/text/sse.h"

enum llmobs_framing {
    LLMOBS_FRAMING_SSE,   /* text/event-stream */
    LLMOBS_FRAMING_LINES, /* a JSON document in each line */
    LLMOBS_FRAMING_ARRAY, /* the elements of one JSON array */
    LLMOBS_FRAMING_AWS    /* application/vnd.amazon.eventstream; {"bytes":
                           * BASE64} is replaced by the document that it encodes
                           */
};

struct llmobs_event {
    struct llmobs_text type;  /* its name; empty: no name was sent */
    struct llmobs_text data;  /* without white space around it */
    struct llmobs_json *json; /* NULL: not JSON */
    /* If `json` is the tree of an earlier event, in which only strings and
     * numbers have changed: which; else NULL. */
    const struct llmobs_json_changes *alike;
    bool failed;              /* its name or its frame says that it is an
                               * error */
    struct llmobs_text error; /* the error's type, if the frame has it */
    uint64_t end;             /* offset of its end in the answer; 0: unknown */
};

struct llmobs_events {
    enum llmobs_framing framing;
    bool whole;
    struct llmobs_sse sse; /* its text and place are those of each framing but
                            * AWS */
    struct llmobs_eventstream frames;
    struct llmobs_buf bytes;          /* the document that came as base64 */
    struct llmobs_buf joined;         /* the stream that came in pieces */
    struct llmobs_eventstream pieces; /* at the piece behind `came` */
    uint64_t came;                    /* bytes of `joined` */
    uint64_t piece;                   /* where their last frame ends */
    size_t lead, trail; /* bytes before and behind the last document that its
                         * event has; a lead of SIZE_MAX: not known */
    struct llmobs_json_series series; /* of the events' documents */
    struct llmobs_json_series inner;  /* of the documents that came as base64 */
};

void llmobs_events_init(struct llmobs_events *events,
                        enum llmobs_framing framing, struct llmobs_text in,
                        bool whole);
void llmobs_events_fini(struct llmobs_events *events);

/* Reads the next event: 1, 0 at the end, or -ENOMEM. The event is borrowed
 * until the next call, which needs it as it is. */
int llmobs_events_next(struct llmobs_events *events,
                       struct llmobs_event *event);

#endif
