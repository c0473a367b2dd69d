/* Walks over a stream's events in each framing. */
#include "rules/read/events.h"

#include <errno.h>
#include <string.h>

#include "lib/span/secrets.h"
#include "rules/read/base64.h"
#include "rules/read/text.h"

/* The core has masked secrets in the answer's bytes, where base64 hid this
 * document: so this masks it. */
static struct llmobs_text mask(struct llmobs_buf *bytes)
{
    llmobs_secrets_mask(bytes->data, bytes->len);
    return llmobs_buf_text(bytes);
}

/* SageMaker's frames have the pieces of a container's own stream, which are cut
 * anywhere. Joins them, in which the core saw no secrets, to read that stream
 * instead; frames behind them, such as an exception's, follow it. */
static void join_pieces(struct llmobs_events *events)
{
    static const char fields[] = "\ndata:\0";
    struct llmobs_eventstream frames = events->frames;
    struct llmobs_eventstream_event frame;
    struct llmobs_text text;

    events->pieces = frames;
    while (llmobs_eventstream_next(&frames, &frame) &&
           llmobs_text_is(frame.event_type, "PayloadPart")) {
        llmobs_buf_add(&events->joined, frame.payload.data, frame.payload.len);
        events->frames.at = frame.end;
    }
    if (events->joined.len == 0)
        return;
    text = mask(&events->joined);
    events->framing =
        llmobs_text_begins(text, "data:") || llmobs_text_has_any(text, fields)
            ? LLMOBS_FRAMING_SSE
            : LLMOBS_FRAMING_LINES;
    llmobs_sse_init(&events->sse, text);
}

void llmobs_events_init(struct llmobs_events *events,
                        enum llmobs_framing framing, struct llmobs_text in,
                        bool whole)
{
    memset(events, 0, sizeof(*events));
    events->framing = framing;
    events->whole = whole;
    events->lead = SIZE_MAX;
    llmobs_sse_init(&events->sse, in);
    if (framing != LLMOBS_FRAMING_SSE)
        events->sse.at = 0; /* a byte order mark is the document's */
    llmobs_eventstream_init(&events->frames, in);
    llmobs_buf_init(&events->bytes, LLMOBS_EVENTSTREAM_FRAME_MAX);
    if (framing == LLMOBS_FRAMING_AWS && !whole)
        llmobs_eventstream_seek(&events->frames);
    llmobs_buf_init(&events->joined, in.len);
    if (framing == LLMOBS_FRAMING_AWS)
        join_pieces(events);
}

void llmobs_events_fini(struct llmobs_events *events)
{
    llmobs_sse_fini(&events->sse);
    llmobs_buf_fini(&events->bytes);
    llmobs_buf_fini(&events->joined);
    llmobs_json_series_fini(&events->series);
    llmobs_json_series_fini(&events->inner);
}

/* Gives the array's next element. If the text does not begin at the answer's
 * first byte, the first element is looked for at the beginning of a line, where
 * Google puts it. */
static bool next_element(struct llmobs_events *events,
                         struct llmobs_event *event)
{
    struct llmobs_text in = events->sse.in;
    size_t from = events->sse.at, at, open = 0;
    bool string = false;

    if (from == 0 && !events->whole) {
        const char *mark =
            in.len > 0 ? memmem(in.data, in.len, "\n{", 2) : NULL;

        from = mark ? (size_t)(mark - in.data) + 1 : in.len;
    }
    while (from < in.len && in.data[from] != '{')
        from++;
    for (at = from; at < in.len; at++) {
        char c = in.data[at];

        if (string && c == '\\')
            at++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '{' || c == '['))
            open++;
        else if (!string && (c == '}' || c == ']') && --open == 0)
            break;
    }
    if (at >= in.len) {
        events->sse.at = in.len;
        return false;
    }
    events->sse.at = at + 1;
    event->data = (struct llmobs_text){in.data + from, events->sse.at - from};
    event->end = events->sse.at;
    return true;
}

static bool next_frame(struct llmobs_events *events, struct llmobs_event *event)
{
    struct llmobs_eventstream_event frame;

    if (!llmobs_eventstream_next(&events->frames, &frame))
        return false;
    event->type = frame.event_type;
    event->data = frame.payload;
    event->end = frame.end;
    if (llmobs_text_is(frame.message_type, "exception")) {
        event->failed = true;
        event->error = frame.exception_type;
    } else if (llmobs_text_is(frame.message_type, "error")) {
        event->failed = true;
        event->error = frame.error_code;
        if (frame.error_message.len > 0)
            event->data = frame.error_message;
    }
    return true;
}

static bool next_framed(struct llmobs_events *events,
                        struct llmobs_event *event)
{
    struct llmobs_sse_event sse;

