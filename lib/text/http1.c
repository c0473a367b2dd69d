/* Parses HTTP/1.1 of both directions, and pairs messages. */
#include "lib/text/http1.h"

enum step {
    HEAD,
    LENGTH,
    TO_END,
    SIZE_FIRST, /* the first digit of a chunk's size */
    SIZE,
    SIZE_BLANK, /* behind the size */
    EXTENSION,
    SIZE_CR,
    CHUNK,
    CHUNK_END, /* the end of line behind a chunk */
    CHUNK_CR,
    TRAILER
};

enum line { EMPTY, ONLY_CR, FULL };

enum guess {
    OF_BODY = 1, /* the rest of the last request's body */
    OF_TUNNEL    /* of another protocol, behind a request without an answer */
};

void llmobs_http1_init(struct llmobs_http1 *http,
                       const struct llmobs_http1_events *events, void *user)
{
    *http =
        (struct llmobs_http1){.events = events, .user = user, .looks = true};
}

void llmobs_http1_fini(struct llmobs_http1 *http)
{
    llmobs_wiped_fini(&http->ways[LLMOBS_HTTP1_REQUEST].head);
    llmobs_wiped_fini(&http->ways[LLMOBS_HTTP1_ANSWER].head);
    explicit_bzero(http->first, sizeof(http->first));
    http->held = 0;
    if (!http->why)
        http->why = LLMOBS_HTTP1_OVER;
}

static void report_end(const struct llmobs_http1 *http,
                       enum llmobs_http1_side side, uint32_t number,
                       enum llmobs_http1_end how)
{
    http->events->end(http->user, side, number, how);
}

/* Ends all messages that are open: the request that is being sent, the answer
 * that is being received, and those that were to come. */
static void end_all(struct llmobs_http1 *http, enum llmobs_http1_end request,
                    enum llmobs_http1_end answer, enum llmobs_http1_end none)
{
    struct llmobs_http1_way *ways = http->ways;

    if (ways[LLMOBS_HTTP1_REQUEST].step != HEAD)
        report_end(http, LLMOBS_HTTP1_REQUEST, http->asked - 1, request);
    for (; http->answered != http->asked; http->answered++) {
        report_end(http, LLMOBS_HTTP1_ANSWER, http->answered,
                   ways[LLMOBS_HTTP1_ANSWER].step != HEAD ? answer : none);
        ways[LLMOBS_HTTP1_ANSWER].step = HEAD;
    }
}

static size_t read_bytes(struct llmobs_http1 *http, enum llmobs_http1_side side,
                         struct llmobs_text in);

static void stop(struct llmobs_http1 *http, enum llmobs_http1_why why)
{
    http->why = (uint8_t)why;
    end_all(http, LLMOBS_HTTP1_LOST, LLMOBS_HTTP1_LOST, LLMOBS_HTTP1_LOST);
    llmobs_http1_fini(http);
    http->events->stopped(http->user, why);
}

void llmobs_http1_miss(struct llmobs_http1 *http)
{
    if (!http->why)
        stop(http, LLMOBS_HTTP1_MISSED);
}

void llmobs_http1_unseen(struct llmobs_http1 *http)
{
    struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_ANSWER];

    while (!http->why && http->asked - http->answered > 1) {
        llmobs_wiped_fini(&way->head);
        report_end(http, LLMOBS_HTTP1_ANSWER, http->answered++,
                   LLMOBS_HTTP1_LOST);
        way->step = HEAD;
        way->line = EMPTY;
    }
}

/* How many of these bytes the request's body would take that is under way: all,
 * or it ends there; SIZE_MAX: they cannot be of it. */
static size_t taken_by_body(struct llmobs_http1_way way, struct llmobs_text in)
{
    size_t at = 0;

    if (way.step == LENGTH)
        return in.len < way.left ? in.len : (size_t)way.left;
    while (at < in.len) {
        uint8_t before = way.step;
        size_t part = before != CHUNK          ? 1
                      : way.left < in.len - at ? (size_t)way.left
                                               : in.len - at;

        at += llmobs_http1_chunks(&way, in.data + at, part);
        if (way.step == HEAD)
            return before == TRAILER ? at : SIZE_MAX;
    }
    return at;
}

