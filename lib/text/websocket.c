/* Parses websocket frames and messages. */
#include "lib/text/websocket.h"

#include <stdlib.h>
#include <zlib.h>

#include "lib/base/mix.h"

enum opcode { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };
enum { FIN = 0x80, RSV1 = 0x40, RSV2_3 = 0x30, OPCODE = 15, MASKED = 0x80 };

#define BEFORE "data: " /* an event, and behind it: */
#define BEHIND "\n\n"
#define EVENT_STREAM "content-type: text/event-stream\r\n"
#define KEPT ((uint32_t)64 * 1024) /* bytes of memory, for the next message */

/* -- what a message is ----------------------------------------------------- */

struct message {
    struct llmobs_text type;
    bool silent;
    uint64_t lane;
};

static void read_member(struct message *message,
                        const struct llmobs_websocket_words *words,
                        struct llmobs_text name, struct llmobs_text value)
{
    if (llmobs_text_is(name, words->type))
        message->type = value;
    else if (llmobs_text_is(name, words->speaks))
        message->silent = llmobs_text_is(value, "false");
    else if (llmobs_text_is(name, words->lane) &&
             !llmobs_text_is(value, "null"))
        for (size_t i = 0; i < value.len; i++)
            message->lane = llmobs_mix(message->lane + (uint8_t)value.data[i]);
}

/* Reads texts and words of the outermost object, without their quotes, behind
 * the first `from` bytes, which are those before an event: that may have no
 * ends of lines, as JSON has between its values. */
static struct message read_message(const struct llmobs_websocket_words *words,
                                   const struct llmobs_wiped *text, size_t from)
{
    struct message message = {.lane = 0};
    struct llmobs_text name = {NULL, 0}, token = {NULL, 0};
    char *all = text->data;
    uint32_t depth = 0;

    for (size_t i = from, begin; i < text->len; i++) {
        bool opens = all[i] == '{' || all[i] == '[';
        bool closes = all[i] == '}' || all[i] == ']';

        if (all[i] == '"') {
            for (begin = ++i; i < text->len && all[i] != '"'; i++)
                if (all[i] == '\\')
                    i++;
            if (depth == 1)
                token = (struct llmobs_text){all + begin, i - begin};
        } else if (depth == 1 && all[i] == ':') {
            name = token;
            token.len = 0;
        } else if (depth == 1 && (closes || all[i] == ',')) {
            read_member(&message, words, name, token);
            name.len = token.len = 0;
        } else if (depth == 1 && !opens && !llmobs_is_blank(all[i])) {
            token.data = token.len == 0 ? all + i : token.data;
            token.len = (size_t)(all + i - token.data) + 1;
        } else if (from > 0 && (all[i] == '\n' || all[i] == '\r')) {
            all[i] = ' ';
        }
        depth += opens;
        depth -= closes && depth > 0;
    }
    return message;
}

/* -- calls ----------------------------------------------------------------- */

/* The client's message. */
static void tell_request(struct llmobs_websocket *ws, struct llmobs_text text,
                         const struct message *message)
{
    struct llmobs_text all = llmobs_wiped_text(&ws->head);
    struct llmobs_http1_head head = {
        .method = llmobs_text_of("POST"),
        .target = {all.data, ws->target},
        .headers = {all.data + ws->target, all.len - ws->target},
        .minor = 1};

    if (!llmobs_text_is(message->type, ws->words->begins))
        return;
    if (ws->waiting == LLMOBS_HTTP1_DEPTH) {
        ws->why = LLMOBS_HTTP1_DEEP;
        return;
    }
    ws->calls[ws->waiting++] = (struct llmobs_websocket_call){
        ++ws->last, !message->silent, false, message->lane};
    if (message->silent)
        return;
    (void)llmobs_http1_head_framing(&head, LLMOBS_HTTP1_LENGTH);
    head.framing = LLMOBS_HTTP1_LENGTH;
    head.length = text.len;
    head.upgrades = false;
    ws->events->head(ws->user, LLMOBS_HTTP1_REQUEST, ws->last, &head);
    ws->events->body(ws->user, LLMOBS_HTTP1_REQUEST, ws->last, text);
    ws->events->end(ws->user, LLMOBS_HTTP1_REQUEST, ws->last,
                    LLMOBS_HTTP1_WHOLE);
}