    switch (events->framing) {
    case LLMOBS_FRAMING_LINES: {
        size_t left = events->sse.in.len - events->sse.at;
        const char *from, *feed;

        if (left == 0)
            return false;
        from = events->sse.in.data + events->sse.at;
        feed = memchr(from, '\n', left);
        event->data =
            (struct llmobs_text){from, feed ? (size_t)(feed - from) : left};
        events->sse.at += event->data.len + (feed ? 1 : 0);
        event->end = events->sse.at;
        return true;
    }
    case LLMOBS_FRAMING_ARRAY:
        return next_element(events, event);
    case LLMOBS_FRAMING_AWS:
        return next_frame(events, event);
    case LLMOBS_FRAMING_SSE:
        break;
    }
    if (!llmobs_sse_next(&events->sse, &sse))
        return false;
    event->type = sse.type;
    event->data = sse.data;
    event->failed = sse.type.len > 0 && llmobs_text_is(sse.type, "error");
    event->end = sse.end;
    return true;
}

static bool next_raw(struct llmobs_events *events, struct llmobs_event *event)
{
    struct llmobs_eventstream_event frame;
    bool pieces =
        events->framing != LLMOBS_FRAMING_AWS && events->joined.len > 0;

    if (next_framed(events, event)) {
        /* Its end is where the frame ends with which its last byte came. */
        while (pieces && events->came < event->end &&
               llmobs_eventstream_next(&events->pieces, &frame)) {
            events->came += frame.payload.len;
            events->piece = frame.end;
        }
        event->end = pieces ? events->piece : event->end;
        return true;
    }
    events->framing = pieces ? LLMOBS_FRAMING_AWS : events->framing;
    return pieces && next_frame(events, event);
}

static int parse(struct llmobs_json_series *series, struct llmobs_event *event)
{
    int rc = llmobs_json_series_parse(series, event->data, &event->json);

    event->alike = series->alike;
    return rc == -ENOMEM ? rc : 0;
}

/* Replaces the event's document by the document that it carries in base64. */
static int unwrap(struct llmobs_events *events, struct llmobs_event *event)
{
    const char *bytes = llmobs_json_gets(event->json, "bytes");
    int rc;

    if (!bytes)
        return 0;
    llmobs_buf_cut(&events->bytes, 0);
    rc = llmobs_base64_decode(llmobs_text_of(bytes), &events->bytes);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    event->data = mask(&events->bytes);
    return parse(&events->inner, event);
}

/* Most events are like the last one, but for values where that had values of
 * its own: then nothing but these is read. */
static bool next_again(struct llmobs_events *events, struct llmobs_event *event)
{
    struct llmobs_sse *sse = &events->sse;
    struct llmobs_text last = event->data, *data = &event->data;
    const char *from = sse->in.data + sse->at;
    size_t lead = events->lead, trail = events->trail;
    size_t left = sse->in.len - sse->at;

    if (left <= lead || memcmp(last.data - lead, from, lead) != 0)
        return false;
    left -= lead;
    data->data = from + lead;
    data->len = llmobs_json_series_again(
        &events->series, (struct llmobs_text){data->data, left});
    if (data->len == 0 || left - data->len < trail ||
        memcmp(last.data + last.len, data->data + data->len, trail) != 0)
        return false;
    sse->at += lead + data->len + trail;
    event->end = events->whole ? sse->at : 0;
    return true;
}

int llmobs_events_next(struct llmobs_events *events, struct llmobs_event *event)
{
    size_t from;
    int rc;

    if (events->joined.error)
        return events->joined.error;
    if (events->lead < SIZE_MAX && next_again(events, event))
        return 1;
    events->lead = SIZE_MAX;
    do {
        from = events->sse.at;
        /* The rest is set in any case. */
        event->type = (struct llmobs_text){NULL, 0};
        event->error = (struct llmobs_text){NULL, 0};
        event->json = NULL;
        event->failed = false;
        if (!next_raw(events, event))
            return 0;
        event->data = llmobs_text_strip(event->data);
    } while (event->data.len == 0 && !event->failed);
    if (!events->whole)
        event->end = 0;
    rc = parse(&events->series, event);
    if (rc == 0 && events->framing == LLMOBS_FRAMING_AWS)
        rc = unwrap(events, event);
    /* Behind a carriage return a line feed may be of the event, too. A document
     * of several lines, which lies elsewhere, has a lead beyond the text. */
    else if (rc == 0 && event->alike && events->joined.len == 0 &&
             events->sse.in.data[events->sse.at - 1] != '\r') {
        events->lead = (uintptr_t)event->data.data -
                       (uintptr_t)(events->sse.in.data + from);
        events->trail = events->sse.at - from - events->lead - event->data.len;
    }
    return rc < 0 ? rc : 1;
}
