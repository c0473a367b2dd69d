/* Parses HTTP/2 frames of both directions. */
#include "lib/text/h2.h"

#include <errno.h>

#define FRAME_FIRST 16384 /* what a frame may have before SETTINGS say more */
#define LINE_SIZE 32      /* what HPACK adds to a line's texts */

/* Reasons to pass over a stream. */
#define LARGE "a large head"
#define DOUBTFUL "a head in doubt"

enum type {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};

enum flag {
    END_STREAM = 1, /* of SETTINGS: an acknowledgement */
    END_HEADERS = 4,
    PADDED = 8,
    PRIORITISED = 32
};

#define PROTOCOL_ERROR 1
#define REFUSED_STREAM 7

enum setting { TABLE_SIZE = 1, FRAME_SIZE = 5, LIST_SIZE = 6 };

/* The lines of a head that HTTP/1.1 has not; their names begin with a colon. */
static const char pseudo[] =
    "method\0scheme\0authority\0path\0status\0protocol\0";

/* A head, while its lines come. */
struct fields {
    bool wrong;    /* every peer must refuse it */
    bool doubtful; /* some do */
    bool large, no_memory;
    struct llmobs_wiped text; /* as lines of HTTP/1.1 */
    uint32_t pseudo; /* bytes of it: those lines come first, without a colon */
    uint32_t size;   /* as HPACK counts */
};

void llmobs_h2_init(struct llmobs_h2 *h2,
                    const struct llmobs_http1_events *events, void *user,
                    const uint64_t key[2])
{
    *h2 = (struct llmobs_h2){.events = events,
                             .user = user,
                             .most = INT32_MAX,
                             .list_most = UINT32_MAX};
    for (int side = 0; side < 2; side++) {
        uint64_t own[2] = {key[0], key[1] + (uint64_t)side};

        llmobs_hpack_init(&h2->ways[side].table, own);
        h2->ways[side].allowed = FRAME_FIRST;
    }
}

void llmobs_h2_fini(struct llmobs_h2 *h2)
{
    for (int side = 0; side < 2; side++) {
        llmobs_hpack_fini(&h2->ways[side].table);
        llmobs_wiped_fini(&h2->ways[side].kept);
    }
    if (!h2->why)
        h2->why = LLMOBS_HTTP1_OVER;
}

/* -- streams --------------------------------------------------------------- */

/* NULL: it has no events. */
static struct llmobs_h2_stream *find(const struct llmobs_h2 *h2, uint32_t id)
{
    struct llmobs_h2_stream *stream = h2->events->find(h2->user, id);

    return stream && stream->id == id ? stream : NULL;
}

/* An answer is cut where its body has another length than it gave (RFC 9113,
 * 8.1.1). One that would be cut, and did not begin, never came: of a stream
 * above that of GOAWAY nothing was begun (6.8). */
static void end_side(struct llmobs_h2 *h2, uint32_t id,
                     enum llmobs_http1_side side, enum llmobs_http1_end how)
{
    struct llmobs_h2_stream *stream = find(h2, id);

    if (!stream || stream->ended[side])
        return;
    stream->ended[side] = true;
    if (side == LLMOBS_HTTP1_ANSWER) {
        if (how == LLMOBS_HTTP1_WHOLE &&
            (stream->left > 0 || !stream->answered))
            how = LLMOBS_HTTP1_CUT;
        if (stream->answered)
            how = how == LLMOBS_HTTP1_REFUSED ? LLMOBS_HTTP1_CUT : how;
        else if (how == LLMOBS_HTTP1_CUT)
            how = id > h2->most ? LLMOBS_HTTP1_REFUSED : LLMOBS_HTTP1_NONE;
    }
    h2->events->end(h2->user, side, id, how);
}

/* Ends what is open of a stream. */
static void end_stream(struct llmobs_h2 *h2, uint32_t id,
                       enum llmobs_http1_end request,
                       enum llmobs_http1_end answer)
{
    end_side(h2, id, LLMOBS_HTTP1_REQUEST, request);
    end_side(h2, id, LLMOBS_HTTP1_ANSWER, answer);
}