/* The guess is over: reads what was kept, as what comes next by `step`. */
static void read_kept(struct llmobs_http1 *http, uint8_t step)
{
    struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_REQUEST];
    struct llmobs_wiped kept = way->head;
    bool proven = http->guess == OF_TUNNEL && !http->unproven;

    way->head = (struct llmobs_wiped){NULL, 0, 0};
    way->step = step;
    way->line = step == HEAD ? EMPTY : way->line;
    http->guess = 0;
    http->unproven = true; /* those bytes have gone */
    read_bytes(http, LLMOBS_HTTP1_REQUEST, llmobs_wiped_text(&kept));
    http->unproven = !proven;
    llmobs_wiped_fini(&kept);
}

/* True where all that was kept can be of the body, which it is then. */
static bool is_of_body(struct llmobs_http1 *http)
{
    struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_REQUEST];
    bool is =
        http->guess == OF_BODY &&
        taken_by_body(*way, llmobs_wiped_text(&way->head)) == way->head.len;

    if (is)
        read_kept(http, way->step);
    return is;
}

/* Keeps bytes of a guess. Where the body would end among them, and what is
 * behind it begins like a request, they are of the body, as its framing says.
 */
static void keep(struct llmobs_http1 *http, struct llmobs_text in)
{
    struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_REQUEST];
    struct llmobs_text kept;
    size_t body;

    if (in.len > LLMOBS_HTTP1_HEAD_MAX - way->head.len) {
        if (is_of_body(http))
            read_bytes(http, LLMOBS_HTTP1_REQUEST, in);
        else
            stop(http, LLMOBS_HTTP1_LARGE);
        return;
    }
    if (llmobs_wiped_add(&way->head, in) != 0) {
        stop(http, LLMOBS_HTTP1_MEMORY);
        return;
    }
    if (http->guess != OF_BODY)
        return;
    kept = llmobs_wiped_text(&way->head);
    body = taken_by_body(*way, kept);
    if (body < kept.len &&
        llmobs_http1_first(kept.data + body, kept.len - body) ==
            LLMOBS_HTTP1_FIRST_HTTP)
        read_kept(http, way->step);
}

/* False for the head of an answer for which nobody has asked. If it is one, and
 * bytes were kept, they are a request. */
static bool is_asked_for(struct llmobs_http1 *http, struct llmobs_text text)
{
    struct llmobs_http1_head head;

    if (http->asked == http->answered &&
        llmobs_http1_head_answer(text, &head)) {
        report_end(http, LLMOBS_HTTP1_REQUEST, http->asked - 1,
                   LLMOBS_HTTP1_CUT);
        read_kept(http, HEAD);
    }
    if (!http->why && http->asked == http->answered)
        stop(http, LLMOBS_HTTP1_UNASKED);
    return !http->why;
}

void llmobs_http1_ended(struct llmobs_http1 *http, bool closed)
{
    bool to_end = http->ways[LLMOBS_HTTP1_ANSWER].step == TO_END;
    bool in_doubt;

    if (http->why)
        return;
    in_doubt = http->guess == OF_BODY && !is_of_body(http);
    end_all(http, LLMOBS_HTTP1_CUT,
            closed && to_end ? LLMOBS_HTTP1_CLOSED : LLMOBS_HTTP1_CUT,
            LLMOBS_HTTP1_NONE);
    llmobs_http1_fini(http);
    if (in_doubt) /* a request that nobody answered */
        http->events->stopped(http->user, LLMOBS_HTTP1_DOUBT);
}

uint64_t llmobs_http1_left(const struct llmobs_http1 *http)
{
    const struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_ANSWER];

    return way->step == LENGTH                       ? way->left
           : way->step == HEAD && way->head.len == 0 ? 1
                                                     : UINT64_MAX;
}

/* The number of the message that is under way. */
static uint32_t number_of(const struct llmobs_http1 *http,
                          enum llmobs_http1_side side)
{
    return side == LLMOBS_HTTP1_REQUEST ? http->asked - 1 : http->answered;
}

static void end_message(struct llmobs_http1 *http, enum llmobs_http1_side side)
{
    uint32_t number = number_of(http, side);

    http->ways[side].step = HEAD;
    http->answered += side == LLMOBS_HTTP1_ANSWER;
    report_end(http, side, number, LLMOBS_HTTP1_WHOLE);
    if (http->guess == OF_TUNNEL && http->answered == http->tunnel)
        read_kept(http, HEAD); /* there is no tunnel */
}

