/* Writes what the websocket reader reports as text. */
#include "tests/support/websocket_log.h"

#include <stdlib.h>

#include "lib/text/websocket.h"

#define CALLS 65536

struct log {
    struct llmobs_buf *out;
    /* Of each call 1: its head, 2: its end, 4: its answer's head, 8: that end.
     */
    char *came;
    uint32_t body; /* the call whose body stands last in out; 0 */
    int side;      /* of it */
    bool stopped;
    bool wrong; /* an event came where it may not */
};

static const char signs[] = "><";

/* `needs` must have come, and `gives` not. */
static void check(struct log *log, enum llmobs_http1_side side, uint32_t number,
                  int needs, int gives)
{
    char *came = &log->came[number % CALLS];
    int shift = side == LLMOBS_HTTP1_REQUEST ? 0 : 2;

    log->wrong |= log->stopped || number == 0 || !(*came & 1 || gives == 1) ||
                  (*came >> shift & needs) != needs ||
                  (gives && *came >> shift & gives);
    *came = (char)(*came | gives << shift);
    log->body = 0;
}

static void on_head(void *user, enum llmobs_http1_side side, uint32_t number,
                    const struct llmobs_http1_head *head)
{
    struct log *log = user;

    check(log, side, number, 0, 1);
    (void)llmobs_buf_addf(log->out, "%c%u", signs[side], number);
    if (side == LLMOBS_HTTP1_REQUEST)
        (void)llmobs_buf_addf(log->out, " %.*s %.*s %.*s",
                              (int)head->method.len, head->method.data,
                              (int)head->target.len, head->target.data,
                              (int)head->host.len, head->host.data);
    else
        (void)llmobs_buf_addf(log->out, " %u", head->status);
    (void)llmobs_buf_addc(log->out, '|');
    log->wrong |= head->upgrades;
}

static void on_body(void *user, enum llmobs_http1_side side, uint32_t number,
                    struct llmobs_text bytes)
{
    struct log *log = user;
    bool joins = log->body == number && log->side == (int)side;

    check(log, side, number, 1, 0);
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

    check(log, side, number, 0, 2);
    (void)llmobs_buf_addf(log->out, "%c%u %s|", signs[side], number, hows[how]);
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
static void feed(struct llmobs_websocket *ws, bool received, const char *bytes,
                 size_t len)
{
    char *copy = malloc(len);

    memcpy(copy, bytes, len);
    llmobs_websocket_read(ws,
                          received ? LLMOBS_HTTP1_ANSWER : LLMOBS_HTTP1_REQUEST,
                          (struct llmobs_text){copy, len});
    free(copy);
}

bool websocket_log(const char *extensions, struct llmobs_text in, size_t most,
                   uint64_t seed, struct llmobs_buf *out)
{
    static const struct llmobs_http1_events events = {
        on_head, on_body, on_end, NULL, NULL, on_stopped};
    static const struct llmobs_websocket_words words = {
        "type", "ask", "done\0error\0", "speaks", "lane"};
    const struct llmobs_http1_head asked = {
        .target = llmobs_text_of("/v1/responses"),
        .headers = llmobs_text_of("Host: h\r\nUpgrade: websocket\r\n")};
    const struct llmobs_http1_head agreed = {.headers =
                                                 llmobs_text_of(extensions)};
    struct log log = {.out = out, .came = calloc(1, CALLS)};
    struct llmobs_websocket *ws =
        llmobs_websocket_new(&asked, &words, &events, &log);
    const unsigned char *at = (const unsigned char *)in.data;
    const unsigned char *end = at + in.len;

    (void)llmobs_buf_adds(out, "");
    llmobs_websocket_begin(ws, &agreed);
    while (end - at >= 2) {
        size_t left = (size_t)(at[0] & 0x7f) << 8 | at[1];
        bool received = at[0] & 0x80, ended = received && left == 0x7fff;

        at += 2;
        if (ended)
            llmobs_websocket_ended(ws);
        if (ended || left > (size_t)(end - at))
            left = ended ? 0 : (size_t)(end - at);
        while (left > 0) {
            size_t len = left;

            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            if (most && len > 1 + (seed >> 40) % most)
                len = 1 + (seed >> 40) % most;
            feed(ws, received, (const char *)at, len);
            at += len;
            left -= len;
        }
    }
    for (uint32_t i = 1; ws->why && i <= ws->last && i < CALLS; i++)
        log.wrong |= log.came[i] && !(log.came[i] & 8);
    log.wrong |= ws->why && ws->waiting > 0;
    llmobs_websocket_free(ws);
    free(log.came);
    return !log.wrong;
}