static void end_above(struct llmobs_h2 *h2, uint32_t id,
                      enum llmobs_http1_end how)
{
    const struct llmobs_h2_stream *stream;

    while ((stream = h2->events->find(h2->user, id + 1)) != NULL) {
        id = stream->id;
        end_stream(h2, id, how, how);
    }
}

static void stop(struct llmobs_h2 *h2, enum llmobs_http1_why why)
{
    if (h2->why)
        return;
    h2->why = (uint8_t)why;
    end_above(h2, 0, LLMOBS_HTTP1_LOST);
    llmobs_h2_fini(h2);
    h2->events->stopped(h2->user, why);
}

void llmobs_h2_miss(struct llmobs_h2 *h2)
{
    stop(h2, LLMOBS_HTTP1_MISSED);
}

void llmobs_h2_ended(struct llmobs_h2 *h2)
{
    if (h2->why)
        return;
    end_above(h2, 0, LLMOBS_HTTP1_CUT);
    llmobs_h2_fini(h2);
}

/* -- heads ----------------------------------------------------------------- */

/* False for letters that would make two lines of one, or another name (RFC
 * 9113, 8.2.1). */
static bool is_clear(struct llmobs_text name, struct llmobs_text value)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c >= 0x7f || c == ':')
            return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return name.len > 0;
}

/* The value of the line of that name; NULL: there is none. */
static struct llmobs_text value_of(struct llmobs_text lines,
                                   struct llmobs_text name)
{
    struct llmobs_http1_header header;

    while (llmobs_http1_header_next(&lines, &header))
        if (header.name.len == name.len &&
            memcmp(header.name.data, name.data, name.len) == 0)
            return header.value;
    return (struct llmobs_text){NULL, 0};
}

/* Gives false where no further line is of use. */
static bool on_field(void *user, struct llmobs_text name,
                     struct llmobs_text value)
{
    struct fields *fields = user;
    struct llmobs_wiped *text = &fields->text;
    bool is_pseudo = name.len > 0 && name.data[0] == ':';
    size_t len = name.len + value.len + 4;

    fields->size += (uint32_t)(name.len + value.len) + LINE_SIZE;
    if (is_pseudo) {
        name.data++, name.len--;
        /* behind the others, unknown, or there already */
        fields->wrong = text->len > fields->pseudo ||
                        !llmobs_text_among(name, pseudo) ||
                        value_of(llmobs_wiped_text(text), name).data;
    }
    for (size_t i = 0; i < name.len; i++)
        fields->wrong |= name.data[i] >= 'A' && name.data[i] <= 'Z';
    fields->doubtful = !is_clear(name, value);
    fields->large = text->len + len > LLMOBS_H2_HEAD_MAX;
    if (fields->wrong || fields->doubtful || fields->large)
        return false;
    fields->no_memory = llmobs_wiped_reserve(text, len) != 0;
    if (fields->no_memory)
        return false;
    (void)llmobs_wiped_add(text, name);
    (void)llmobs_wiped_add(text, llmobs_text_of(": "));
    (void)llmobs_wiped_add(text, value);
    (void)llmobs_wiped_add(text, llmobs_text_of("\r\n"));
    if (is_pseudo)
        fields->pseudo = text->len;
    /* Of 1xx nothing else is read, for it may come very often. */
    return !is_pseudo || !llmobs_text_is(name, "status") ||
           !llmobs_text_begins(value, "1");
}

/* The facts of a head, borrowed. `ends`: it has no body. */
static struct llmobs_http1_head head_of(const struct fields *fields, bool ends)
{
    struct llmobs_text first = {fields->text.data, fields->pseudo};
    struct llmobs_text rest = llmobs_wiped_text(&fields->text);
    struct llmobs_http1_head head = {.h2 = true,
                                     .framing = ends ? LLMOBS_HTTP1_BODILESS
                                                     : LLMOBS_HTTP1_TO_END};

