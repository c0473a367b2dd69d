/* Writes what the HTTP/2 reader reports as text. */
#include "tests/support/h2_log.h"

#include <stdlib.h>

#include "lib/text/h2.h"

struct log {
    struct llmobs_buf *out;
    char *came; /* by half the stream's number: bits of both sides */
    struct llmobs_h2_stream *open; /* by number */
    size_t count;
    uint32_t body; /* the stream whose body stands last in out; 0 */
    int side;      /* of it */
    uint32_t last; /* request head */
    bool stopped;
    bool wrong;  /* an event came where it may not */
    bool beyond; /* two streams have one place in `came` */
};

static const char signs[] = "><";

static struct llmobs_h2_stream *find(void *user, uint32_t number)
{
    struct log *log = user;
    size_t i = 0;

    while (i < log->count && log->open[i].id < number)
        i++;
    return i < log->count ? &log->open[i] : NULL;
}

static void forget(struct log *log, uint32_t number)
{
    struct llmobs_h2_stream *stream = find(log, number);

    if (!stream || stream->id != number)
        return;
    log->count--;
    memmove(stream, stream + 1,
            (size_t)(log->open + log->count - stream) * sizeof(*stream));
}

/* An event needs one bit before it, gives one, and must not have come. */
static void check(struct log *log, enum llmobs_http1_side side, uint32_t number,
                  int needs, int gives)
{
    char *came = &log->came[number / 2 % H2_LOG_STREAMS];
    int shift = side == LLMOBS_HTTP1_REQUEST ? 0 : 2;

    if (gives == 2 && *came >> (2 - shift) & 2) /* the second end */
        forget(log, number);
    log->beyond |= number / 2 >= H2_LOG_STREAMS;
    log->wrong |= log->stopped || number % 2 == 0 || number > log->last ||
                  (*came >> shift & needs) != needs || (*came >> shift & gives);
    *came = (char)(*came | gives << shift);
    log->body = 0;
}

static void on_head(void *user, enum llmobs_http1_side side, uint32_t number,
                    const struct llmobs_http1_head *head)
{
    struct llmobs_text rest = head->headers;
    struct llmobs_http1_header header;
    struct log *log = user;

    if (side == LLMOBS_HTTP1_REQUEST) {
        log->wrong |= number <= log->last;
        log->last = number;
        if (log->count < H2_LOG_STREAMS)
            log->open[log->count++] = (struct llmobs_h2_stream){.id = number};
    }
    check(log, side, number, 0, 1);
    log->wrong |= !head->h2;
    (void)llmobs_buf_addf(log->out, "%c%u", signs[side], number);
    if (side == LLMOBS_HTTP1_REQUEST)
        (void)llmobs_buf_addf(log->out, " %.*s %.*s %.*s",
                              (int)head->method.len, head->method.data,
                              (int)head->target.len, head->target.data,
                              (int)head->host.len, head->host.data);
    else
        (void)llmobs_buf_addf(log->out, " %u", head->status);
    while (llmobs_http1_header_next(&rest, &header))
        if (header.name.len == 1)
            (void)llmobs_buf_addf(log->out, " %.*s=%.*s", 1, header.name.data,
                                  (int)header.value.len, header.value.data);
    (void)llmobs_buf_addc(log->out, '|');
}

static void on_body(void *user, enum llmobs_http1_side side, uint32_t number,
                    struct llmobs_text bytes)
{
    struct log *log = user;
    bool joins = log->body == number && log->side == (int)side;

    check(log, side, number, 1, 0);
    log->wrong |= bytes.len == 0;
    if (joins) /* without the mark behind it */
        llmobs_buf_cut(log->out, log->out->len - 1);
    else
        (void)llmobs_buf_addf(log->out, "%c%u = ", signs[side], number);
    (void)llmobs_buf_add(log->out, bytes.data, bytes.len);
    (void)llmobs_buf_addc(log->out, '|');
    log->body = number;
    log->side = (int)side;
}

static void on_end(void *user, enum llmobs_http1_side side, uint32_t number,
                   enum llmobs_http1_end how)
{
    static const char *const hows[] = {"whole",    "closed",  "cut", "none",
                                       "given up", "refused", "lost"};
    struct log *log = user;

    check(log, side, number,
          side == LLMOBS_HTTP1_REQUEST || how == LLMOBS_HTTP1_WHOLE, 2);
    (void)llmobs_buf_addf(log->out, "%c%u %s|", signs[side], number, hows[how]);
}

static void on_passed(void *user, const char *what)
{
    struct log *log = user;

    log->wrong |= log->stopped;
    log->body = 0;
    (void)llmobs_buf_addf(log->out, "passed: %s|", what);
}

static void on_stopped(void *user, enum llmobs_http1_why why)
{
    static const char *const whys[] = {"reads",  "foreign", "h2",   "switched",
                                       "doubt",  "unasked", "deep", "large",
                                       "memory", "missed",  "over"};
    struct log *log = user;

    log->wrong |= log->stopped;
    (void)llmobs_buf_addf(log->out, "%s|", whys[why]);
    log->stopped = true;
}

/* Gives bytes in memory of their own, so that a read beyond them is found. */
static void feed(struct llmobs_h2 *h2, bool received, const char *bytes,
                 size_t len)
{
    char *copy = malloc(len);

    memcpy(copy, bytes, len);
    if (received)
        llmobs_h2_received(h2, copy, len);
    else
        llmobs_h2_sent(h2, copy, len);
    free(copy);
}

bool h2_log(struct llmobs_text in, size_t most, uint64_t seed,
            struct llmobs_buf *out)
{
    static const struct llmobs_http1_events events = {
        on_head, on_body, on_end, find, on_passed, on_stopped};
    struct log log = {.out = out,
                      .came = calloc(1, H2_LOG_STREAMS),
                      .open = calloc(H2_LOG_STREAMS, sizeof(*log.open))};
    const uint64_t key[2] = {seed, 2};
    const unsigned char *at = (const unsigned char *)in.data;
    const unsigned char *end = at + in.len;
    struct llmobs_h2 h2;

    (void)llmobs_buf_adds(out, "");
    llmobs_h2_init(&h2, &events, &log, key);
    while (end - at >= 2) {
        size_t left = (size_t)(at[0] & 0x7f) << 8 | at[1];
        bool received = at[0] & 0x80, ended = received && left == 0x7fff;

        at += 2;
        if (ended)
            llmobs_h2_ended(&h2);
        if (ended || left > (size_t)(end - at))
            left = ended ? 0 : (size_t)(end - at);
        while (left > 0) {
            size_t len = left;

            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            if (most && len > 1 + (seed >> 40) % most)
                len = 1 + (seed >> 40) % most;
            feed(&h2, received, (const char *)at, len);
            at += len;
            left -= len;
        }
    }
    log.wrong |= (h2.why != LLMOBS_HTTP1_READS) !=
                 (log.stopped || h2.why == LLMOBS_HTTP1_OVER);
    for (size_t i = 0; h2.why && i < H2_LOG_STREAMS; i++)
        log.wrong |= log.came[i] && (log.came[i] & 10) != 10;
    llmobs_h2_fini(&h2);
    free(log.came);
    free(log.open);
    return log.beyond || !log.wrong;
}