static void end_answer(struct llmobs_websocket *ws, size_t i,
                       enum llmobs_http1_end how)
{
    struct llmobs_websocket_call ended = ws->calls[i];

    memmove(ws->calls + i, ws->calls + i + 1,
            (--ws->waiting - i) * sizeof(*ws->calls));
    if (ended.told)
        ws->events->end(ws->user, LLMOBS_HTTP1_ANSWER, ended.number, how);
}

/* The server's message. */
static void tell_event(struct llmobs_websocket *ws, struct llmobs_text text,
                       const struct message *message)
{
    static const struct llmobs_http1_head head = {
        .status = 200,
        .minor = 1,
        .headers = {EVENT_STREAM, sizeof(EVENT_STREAM) - 1},
        .framing = LLMOBS_HTTP1_TO_END};
    struct llmobs_websocket_call *call;
    size_t i = 0;

    while (i < ws->waiting && ws->calls[i].lane != message->lane)
        i++;
    if (i == ws->waiting && message->lane == 0)
        i = 0;
    if (i == ws->waiting)
        return;
    call = &ws->calls[i];
    if (call->told && !call->answered)
        ws->events->head(ws->user, LLMOBS_HTTP1_ANSWER, call->number, &head);
    call->answered = true;
    if (call->told)
        ws->events->body(ws->user, LLMOBS_HTTP1_ANSWER, call->number, text);
    LLMOBS_WORDS_EACH (word, ws->words->ends)
        if (llmobs_text_is(message->type, word)) {
            end_answer(ws, i, LLMOBS_HTTP1_WHOLE);
            return;
        }
}

/* -- messages -------------------------------------------------------------- */

static void add_text(struct llmobs_websocket *ws, enum llmobs_http1_side side,
                     const void *bytes, size_t len)
{
    struct llmobs_wiped *text = &ws->ways[side].text;

    if (text->len + len > (ws->ways[side].packed ? LLMOBS_WEBSOCKET_PACKED
                                                 : LLMOBS_WEBSOCKET_MOST))
        ws->why = LLMOBS_HTTP1_LARGE;
    else if (llmobs_wiped_add(text, (struct llmobs_text){bytes, len}) != 0)
        ws->why = LLMOBS_HTTP1_MEMORY;
}

/* Adds what a compressed piece says. A block may be the last one of its stream,
 * and the next message goes on with its window (RFC 7692, 7.2.3.4). */
static void add_packed(struct llmobs_websocket *ws, enum llmobs_http1_side side,
                       const void *in, size_t len)
{
    struct llmobs_websocket_way *way = &ws->ways[side];
    z_stream *zip = way->zip;

    zip->next_in = (Bytef *)(uintptr_t)in;
    zip->avail_in = (uInt)len;
    do {
        int rc;

        zip->next_out = way->unpacked;
        zip->avail_out = sizeof(way->unpacked);
        rc = inflate(zip, Z_SYNC_FLUSH);
        if (rc == Z_STREAM_END)
            rc = inflateResetKeep(zip);
        if (rc == Z_OK || rc == Z_BUF_ERROR)
            add_text(ws, side, way->unpacked,
                     sizeof(way->unpacked) - zip->avail_out);
        else
            ws->why =
                rc == Z_MEM_ERROR ? LLMOBS_HTTP1_MEMORY : LLMOBS_HTTP1_DOUBT;
    } while (!ws->why && (zip->avail_in > 0 || zip->avail_out == 0));
}

static void end_message(struct llmobs_websocket *ws,
                        enum llmobs_http1_side side)
{
    static const unsigned char tail[] = {0, 0, 0xff, 0xff}; /* 7.2.2 */
    struct llmobs_websocket_way *way = &ws->ways[side];
    bool event = side == LLMOBS_HTTP1_ANSWER;
    struct message message;