    rest.data += first.len;
    rest.len -= first.len;
    head.headers = rest;
    head.method = value_of(first, llmobs_text_of("method"));
    head.target = value_of(first, llmobs_text_of("path"));
    head.host = value_of(first, llmobs_text_of("authority"));
    if (head.host.len == 0)
        head.host = value_of(rest, llmobs_text_of("host"));
    return head;
}

static uint32_t number_at(const char *data, size_t len)
{
    uint32_t number = 0;

    for (size_t i = 0; i < len; i++)
        number = number << 8 | (unsigned char)data[i];
    return number;
}

/* Lines may be added before the last one, which is no pseudo-field's, if the
 * head is one frame without padding. Each server takes FRAME_FIRST bytes. */
static void find_gap(const struct llmobs_h2 *h2, const struct fields *fields,
                     struct llmobs_http1_head *head)
{
    const struct llmobs_h2_way *way = &h2->ways[LLMOBS_HTTP1_REQUEST];
    int64_t payload = number_at((const char *)way->head, 3);
    int64_t of_list = (int64_t)h2->list_most - fields->size;
    const char *end = h2->given.data + h2->given.len;

    if (way->type != HEADERS || way->flags & PADDED || head->headers.len == 0 ||
        (int64_t)h2->given.len < LLMOBS_H2_FRAME_HEAD + payload)
        return;
    head->frame = end - payload - LLMOBS_H2_FRAME_HEAD;
    head->gap = end - (way->kept.len - way->table.last);
    head->spare =
        FRAME_FIRST - payload < of_list ? FRAME_FIRST - payload : of_list;
}

static void read_request(struct llmobs_h2 *h2, uint32_t id, bool ends,
                         const struct fields *fields)
{
    struct llmobs_http1_head head = head_of(fields, ends);
    struct llmobs_text type =
        value_of(head.headers, llmobs_text_of("content-type"));
    const char *passed = fields->large                            ? LARGE
                         : fields->wrong || fields->doubtful      ? DOUBTFUL
                         : llmobs_text_is(head.method, "CONNECT") ? "CONNECT"
                         : llmobs_text_begins(type, "application/grpc") ? "gRPC"
                         : head.method.len == 0 || head.target.len == 0
                             ? DOUBTFUL
                             : NULL;
    struct llmobs_h2_stream *stream;

    if (passed) {
        h2->events->passed(h2->user, passed);
    } else {
        find_gap(h2, fields, &head);
        h2->events->head(h2->user, LLMOBS_HTTP1_REQUEST, id, &head);
        stream = find(h2, id);
        if (stream)
            stream->bodiless = llmobs_text_is(head.method, "HEAD");
        if (ends)
            end_side(h2, id, LLMOBS_HTTP1_REQUEST, LLMOBS_HTTP1_WHOLE);
    }
}

/* A status of 1xx is no answer yet; an answer that clients must refuse never
 * comes. */
static void read_answer(struct llmobs_h2 *h2, struct llmobs_h2_stream *stream,
                        bool ends, const struct fields *fields)
{
    uint32_t id = stream->id;
    struct llmobs_http1_head head = head_of(fields, ends);
    struct llmobs_text status =
        value_of((struct llmobs_text){fields->text.data, fields->pseudo},
                 llmobs_text_of("status"));
    bool right = !fields->wrong && status.len == 3 &&
                 fields->pseudo == sizeof("status: 200\r\n") - 1;

    for (size_t i = 0; right && i < 3; i++) {
        right = llmobs_is_digit(status.data[i]);
        head.status = head.status * 10 + (unsigned)(status.data[i] - '0');
    }
    if (fields->large || fields->doubtful) {
        h2->events->passed(h2->user, fields->large ? LARGE : DOUBTFUL);
        end_stream(h2, id, LLMOBS_HTTP1_LOST, LLMOBS_HTTP1_LOST);
    } else if (!right || head.status < 100 || (head.status < 200 && ends) ||
               !llmobs_http1_head_framing(&head, head.framing)) {
        end_side(h2, id, LLMOBS_HTTP1_ANSWER, LLMOBS_HTTP1_NONE);
    } else if (head.status >= 200) {
        stream->answered = true;
        stream->sized = head.framing == LLMOBS_HTTP1_LENGTH &&
                        !stream->bodiless && head.status != 204 &&
                        head.status != 304;
        stream->left = stream->sized ? head.length : 0;
        h2->events->head(h2->user, LLMOBS_HTTP1_ANSWER, id, &head);
        if (ends)
            end_side(h2, id, LLMOBS_HTTP1_ANSWER, LLMOBS_HTTP1_WHOLE);
    }
}