static void begin_message(struct llmobs_http1 *http,
                          enum llmobs_http1_side side,
                          const struct llmobs_http1_head *head)
{
    static const uint8_t steps[] = {
        [LLMOBS_HTTP1_BODILESS] = HEAD,
        [LLMOBS_HTTP1_LENGTH] = LENGTH,
        [LLMOBS_HTTP1_CHUNKED] = SIZE_FIRST,
        [LLMOBS_HTTP1_TO_END] = TO_END,
    };

    http->ways[side].left = head->length;
    http->ways[side].step = steps[head->framing];
    http->events->head(http->user, side, number_of(http, side), head);
    if (head->framing == LLMOBS_HTTP1_BODILESS ||
        (head->framing == LLMOBS_HTTP1_LENGTH && head->length == 0))
        end_message(http, side);
}

static uint64_t bit_of(uint32_t number)
{
    return UINT64_C(1) << number % LLMOBS_HTTP1_DEPTH;
}

static void read_request(struct llmobs_http1 *http, struct llmobs_text text)
{
    struct llmobs_http1_head head;

    if (!llmobs_http1_head_request(text, &head)) {
        stop(http, http->asked ? LLMOBS_HTTP1_DOUBT : LLMOBS_HTTP1_FOREIGN);
        return;
    }
    if (!llmobs_http1_head_framing(&head, LLMOBS_HTTP1_BODILESS)) {
        stop(http, LLMOBS_HTTP1_DOUBT);
        return;
    }
    if (http->asked - http->answered == LLMOBS_HTTP1_DEPTH) {
        stop(http, LLMOBS_HTTP1_DEEP);
        return;
    }
    http->heads &= ~bit_of(http->asked);
    if (llmobs_text_is(head.method, "HEAD"))
        http->heads |= bit_of(http->asked);
    http->waits = head.expects;
    http->asked++;
    http->connects = llmobs_text_is(head.method, "CONNECT");
    if (http->connects || head.switches)
        http->tunnel = http->asked;
    head.gap = http->unproven ? NULL : http->blank;
    begin_message(http, LLMOBS_HTTP1_REQUEST, &head);
}

/* Stops in an answer's head, of which the consumer gets the first line alone.
 */
static void stop_in_answer(struct llmobs_http1 *http, struct llmobs_text text,
                           enum llmobs_http1_why why)
{
    struct llmobs_http1_head head;

    if (llmobs_http1_head_answer(text, &head) && head.status >= 200) {
        head.headers = (struct llmobs_text){NULL, 0};
        http->events->head(http->user, LLMOBS_HTTP1_ANSWER, http->answered,
                           &head);
    }
    stop(http, why);
}

static void read_answer(struct llmobs_http1 *http, struct llmobs_text text)
{
    bool bodiless, tunnel;
    struct llmobs_http1_head head;

    if (!is_asked_for(http, text))
        return;
    if (!llmobs_http1_head_answer(text, &head)) {
        stop(http, LLMOBS_HTTP1_DOUBT);
        return;
    }
    if (head.status < 200 && head.status != 101) {
        http->waits = http->waits && head.status != 100;
        return;
    }
    tunnel = head.status == 101 || (head.status < 300 && http->connects &&
                                    http->tunnel == http->answered + 1);
    bodiless = head.status == 204 || head.status == 304 ||
               (http->heads & bit_of(http->answered));
    if (tunnel) { /* the answer may be in that, which nobody reads */
        head.framing = LLMOBS_HTTP1_TO_END;
    } else if (!bodiless &&
               !llmobs_http1_head_framing(&head, LLMOBS_HTTP1_TO_END)) {
        stop_in_answer(http, text, LLMOBS_HTTP1_DOUBT);
        return;
    }
    /* The server may answer before it has the whole request (413, 429). A
     * client that waits for 100 (Continue) may leave the body out then; and
     * where the answer is no error, the rest of the body may have gone by a way
     * that is not seen. If what the client sends next begins like a request,
     * the answer to that says whether it is one. */
    http->looks = http->ways[LLMOBS_HTTP1_REQUEST].step != HEAD &&
                  http->answered + 1 == http->asked &&
                  (http->waits || head.status < 300);
    begin_message(http, LLMOBS_HTTP1_ANSWER, &head);
    if (tunnel)
        stop(http, LLMOBS_HTTP1_SWITCHED);
}

