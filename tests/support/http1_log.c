/* Writes what the HTTP/1.1 reader reports as text. */
#include "tests/support/http1_log.h"

#include <stdlib.h>

#include "lib/text/http1.h"

struct log {
    struct llmobs_buf *out;
    uint32_t heads[2], ends[2]; /* how many came, by side */
    int body;                   /* of this side stands last in out; -1 */
    bool stopped;
    bool wrong; /* an event came where it may not */
};

static const char signs[] = "><";

static void check(struct log *log, bool right)
{
    log->wrong |= !right || log->stopped;
    log->body = -1;
}

static void add_text(struct log *log, struct llmobs_text text)
{
    (void)llmobs_buf_addc(log->out, ' ');
    (void)llmobs_buf_add(log->out, text.data, text.len);
}

static void add_headers(struct log *log, struct llmobs_text headers)
{
    struct llmobs_http1_header header;

    while (llmobs_http1_header_next(&headers, &header)) {
        if (header.name.len != 1)
            continue;
        add_text(log, header.name);
        (void)llmobs_buf_addc(log->out, '=');
        (void)llmobs_buf_add(log->out, header.value.data, header.value.len);
    }
}

static void on_head(void *user, enum llmobs_http1_side side, uint32_t number,
                    const struct llmobs_http1_head *head)
{
    static const char *const framings[] = {"", " length", " chunked",
                                           " to end"};
    struct log *log = user;

    check(log,
          log->heads[side] == log->ends[side] && number == log->heads[side]++);
    (void)llmobs_buf_addf(log->out, "%c%u", signs[side], number);
    if (side == LLMOBS_HTTP1_REQUEST) {
        add_text(log, head->method);
        add_text(log, head->target);
        add_text(log, head->host);
    } else {
        check(log, number < log->heads[LLMOBS_HTTP1_REQUEST]);
        (void)llmobs_buf_addf(log->out, " %u", head->status);
    }
    (void)llmobs_buf_addf(log->out, " 1.%u%s", head->minor,
                          framings[head->framing]);
    if (head->framing == LLMOBS_HTTP1_LENGTH)
        (void)llmobs_buf_addf(log->out, " %llu",
                              (unsigned long long)head->length);
    add_headers(log, head->headers);
    (void)llmobs_buf_addc(log->out, '|');
}

static void on_body(void *user, enum llmobs_http1_side side, uint32_t number,
                    struct llmobs_text bytes)
{
    struct log *log = user;
    int last = log->body;

    check(log, number == log->ends[side] &&
                   log->heads[side] == log->ends[side] + 1 && bytes.len > 0);
    if (last == (int)side) /* without the mark behind it */
        llmobs_buf_cut(log->out, log->out->len - 1);
    else
        (void)llmobs_buf_addf(log->out, "%c%u = ", signs[side], number);
    if (bytes.data)
        (void)llmobs_buf_add(log->out, bytes.data, bytes.len);
    for (size_t i = 0; !bytes.data && i < bytes.len; i++)
        (void)llmobs_buf_addc(log->out, '?');
    (void)llmobs_buf_addc(log->out, '|');
    log->body = (int)side;
}

static void on_end(void *user, enum llmobs_http1_side side, uint32_t number,
                   enum llmobs_http1_end how)
{
    static const char *const hows[] = {"whole",    "closed",  "cut", "none",
                                       "given up", "refused", "lost"};
    struct log *log = user;

    if (side == LLMOBS_HTTP1_ANSWER && log->heads[side] == log->ends[side])
        log->heads[side]++; /* no head came */
    check(log, number == log->ends[side]++ &&
                   log->ends[side] <= log->heads[side] &&
                   number < log->heads[LLMOBS_HTTP1_REQUEST]);
    (void)llmobs_buf_addf(log->out, "%c%u %s|", signs[side], number, hows[how]);
}

static void on_stopped(void *user, enum llmobs_http1_why why)
{
    static const char *const whys[] = {"reads",  "foreign", "h2",   "switched",
                                       "doubt",  "unasked", "deep", "large",
                                       "memory", "missed",  "over"};
    struct log *log = user;

    check(log, log->heads[0] == log->ends[0] && log->heads[0] == log->ends[1]);
    (void)llmobs_buf_addf(log->out, "%s|", whys[why]);
    log->stopped = true;
}

/* How many of the `left` bytes at `at` come in one piece. */
static size_t piece(const struct http1_cuts *cuts, size_t at, size_t left,
                    uint64_t *chance)
{
    size_t len = left;

    for (size_t i = 0; i < 2; i++) {
        if (cuts->at[i] > at && cuts->at[i] - at < len)
            len = cuts->at[i] - at;
    }
    if (cuts->seed) {
        *chance = *chance * UINT64_C(6364136223846793005) + 1442695040888963407;
        len = 1 + (size_t)(*chance >> 40) % (*chance >> 62 ? 7 : 200);
    }
    if (cuts->each)
        len = 1;
    return len < left ? len : left;
}

/* Gives bytes in memory of their own, so that a read beyond them is found. */
static void feed(struct llmobs_http1 *http, char mark, const char *bytes,
                 size_t len)
{
    char *copy = malloc(len);

    if (mark == HTTP1_SKIPPED[0])
        llmobs_http1_skip(http, len);
    memcpy(copy, bytes, len);
    if (mark == HTTP1_SENT[0])
        llmobs_http1_sent(http, copy, len);
    else if (mark == HTTP1_RECEIVED[0])
        llmobs_http1_received(http, copy, len);
    free(copy);
}

bool http1_log(struct llmobs_text in, const struct http1_cuts *cuts,
               struct llmobs_buf *out)
{
    static const struct llmobs_http1_events events = {
        on_head, on_body, on_end, NULL, NULL, on_stopped};
    struct log log = {.out = out, .body = -1};
    uint64_t chance = cuts->seed;
    struct llmobs_http1 http;
    size_t at = 0;

    (void)llmobs_buf_adds(out, "");
    llmobs_http1_init(&http, &events, &log);
    while (at < in.len) {
        char mark = in.data[at++];
        size_t end = at;

        while (end < in.len && (unsigned char)in.data[end] - 1u > 4u)
            end++;
        if (mark == HTTP1_CLOSED[0] || mark == HTTP1_LOST[0])
            llmobs_http1_ended(&http, mark == HTTP1_CLOSED[0]);
        while (at < end) {
            size_t len = piece(cuts, at, end - at, &chance);

            feed(&http, mark, in.data + at, len);
            at += len;
        }
    }
    log.wrong |= (http.why != LLMOBS_HTTP1_READS) !=
                 (log.stopped || http.why == LLMOBS_HTTP1_OVER);
    llmobs_http1_fini(&http);
    return !log.wrong;
}