/* Reads a whole block: the first one of the client opens the stream; one behind
 * a head has trailers. */
static void read_block(struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_h2_stream *stream =
        way->is_pushed ? NULL : find(h2, way->stream);
    bool opens = side == LLMOBS_HTTP1_REQUEST && way->stream > h2->last;
    bool answers = side == LLMOBS_HTTP1_ANSWER && stream && !stream->answered &&
                   !stream->ended[side];
    struct fields fields = {.pseudo = 0};
    int error = llmobs_hpack_read(&way->table, llmobs_wiped_text(&way->kept),
                                  opens || answers ? on_field : NULL, &fields);

    if (opens)
        h2->last = way->stream;
    if (error || fields.no_memory)
        stop(h2, error == -EFBIG     ? LLMOBS_HTTP1_LARGE
                 : error == -EBADMSG ? LLMOBS_HTTP1_DOUBT
                                     : LLMOBS_HTTP1_MEMORY);
    else if (opens)
        read_request(h2, way->stream, way->ends, &fields);
    else if (answers)
        read_answer(h2, stream, way->ends, &fields);
    else if (stream) /* a side cannot go on behind its trailers */
        end_side(h2, way->stream, side,
                 way->ends ? LLMOBS_HTTP1_WHOLE : LLMOBS_HTTP1_CUT);
    llmobs_wiped_fini(&fields.text);
}

/* -- frames ---------------------------------------------------------------- */

/* Of 31 bits; the first one means nothing. */
static uint32_t stream_at(const char *data)
{
    return number_at(data, 4) & INT32_MAX;
}

/* Takes off a payload what is not of the block. False: it is too short. */
static bool strip(struct llmobs_h2 *h2, const struct llmobs_h2_way *way,
                  struct llmobs_text *payload)
{
    size_t pad = 0, before = 0;
    uint32_t stream;

    if (way->type == CONTINUATION)
        return true;
    if (way->flags & PADDED) {
        if (payload->len == 0)
            return false;
        pad = (unsigned char)payload->data[0];
        before = 1;
    }
    if (way->type == PUSH_PROMISE) {
        if (payload->len < before + 4)
            return false;
        stream = stream_at(payload->data + before);
        if (stream & 1 || stream <= h2->pushed)
            return false;
        h2->pushed = stream;
        before += 4;
    } else if (way->flags & PRIORITISED) {
        before += 5;
    }
    if (before + pad > payload->len)
        return false;
    payload->data += before;
    payload->len -= before + pad;
    return true;
}

/* The frame has a part of a block, which comes to lie behind the others. */
static void read_part(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text payload)
{
    struct llmobs_h2_way *way = &h2->ways[side];

    if (!strip(h2, way, &payload)) {
        stop(h2, LLMOBS_HTTP1_DOUBT);
        return;
    }
    if (way->type != CONTINUATION) {
        way->ends = way->flags & END_STREAM && way->type == HEADERS;
        way->is_pushed = way->type == PUSH_PROMISE;
    }
    if (payload.len > 0)
        memmove(way->kept.data + way->block, payload.data, payload.len);
    llmobs_wiped_cut(&way->kept, way->block + (uint32_t)payload.len);
    way->in_block = !(way->flags & END_HEADERS);
    if (!way->in_block)
        read_block(h2, side);
}

