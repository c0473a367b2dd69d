#include "lib/text/h2.h"

#include <errno.h>
#include <stdlib.h>

#define FRAME_FIRST 16384 /* what a frame may have before SETTINGS say more */

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

enum setting { TABLE_SIZE = 1, FRAME_SIZE = 5 };

enum step { HEAD, KEPT, PAD, BODY, SKIPPED };

/* The results of a stream. */
enum has { REQUEST_END = 1, ANSWER_HEAD = 2, ANSWER_END = 4 };

/* The parts of a head that are no lines, and the host. */
enum part {
    METHOD,
    SCHEME,
    AUTHORITY,
    PATH,
    STATUS,
    PSEUDO,
    HOST = PSEUDO,
    PARTS
};

static const char pseudo[] = ":method\0:scheme\0:authority\0:path\0:status\0";

/* A head, while its lines come. */
struct fields {
    bool skips; /* trailers and the like: nobody wants to know */
    bool wrong, large, grpc, no_memory;
    struct llmobs_wiped text; /* the parts, then lines as of HTTP/1.1 */
    bool has_lines;
    uint32_t lines; /* where these begin */
    struct {
        bool is_there;
        uint32_t at, len;
    } parts[PARTS];
};

void llmobs_h2_init(struct llmobs_h2 *h2,
                    const struct llmobs_http1_events *events, void *user,
                    const uint64_t key[2])
{
    *h2 = (struct llmobs_h2){.events = events, .user = user};
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
    free(h2->streams);
    h2->streams = NULL;
    h2->open = h2->cap = 0;
    if (!h2->why)
        h2->why = LLMOBS_HTTP1_OVER;
}

/* -- streams --------------------------------------------------------------- */