/* True: the byte ends the empty line behind the last line of a head. */
static bool ends_head(struct llmobs_http1_way *way, char c)
{
    bool empty = way->line != FULL;

    if (c == '\n') {
        way->line = EMPTY;
        return empty;
    }
    way->line = c == '\r' && way->line == EMPTY ? ONLY_CR : FULL;
    return false;
}

static size_t read_head(struct llmobs_http1 *http, enum llmobs_http1_side side,
                        struct llmobs_text in)
{
    void (*const read_whole)(struct llmobs_http1 *, struct llmobs_text) =
        side == LLMOBS_HTTP1_REQUEST ? read_request : read_answer;
    struct llmobs_http1_way *way = &http->ways[side];
    bool whole = false;
    size_t n = way->head.len == 0 ? llmobs_http1_empty(in.data, in.len) : 0;

    if (n > 0)
        return n;
    if (side == LLMOBS_HTTP1_ANSWER && http->asked == http->answered &&
        http->guess != OF_BODY) {
        stop(http, LLMOBS_HTTP1_UNASKED);
        return in.len;
    }
    if (side == LLMOBS_HTTP1_REQUEST && http->tunnel > http->answered &&
        way->head.len == 0) {
        http->guess = OF_TUNNEL;
        keep(http, in);
        return in.len;
    }
    while (n < in.len && !whole) {
        const char *end = way->line == FULL
                              ? memchr(in.data + n, '\n', in.len - n)
                              : in.data + n;

        n = end ? (size_t)(end + 1 - in.data) : in.len;
        whole = ends_head(way, in.data[n - 1]);
    }
    in.len = n;
    http->blank =
        whole && n >= 2 && in.data[n - 2] == '\r' ? in.data + n - 2 : NULL;
    if (n > LLMOBS_HTTP1_HEAD_MAX - way->head.len) {
        if (side == LLMOBS_HTTP1_ANSWER && http->asked != http->answered)
            stop_in_answer(
                http, way->head.len > 0 ? llmobs_wiped_text(&way->head) : in,
                LLMOBS_HTTP1_LARGE);
        else
            stop(http, LLMOBS_HTTP1_LARGE);
    } else if (whole && way->head.len == 0) {
        read_whole(http, in);
    } else if (llmobs_wiped_add(&way->head, in) != 0) {
        stop(http, LLMOBS_HTTP1_MEMORY);
    } else if (whole) {
        read_whole(http, llmobs_wiped_text(&way->head));
        llmobs_wiped_fini(&way->head);
    }
    return n;
}

static size_t read_body(struct llmobs_http1 *http, enum llmobs_http1_side side,
                        struct llmobs_text in)
{
    struct llmobs_http1_way *way = &http->ways[side];

    if (way->step != TO_END) {
        if (in.len > way->left)
            in.len = (size_t)way->left;
        way->left -= in.len;
    }
    http->events->body(http->user, side, number_of(http, side), in);
    if (way->step == CHUNK && way->left == 0)
        way->step = CHUNK_END;
    else if (way->step == LENGTH && way->left == 0)
        end_message(http, side);
    return in.len;
}

/* The step behind one byte of the lines around chunks; HEAD: the byte may not
 * be there. */
static enum step step_behind(struct llmobs_http1_way *way, char c)
{
    enum step step = way->step;
    int digit = llmobs_text_hex(c);

    if ((step == SIZE_FIRST || step == SIZE) && digit >= 0) {
        if (way->left > UINT64_MAX >> 8)
            return HEAD;
        way->left = way->left << 4 | (uint64_t)digit;
        return SIZE;
    }
    if (step == CHUNK_END && c == '\r')
        return CHUNK_CR;
    if ((step == CHUNK_END || step == CHUNK_CR) && c == '\n')
        return SIZE_FIRST;
    if (step == SIZE_FIRST || step == CHUNK_END || step == CHUNK_CR)
        return HEAD;
    if (c == '\n')
        return way->left ? CHUNK : TRAILER;
    if (step == SIZE_CR)
        return HEAD;
    if (c == '\r')
        return SIZE_CR;
    if (c == ';' || step == EXTENSION)
        return EXTENSION;
    return c == ' ' || c == '\t' ? SIZE_BLANK : HEAD;
}