static void read_settings(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                          struct llmobs_text payload)
{
    struct llmobs_h2_way *other = &h2->ways[!side];

    /* A number of 16 bits and a value of 32 (6.5.1). */
    for (; payload.len >= 6; payload.data += 6, payload.len -= 6) {
        uint32_t setting = number_at(payload.data, 2);
        uint32_t value = number_at(payload.data + 2, 4);

        if (setting == TABLE_SIZE)
            llmobs_hpack_allow(&other->table, value);
        else if (setting == FRAME_SIZE && value > other->allowed)
            other->allowed = value;
        else if (setting == LIST_SIZE && side == LLMOBS_HTTP1_ANSWER)
            h2->list_most = value;
    }
}

/* False: peers must end the connection for such a frame (RFC 9113, 5.1, 6). */
static bool is_right(const struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    const struct llmobs_h2_way *way = &h2->ways[side];
    bool sent = side == LLMOBS_HTTP1_REQUEST;
    bool idle =
        !way->stream || way->stream > (way->stream & 1 ? h2->last : h2->pushed);

    if (way->left > way->allowed ||
        way->in_block != (way->type == CONTINUATION) ||
        (!way->begun && (way->type != SETTINGS || way->flags & END_STREAM)))
        return false;
    switch (way->type) {
    case DATA:
        return !idle && (way->left > 0 || !(way->flags & PADDED));
    case HEADERS:
        return way->stream && (sent ? way->stream & 1 : !idle);
    case PRIORITY:
        return way->stream && way->left == 5;
    case RST_STREAM:
        return !idle && way->left == 4;
    case SETTINGS:
        return !way->stream &&
               (way->flags & END_STREAM ? !way->left : way->left % 6 == 0);
    case PUSH_PROMISE:
        return !sent && !idle;
    case PING:
        return !way->stream && way->left == 8;
    case GOAWAY:
        return !way->stream && way->left >= 8;
    case WINDOW_UPDATE:
        return way->left == 4;
    default:
        return true;
    }
}

/* True for the payloads that are read as a whole. */
static bool is_kept(const struct llmobs_h2_way *way)
{
    return way->type != DATA && way->type <= CONTINUATION;
}

/* The head of a frame is whole. */
static void begin_frame(struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    const char *head = (const char *)way->head;
    uint32_t before = way->stream;

    way->left = number_at(head, 3);
    way->type = way->head[3];
    way->flags = way->head[4];
    way->stream = stream_at(head + 5);
    way->pad = 0;
    way->block = way->kept.len;
    if (!is_right(h2, side) ||
        (way->type == CONTINUATION && way->stream != before))
        stop(h2, LLMOBS_HTTP1_DOUBT);
    else if (is_kept(way) && way->left + way->block > LLMOBS_H2_HEAD_MAX)
        stop(h2, LLMOBS_HTTP1_LARGE);
    way->begun = true;
}

/* How the answer of a stream ends that this side resets. */
static enum llmobs_http1_end how_reset(enum llmobs_http1_side side,
                                       uint32_t code)
{
    if (side == LLMOBS_HTTP1_REQUEST)
        return code == PROTOCOL_ERROR ? LLMOBS_HTTP1_CUT
                                      : LLMOBS_HTTP1_GIVEN_UP;
    return code == REFUSED_STREAM ? LLMOBS_HTTP1_REFUSED : LLMOBS_HTTP1_CUT;
}