/* Where the stream is, or would be: they are in order. */
static uint32_t place_of(const struct llmobs_h2 *h2, uint32_t id)
{
    uint32_t low = 0, high = h2->open;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (h2->streams[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: it has no events. */
static struct llmobs_h2_stream *find(const struct llmobs_h2 *h2, uint32_t id)
{
    uint32_t place = place_of(h2, id);

    return place < h2->open && h2->streams[place].id == id ? &h2->streams[place]
                                                           : NULL;
}

static bool is_idle(const struct llmobs_h2 *h2, uint32_t id)
{
    return id == 0 || id > (id & 1 ? h2->last : h2->pushed);
}

static bool has_ended(const struct llmobs_h2_stream *stream,
                      enum llmobs_http1_side side)
{
    return stream->has &
           (side == LLMOBS_HTTP1_REQUEST ? REQUEST_END : ANSWER_END);
}

/* Ends a side of the stream; the stream goes with the second one. */
static void end_side(struct llmobs_h2 *h2, struct llmobs_h2_stream *stream,
                     enum llmobs_http1_side side, enum llmobs_http1_end how)
{
    uint32_t id = stream->id;

    if (has_ended(stream, side))
        return;
    stream->has |= side == LLMOBS_HTTP1_REQUEST ? REQUEST_END : ANSWER_END;
    if (has_ended(stream, LLMOBS_HTTP1_REQUEST) &&
        has_ended(stream, LLMOBS_HTTP1_ANSWER))
        memmove(stream, stream + 1,
                (size_t)(h2->streams + h2->open-- - stream - 1) *
                    sizeof(*stream));
    h2->events->end(h2->user, side, id, how);
}

/* Ends what is open of a stream. An answer that would be cut, and did not
 * begin, never came. */
static void end_stream(struct llmobs_h2 *h2, struct llmobs_h2_stream *stream,
                       enum llmobs_http1_end request,
                       enum llmobs_http1_end answer)
{
    bool waits = !has_ended(stream, LLMOBS_HTTP1_ANSWER);

    if (answer == LLMOBS_HTTP1_CUT && !(stream->has & ANSWER_HEAD))
        answer = LLMOBS_HTTP1_NONE;
    end_side(h2, stream, LLMOBS_HTTP1_REQUEST, request);
    if (waits)
        end_side(h2, stream, LLMOBS_HTTP1_ANSWER, answer);
}

static void end_above(struct llmobs_h2 *h2, uint32_t id,
                      enum llmobs_http1_end how)
{
    uint32_t place = place_of(h2, id + 1);

    while (place < h2->open)
        end_stream(h2, &h2->streams[place], how, how);
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

/* Which part the name is; PARTS: none. */
static unsigned part_of(struct llmobs_text name)
{
    unsigned part = METHOD;

    if (llmobs_text_is(name, "host"))
        return HOST;
    LLMOBS_WORDS_EACH (word, pseudo) {
        if (llmobs_text_is(name, word))
            return part;
        part++;
    }
    return PARTS;
}

/* Letters that would make two lines of one, or another name (RFC 9113, 8.2.1).
 */
static bool is_clear(struct llmobs_text name, struct llmobs_text value)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c >= 0x7f || (c == ':' && i > 0))
            return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return name.len > 0;
}

static void on_field(void *user, struct llmobs_text name,
                     struct llmobs_text value)
{
    struct fields *fields = user;
    struct llmobs_wiped *text = &fields->text;
    bool is_line = name.len > 0 && name.data[0] != ':';
    unsigned part = part_of(name);

    if (fields->skips || fields->wrong || fields->large)
        return;
    if (!is_clear(name, value) ||
        (!is_line && (part >= PSEUDO || fields->parts[part].is_there ||
                      fields->has_lines))) {
        fields->wrong = true;
        return;
    }
    if (text->len + name.len + value.len + 4 > LLMOBS_H2_HEAD_MAX) {
        fields->large = true;
        return;
    }
    if (!llmobs_wiped_reserve(text, name.len + value.len + 5)) {
        fields->no_memory = fields->wrong = true;
        return;
    }
    if (is_line) {
        if (!fields->has_lines)
            fields->lines = text->len;
        fields->has_lines = true;
        (void)llmobs_wiped_add(text, name);
        (void)llmobs_wiped_add(text, llmobs_text_of(": "));
    }
    if (part < PARTS && !fields->parts[part].is_there) {
        fields->parts[part].is_there = true;
        fields->parts[part].at = text->len;
        fields->parts[part].len = (uint32_t)value.len;
    }
    (void)llmobs_wiped_add(text, value);
    if (is_line)
        (void)llmobs_wiped_add(text, llmobs_text_of("\r\n"));
    if (llmobs_text_is(name, "content-type") &&
        llmobs_text_begins(value, "application/grpc"))
        fields->grpc = true;
}

static struct llmobs_text part_text(const struct fields *fields, unsigned part)
{
    if (!fields->parts[part].is_there)
        return (struct llmobs_text){NULL, 0};
    return (struct llmobs_text){fields->text.data + fields->parts[part].at,
                                fields->parts[part].len};
}

static struct llmobs_http1_head head_of(const struct fields *fields,
                                        bool bodiless)
{
    struct llmobs_http1_head head = {.h2 = true,
                                     .framing = bodiless ? LLMOBS_HTTP1_BODILESS
                                                         : LLMOBS_HTTP1_TO_END};

    head.method = part_text(fields, METHOD);
    head.target = part_text(fields, PATH);
    head.host = part_text(fields, AUTHORITY);
    if (head.host.len == 0)
        head.host = part_text(fields, HOST);
    if (fields->has_lines)
        head.headers = (struct llmobs_text){fields->text.data + fields->lines,
                                            fields->text.len - fields->lines};
    return head;
}

/* False: memory ran out. */
static bool add_stream(struct llmobs_h2 *h2, uint32_t id)
{
    if (h2->open == h2->cap) {
        uint32_t cap = h2->cap ? 2 * h2->cap : 4;
        void *streams = realloc(h2->streams, cap * sizeof(*h2->streams));

        if (!streams)
            return false;
        h2->streams = streams;
        h2->cap = cap;
    }
    h2->streams[h2->open++] = (struct llmobs_h2_stream){.id = id};
    return true;
}

static void read_request(struct llmobs_h2 *h2, uint32_t id, bool ends,
                         const struct fields *fields)
{
    struct llmobs_http1_head head = head_of(fields, ends);

    if (!fields->wrong && llmobs_text_is(head.method, "CONNECT"))
        return;
    if (fields->grpc) {
        h2->grpc++;
    } else if (fields->wrong || fields->large || head.method.len == 0 ||
               head.target.len == 0 || h2->open == LLMOBS_H2_OPEN) {
        h2->passed++;
    } else if (!add_stream(h2, id)) {
        stop(h2, LLMOBS_HTTP1_MEMORY);
    } else {
        h2->events->head(h2->user, LLMOBS_HTTP1_REQUEST, id, &head);
        if (ends)
            end_side(h2, find(h2, id), LLMOBS_HTTP1_REQUEST,
                     LLMOBS_HTTP1_WHOLE);
    }
}

/* A status of 1xx is no answer yet. */
static void read_answer(struct llmobs_h2 *h2, struct llmobs_h2_stream *stream,
                        bool ends, const struct fields *fields)
{
    struct llmobs_http1_head head = head_of(fields, ends);
    struct llmobs_text status = part_text(fields, STATUS);
    bool right = !fields->wrong && !fields->large && status.len == 3;

    for (size_t i = 0; right && i < 3; i++) {
        right = llmobs_is_digit(status.data[i]);
        head.status = head.status * 10 + (unsigned)(status.data[i] - '0');
    }
    if (!right || head.status < 100 || (head.status < 200 && ends)) {
        h2->passed++;
        end_stream(h2, stream, LLMOBS_HTTP1_LOST, LLMOBS_HTTP1_LOST);
    } else if (head.status >= 200) {
        head.early = !has_ended(stream, LLMOBS_HTTP1_REQUEST);
        stream->has |= ANSWER_HEAD;
        h2->events->head(h2->user, LLMOBS_HTTP1_ANSWER, stream->id, &head);
        if (ends)
            end_side(h2, stream, LLMOBS_HTTP1_ANSWER, LLMOBS_HTTP1_WHOLE);
    }
}

/* Reads a whole block: the first one of the client opens the stream; one behind
 * a head has trailers. */
static void read_block(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                       struct llmobs_text block)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_h2_stream *stream =
        way->is_pushed ? NULL : find(h2, way->stream);
    bool opens = side == LLMOBS_HTTP1_REQUEST && way->stream > h2->last;
    bool answers = stream && side == LLMOBS_HTTP1_ANSWER &&
                   !(stream->has & (ANSWER_HEAD | ANSWER_END));
    struct fields fields = {.skips = !opens && !answers};
    int error = llmobs_hpack_read(&way->table, block, on_field, &fields);

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
    else if (stream && way->ends)
        end_side(h2, stream, side, LLMOBS_HTTP1_WHOLE);
    llmobs_wiped_fini(&fields.text);
}

/* -- frames ---------------------------------------------------------------- */

static uint32_t number_at(const char *data, size_t len)
{
    uint32_t number = 0;

    for (size_t i = 0; i < len; i++)
        number = number << 8 | (unsigned char)data[i];
    return number;
}

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
        if (stream & 1 || !is_idle(h2, stream))
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

/* A frame with a part of a block, which lies behind the others where there are
 * any. */
static void read_part(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text payload)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_text block = payload;
    bool last = way->flags & END_HEADERS;

    if (!strip(h2, way, &block)) {
        stop(h2, LLMOBS_HTTP1_DOUBT);
        return;
    }
    if (way->type != CONTINUATION) {
        way->ends = way->flags & END_STREAM && way->type == HEADERS;
        way->is_pushed = way->type == PUSH_PROMISE;
    }
    way->in_block = !last;
    if (way->block > 0 || (!last && payload.data == way->kept.data)) {
        memmove(way->kept.data + way->block, block.data, block.len);
        llmobs_wiped_cut(&way->kept, way->block + (uint32_t)block.len);
    } else if (!last && !llmobs_wiped_add(&way->kept, block)) {
        stop(h2, LLMOBS_HTTP1_MEMORY);
        return;
    }
    if (way->block > 0)
        block = llmobs_wiped_text(&way->kept);
    way->block = last ? 0 : way->kept.len;
    if (last)
        read_block(h2, side, block);
}