    if (way->packed)
        add_packed(ws, side, tail, sizeof(tail));
    if (ws->why)
        return;
    message = read_message(ws->words, &way->text, event ? strlen(BEFORE) : 0);
    if (event)
        add_text(ws, side, BEHIND, strlen(BEHIND));
    if (!ws->why)
        (event ? tell_event : tell_request)(ws, llmobs_wiped_text(&way->text),
                                            &message);
    llmobs_wiped_cut(&way->text, 0);
    if (way->text.cap > KEPT)
        llmobs_wiped_fini(&way->text);
    way->open = false;
}

/* -- frames ---------------------------------------------------------------- */

/* Reads a part of the payload; gives its length. */
static size_t read_payload(struct llmobs_websocket *ws,
                           enum llmobs_http1_side side, struct llmobs_text in)
{
    struct llmobs_websocket_way *way = &ws->ways[side];
    bool masked = side == LLMOBS_HTTP1_REQUEST;
    const unsigned char *mask = way->head + (masked ? way->held - 4 : 0);
    size_t len = in.len < sizeof(way->plain) ? in.len : sizeof(way->plain);

    if (len > way->left)
        len = (size_t)way->left;
    memcpy(way->plain, in.data, len);
    for (size_t i = 0; masked && i < len; i++)
        way->plain[i] ^= mask[(way->at + i) & 3];
    way->at += (uint32_t)len;
    way->left -= len;
    if (!(way->head[0] & CLOSE)) /* or another control frame */
        (way->packed ? add_packed : add_text)(ws, side, way->plain, len);
    return len;
}

/* The length of the frame's head, as far as the bytes so far tell. */
static unsigned head_len(const struct llmobs_websocket_way *way)
{
    unsigned second = way->held < 2 ? 0 : way->head[1];

    return 2 +
           ((second & 127) == 126   ? 2u
            : (second & 127) == 127 ? 8u
                                    : 0) +
           (second & MASKED ? 4u : 0);
}

/* Reads a whole head. False: peers end the connection for it (5.1 to 5.5). */
static bool begin_frame(struct llmobs_websocket *ws,
                        enum llmobs_http1_side side)
{
    struct llmobs_websocket_way *way = &ws->ways[side];
    unsigned first = way->head[0], len = way->head[1] & 127;
    unsigned opcode = first & OPCODE, more = len == 127 ? 8 : 2;
    bool packed = first & RSV1, masked = way->head[1] & MASKED;

    way->at = 0;
    way->left = len < 126 ? len : 0;
    for (unsigned i = 0; len >= 126 && i < more; i++)
        way->left = way->left << 8 | way->head[2 + i];
    if (first & RSV2_3 || way->left > INT64_MAX ||
        masked != (side == LLMOBS_HTTP1_REQUEST))
        return false;
    if (opcode & CLOSE)
        return opcode <= PONG && first & FIN && !packed && len < 126;
    if (opcode > BINARY || (opcode == CONTINUATION) != way->open)
        return false;
    if (way->open)
        return !packed;
    way->open = true;
    way->packed = packed;
    if (side == LLMOBS_HTTP1_ANSWER)
        add_text(ws, side, BEFORE, strlen(BEFORE));
    return !packed || way->zip;
}

/* -- the connection -------------------------------------------------------- */

struct llmobs_websocket *llmobs_websocket_new(
    const struct llmobs_http1_head *head,
    const struct llmobs_websocket_words *words,
    const struct llmobs_http1_events *events, void *user)
{
    struct llmobs_websocket *ws = calloc(1, sizeof(*ws));

    if (!ws)
        return NULL;
    ws->words = words;
    ws->events = events;
    ws->user = user;
    ws->target = (uint32_t)head->target.len;
    if (llmobs_wiped_add(&ws->head, head->target) == 0 &&
        llmobs_wiped_add(&ws->head, head->headers) == 0)
        return ws;
    llmobs_websocket_free(ws);
    return NULL;
}

static void fini(struct llmobs_websocket *ws)
{
    llmobs_wiped_fini(&ws->head);
    for (int side = 0; side < 2; side++) {
        struct llmobs_websocket_way *way = &ws->ways[side];

        llmobs_wiped_fini(&way->text);
        if (way->zip)
            (void)inflateEnd(way->zip);
        free(way->zip);
        explicit_bzero(way, sizeof(*way));
    }
}