/* The payload is at its end. */
static void end_frame(struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_text payload = llmobs_wiped_text(&way->kept);

    payload.data += way->block;
    payload.len -= way->block;
    switch (way->type) {
    case DATA:
        if (way->flags & END_STREAM)
            end_side(h2, way->stream, side, LLMOBS_HTTP1_WHOLE);
        break;
    case HEADERS:
    case PUSH_PROMISE:
    case CONTINUATION:
        read_part(h2, side, payload);
        break;
    case RST_STREAM:
        end_stream(h2, way->stream, LLMOBS_HTTP1_CUT,
                   how_reset(side, number_at(payload.data, 4)));
        break;
    case SETTINGS:
        read_settings(h2, side, payload);
        break;
    case GOAWAY: /* a client's is about pushes */
        if (side == LLMOBS_HTTP1_ANSWER && stream_at(payload.data) < h2->most)
            h2->most = stream_at(payload.data);
        if (side == LLMOBS_HTTP1_ANSWER)
            end_above(h2, h2->most, LLMOBS_HTTP1_CUT);
        break;
    }
    way->held = 0;
    if (!way->in_block)
        llmobs_wiped_fini(&way->kept);
}

static void read_data(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text in)
{
    const struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_h2_stream *stream = find(h2, way->stream);
    uint32_t data = way->left > way->pad ? way->left - way->pad : 0;
    bool cut = false;

    if (in.len > data)
        in.len = data;
    if (in.len == 0 || !stream || stream->ended[side])
        return;
    if (side == LLMOBS_HTTP1_ANSWER && (stream->sized || !stream->answered)) {
        cut = in.len > stream->left;
        if (cut)
            in.len = stream->left;
        stream->left -= in.len;
    }
    if (in.len > 0)
        h2->events->body(h2->user, side, way->stream, in);
    if (cut)
        end_side(h2, way->stream, side, LLMOBS_HTTP1_CUT);
}

/* Reads bytes of the payload that is under way. Gives how many. */
static size_t read_payload(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                           struct llmobs_text in)
{
    struct llmobs_h2_way *way = &h2->ways[side];

    if (in.len > way->left)
        in.len = way->left;
    if (way->type == DATA && way->flags & PADDED) {
        in.len = 1;
        way->pad = (unsigned char)in.data[0];
        way->flags &= (uint8_t)~PADDED;
        if (way->pad >= way->left)
            stop(h2, LLMOBS_HTTP1_DOUBT);
    } else if (way->type == DATA) {
        read_data(h2, side, in);
    } else if (is_kept(way) && llmobs_wiped_add(&way->kept, in) != 0) {
        stop(h2, LLMOBS_HTTP1_MEMORY);
    }
    way->left -= (uint32_t)in.len;
    return in.len;
}

static size_t read_frame_head(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                              struct llmobs_text in)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    size_t part = LLMOBS_H2_FRAME_HEAD - way->held;

    if (part > in.len)
        part = in.len;
    memcpy(way->head + way->held, in.data, part);
    way->held += (uint8_t)part;
    if (way->held == LLMOBS_H2_FRAME_HEAD)
        begin_frame(h2, side);
    return part;
}

static void read_bytes(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                       struct llmobs_text in)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    const char *from = in.data;

    while (in.len > 0 && !h2->why) {
        size_t n = way->held < LLMOBS_H2_FRAME_HEAD
                       ? read_frame_head(h2, side, in)
                       : read_payload(h2, side, in);

        h2->given = (struct llmobs_text){from, (size_t)(in.data + n - from)};
        if (way->held == LLMOBS_H2_FRAME_HEAD && way->left == 0 && !h2->why)
            end_frame(h2, side);
        in.data += n;
        in.len -= n;
    }
}

void llmobs_h2_sent(struct llmobs_h2 *h2, const void *bytes, size_t len)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct llmobs_text in = {bytes, len};

    for (; in.len > 0 && preface[h2->prefaced] && !h2->why; in.len--)
        if (*in.data++ != preface[h2->prefaced++])
            stop(h2, LLMOBS_HTTP1_FOREIGN);
    read_bytes(h2, LLMOBS_HTTP1_REQUEST, in);
}

void llmobs_h2_received(struct llmobs_h2 *h2, const void *bytes, size_t len)
{
    read_bytes(h2, LLMOBS_HTTP1_ANSWER, (struct llmobs_text){bytes, len});
}