static void read_settings(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                          struct llmobs_text payload)
{
    struct llmobs_h2_way *other = &h2->ways[!side];

    for (; payload.len >= 6; payload.data += 6, payload.len -= 6) {
        uint32_t setting = number_at(payload.data, 2);
        uint32_t value = number_at(payload.data + 2, 4);

        if (setting == TABLE_SIZE)
            llmobs_hpack_allow(&other->table, value);
        else if (setting == FRAME_SIZE && value > other->allowed)
            other->allowed = value;
    }
}

static void read_kept(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text payload)
{
    struct llmobs_h2_stream *stream;

    switch (h2->ways[side].type) {
    case SETTINGS:
        read_settings(h2, side, payload);
        break;
    case RST_STREAM:
        stream = find(h2, h2->ways[side].stream);
        if (stream)
            end_stream(h2, stream, LLMOBS_HTTP1_CUT,
                       side == LLMOBS_HTTP1_REQUEST ? LLMOBS_HTTP1_GIVEN_UP
                                                    : LLMOBS_HTTP1_CUT);
        break;
    case GOAWAY: /* a client's is about pushes */
        if (side == LLMOBS_HTTP1_ANSWER)
            end_above(h2, stream_at(payload.data), LLMOBS_HTTP1_CUT);
        break;
    default:
        read_part(h2, side, payload);
    }
}

/* False: peers must end the connection for such a frame, or such a stream (RFC
 * 9113, 5.1, 6). */