void llmobs_websocket_free(struct llmobs_websocket *ws)
{
    if (ws)
        fini(ws);
    free(ws);
}

static void end_all(struct llmobs_websocket *ws, enum llmobs_http1_why why,
                    enum llmobs_http1_end how)
{
    ws->why = (uint8_t)why;
    while (ws->waiting > 0)
        end_answer(ws, 0,
                   how == LLMOBS_HTTP1_CUT && !ws->calls->answered
                       ? LLMOBS_HTTP1_NONE
                       : how);
    fini(ws);
    if (how == LLMOBS_HTTP1_LOST)
        ws->events->stopped(ws->user, why);
}

void llmobs_websocket_miss(struct llmobs_websocket *ws)
{
    if (!ws->why)
        end_all(ws, LLMOBS_HTTP1_MISSED, LLMOBS_HTTP1_LOST);
}

void llmobs_websocket_ended(struct llmobs_websocket *ws)
{
    if (!ws->why)
        end_all(ws, LLMOBS_HTTP1_OVER, LLMOBS_HTTP1_CUT);
}

void llmobs_websocket_begin(struct llmobs_websocket *ws,
                            const struct llmobs_http1_head *answer)
{
    struct llmobs_text rest = answer->headers, name;
    struct llmobs_http1_header header;

    ws->begun = true;
    while (!ws->why && llmobs_http1_header_next(&rest, &header)) {
        if (!llmobs_text_is_word(header.name, "sec-websocket-extensions"))
            continue;
        (void)llmobs_text_split(&header.value, ';', &name);
        if (llmobs_text_is_word(llmobs_text_trim(name), "permessage-deflate") &&
            !ws->ways[0].zip) {
            /* Both ways may be compressed. A window that the peers agree to be
             * smaller, or to begin anew with each message, is a part of the
             * largest one. */
            for (int side = 0; side < 2; side++) {
                z_stream *zip = calloc(1, sizeof(*zip));

                if (zip && inflateInit2(zip, -MAX_WBITS) == Z_OK) {
                    ws->ways[side].zip = zip;
                } else {
                    free(zip);
                    ws->why = LLMOBS_HTTP1_MEMORY;
                }
            }
        } else {
            ws->why = LLMOBS_HTTP1_DOUBT;
        }
    }
    if (ws->why)
        end_all(ws, ws->why, LLMOBS_HTTP1_LOST);
}

/* A client that closes wants no more, and a server that does gives none. */
void llmobs_websocket_read(struct llmobs_websocket *ws,
                           enum llmobs_http1_side side,
                           struct llmobs_text bytes)
{
    struct llmobs_websocket_way *way;

    if (ws->why)
        return;
    way = &ws->ways[side];
    while (!ws->why && bytes.len > 0) {
        size_t n = 1;

        if (way->held == head_len(way)) {
            n = read_payload(ws, side, bytes);
        } else {
            way->head[way->held++] = (unsigned char)*bytes.data;
            if (way->held == head_len(way) && !begin_frame(ws, side))
                ws->why = LLMOBS_HTTP1_DOUBT;
        }
        if (!ws->why && way->held == head_len(way) && way->left == 0) {
            way->held = 0;
            if ((way->head[0] & OPCODE) == CLOSE)
                ws->why = LLMOBS_HTTP1_OVER;
            else if (way->head[0] & FIN && !(way->head[0] & CLOSE))
                end_message(ws, side);
        }
        bytes.data += n;
        bytes.len -= n;
    }
    if (ws->why == LLMOBS_HTTP1_OVER)
        end_all(ws, LLMOBS_HTTP1_SWITCHED,
                side == LLMOBS_HTTP1_REQUEST ? LLMOBS_HTTP1_GIVEN_UP
                                             : LLMOBS_HTTP1_CUT);
    else if (ws->why)
        end_all(ws, ws->why, LLMOBS_HTTP1_LOST);
}