/* Gives how many bytes are left where the reader stops. */
static size_t read_bytes(struct llmobs_http1 *http, enum llmobs_http1_side side,
                         struct llmobs_text in)
{
    struct llmobs_http1_way *way = &http->ways[side];
    enum step step;
    size_t n;

    for (; in.len > 0 && !http->why; in.data += n, in.len -= n) {
        if (side == LLMOBS_HTTP1_REQUEST && way->step != HEAD)
            http->waits = false; /* for the body begins */
        n = 1;
        switch (way->step) {
        case HEAD:
            n = read_head(http, side, in);
            break;
        case LENGTH:
        case TO_END:
        case CHUNK:
            n = read_body(http, side, in);
            break;
        case TRAILER:
            if (ends_head(way, in.data[0]))
                end_message(http, side);
            break;
        default:
            step = step_behind(way, in.data[0]);
            if (step == HEAD)
                stop(http, LLMOBS_HTTP1_DOUBT);
            way->step = (uint8_t)step;
        }
    }
    return in.len;
}

static void read_sent(struct llmobs_http1 *http, struct llmobs_text in)
{
    if (http->guess && !http->why)
        keep(http, in);
    else
        read_bytes(http, LLMOBS_HTTP1_REQUEST, in);
}

/* Bytes that must show what they are are held until enough of them are there.
 */
void llmobs_http1_sent(struct llmobs_http1 *http, const void *bytes, size_t len)
{
    struct llmobs_text in = {bytes, len}, held = {http->first, http->held};
    enum llmobs_http1_first first;
    size_t all = held.len;

    if (!http->looks || len == 0 || http->why) {
        read_sent(http, in);
        return;
    }
    first = llmobs_http1_first_add(http->first, &all, http->asked == 0, in.data,
                                   in.len);
    if (first == LLMOBS_HTTP1_FIRST_SHORT) {
        http->held = (uint8_t)all;
        return;
    }
    http->held = 0;
    /* The first bytes say whose they are. */
    http->looks = false;
    if (http->asked > 0)
        http->guess = first == LLMOBS_HTTP1_FIRST_HTTP ? OF_BODY : 0;
    else if (first != LLMOBS_HTTP1_FIRST_HTTP)
        stop(http, first == LLMOBS_HTTP1_FIRST_H2 ? LLMOBS_HTTP1_H2
                                                  : LLMOBS_HTTP1_FOREIGN);
    read_sent(http, held);
    explicit_bzero(http->first, sizeof(http->first));
    read_sent(http, in);
}

void llmobs_http1_skip(struct llmobs_http1 *http, uint64_t count)
{
    struct llmobs_http1_way *way = &http->ways[LLMOBS_HTTP1_REQUEST];

    if (count > 0 && http->guess && !http->why && !is_of_body(http))
        llmobs_http1_miss(http);
    if (count > 0 && http->held == 0)
        http->looks = http->waits = false;
    while (count > 0 && !http->why)
        if ((way->step == LENGTH || way->step == CHUNK) && !http->looks)
            count -= read_body(http, LLMOBS_HTTP1_REQUEST,
                               (struct llmobs_text){NULL, count});
        else
            llmobs_http1_miss(http);
}

size_t llmobs_http1_received(struct llmobs_http1 *http, const void *bytes,
                             size_t len)
{
    /* A server that speaks first: this is not HTTP. */
    if (len > 0 && !http->why && http->asked == 0)
        stop(http, LLMOBS_HTTP1_FOREIGN);
    return read_bytes(http, LLMOBS_HTTP1_ANSWER,
                      (struct llmobs_text){bytes, len});
}

void llmobs_http1_chunks_begin(struct llmobs_http1_way *way)
{
    *way = (struct llmobs_http1_way){.step = SIZE_FIRST};
}

size_t llmobs_http1_chunks(struct llmobs_http1_way *way, const char *bytes,
                           size_t len)
{
    size_t at = 0;

    while (at < len && way->step != HEAD) {
        size_t n = way->step == CHUNK ? way->left : 1;

        n = n < len - at ? n : len - at;
        if (way->step == CHUNK) {
            way->left -= n;
            way->step = way->left ? CHUNK : CHUNK_END;
        } else if (way->step == TRAILER) {
            way->step = ends_head(way, bytes[at]) ? HEAD : TRAILER;
        } else {
            way->step = (uint8_t)step_behind(way, bytes[at]);
        }
        at += n;
    }
    return at;
}