static bool is_right(const struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    const struct llmobs_h2_way *way = &h2->ways[side];
    bool sent = side == LLMOBS_HTTP1_REQUEST, idle = is_idle(h2, way->stream);
    const struct llmobs_h2_stream *stream;

    if (way->left > way->allowed ||
        way->in_block != (way->type == CONTINUATION) ||
        (!way->begun && (way->type != SETTINGS || way->flags & END_STREAM)))
        return false;
    switch (way->type) {
    case DATA:
        stream = find(h2, way->stream);
        return !idle && (sent || !stream || stream->has & ANSWER_HEAD);
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
        return !sent && way->stream;
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

/* The head of a frame is whole. */
static void begin_frame(struct llmobs_h2 *h2, enum llmobs_http1_side side)
{
    static const uint8_t steps[] = {
        [DATA] = BODY,         [HEADERS] = KEPT,  [PRIORITY] = SKIPPED,
        [RST_STREAM] = KEPT,   [SETTINGS] = KEPT, [PUSH_PROMISE] = KEPT,
        [PING] = SKIPPED,      [GOAWAY] = KEPT,   [WINDOW_UPDATE] = SKIPPED,
        [CONTINUATION] = KEPT,
    };
    struct llmobs_h2_way *way = &h2->ways[side];
    const char *head = (const char *)way->head;
    uint32_t stream = stream_at(head + 5);
    bool same = stream == way->stream;

    way->held = 0;
    way->left = number_at(head, 3);
    way->type = way->head[3];
    way->flags = way->head[4];
    way->stream = stream;
    way->pad = 0;
    way->step = way->type < sizeof(steps) ? steps[way->type] : SKIPPED;
    if (way->step == BODY && way->flags & PADDED)
        way->step = PAD;
    if (!is_right(h2, side) || (way->type == CONTINUATION && !same) ||
        (way->step == PAD && way->left == 0))
        stop(h2, LLMOBS_HTTP1_DOUBT);
    else if (way->step == KEPT && way->left + way->block > LLMOBS_H2_HEAD_MAX)
        stop(h2, LLMOBS_HTTP1_LARGE);
    way->begun = true;
}

/* The payload is at its end; `payload`: all of it where it is kept. */
static void end_frame(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text payload)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_h2_stream *stream;

    if (way->step == KEPT) {
        read_kept(h2, side, payload);
        if (way->block == 0)
            llmobs_wiped_fini(&way->kept);
    } else if (way->step == BODY && way->flags & END_STREAM) {
        stream = find(h2, way->stream);
        if (stream)
            end_side(h2, stream, side, LLMOBS_HTTP1_WHOLE);
    }
    way->step = HEAD;
}

static void read_data(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                      struct llmobs_text in)
{
    const struct llmobs_h2_way *way = &h2->ways[side];
    const struct llmobs_h2_stream *stream = find(h2, way->stream);
    uint32_t data = way->left > way->pad ? way->left - way->pad : 0;

    if (in.len > data)
        in.len = data;
    if (in.len > 0 && stream && !has_ended(stream, side))
        h2->events->body(h2->user, side, way->stream, in);
}

/* Reads bytes of the payload that is under way. Gives how many. */
static size_t read_payload(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                           struct llmobs_text in)
{
    struct llmobs_h2_way *way = &h2->ways[side];
    struct llmobs_text payload = in;

    if (in.len > way->left)
        in.len = payload.len = way->left;
    if (way->step == PAD) {
        in.len = 1;
        way->pad = (unsigned char)in.data[0];
        way->step = BODY;
        if (way->pad >= way->left)
            stop(h2, LLMOBS_HTTP1_DOUBT);
    } else if (way->step == BODY) {
        read_data(h2, side, in);
    } else if (way->step == KEPT && (way->kept.len > 0 || in.len < way->left)) {
        if (!llmobs_wiped_add(&way->kept, in)) {
            stop(h2, LLMOBS_HTTP1_MEMORY);
            return in.len;
        }
        payload = llmobs_wiped_text(&way->kept);
        payload.data += way->block;
        payload.len -= way->block;
    }
    way->left -= (uint32_t)in.len;
    if (way->left == 0 && !h2->why)
        end_frame(h2, side, payload);
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
    if (way->held < LLMOBS_H2_FRAME_HEAD)
        return part;
    begin_frame(h2, side);
    if (way->left == 0 && !h2->why)
        end_frame(h2, side, (struct llmobs_text){"", 0});
    return part;
}

static void read_bytes(struct llmobs_h2 *h2, enum llmobs_http1_side side,
                       struct llmobs_text in)
{
    while (in.len > 0 && !h2->why) {
        size_t n = h2->ways[side].step == HEAD ? read_frame_head(h2, side, in)
                                               : read_payload(h2, side, in);

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
