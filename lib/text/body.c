/* Collects a body's bytes within its limits. */
#include "lib/text/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fork.h"
#include "lib/text/budget.h"
#include "lib/text/json_plain.h"

/* A body claims from the budget in these steps, the first while it is small.
 */
#define STEP_FIRST ((size_t)8 * 1024)
#define STEP ((size_t)64 * 1024)

/* -- its share of the budget --------------------------------------------- */

/* A child process has a new budget: it releases nothing that its parent
 * claimed. */
static void drop_parent_claim(struct llmobs_body *body)
{
    int process = llmobs_fork_process();

    if (body->charged_in != process)
        body->charged = 0;
    body->charged_in = process;
}

/* Claims from the budget until the body's share is `need` bytes; false: the
 * budget has no room, and the share stays. */
static bool charge(struct llmobs_body *body, size_t need,
                   enum llmobs_budget_for purpose)
{
    if (body->free)
        return true;
    drop_parent_claim(body);
    if (need <= body->charged)
        return true;
    if (need <= LLMOBS_BODY_SMALL)
        llmobs_budget_force(need - body->charged);
    else if (!llmobs_budget_claim(need - body->charged, purpose))
        return false;
    body->charged = need;
    return true;
}

/* Releases the share beyond `need`. */
static void uncharge(struct llmobs_body *body, size_t need)
{
    if (body->charged > 0)
        drop_parent_claim(body);
    if (need >= body->charged)
        return;
    llmobs_budget_release(body->charged - need);
    body->charged = need;
}

/* True when the budget has room for a whole body of `len` bytes. Up to the
 * length of two ends, a whole body costs no more than its ends would. */
static bool affords(struct llmobs_body *body, uint64_t len)
{
    size_t step = len < STEP ? STEP_FIRST : STEP;

    if (len <= body->charged || (body->room && len < LLMOBS_BODY_ROOM))
        return true;
    return charge(body, ((size_t)len + step - 1) / step * step,
                  len <= 2 * LLMOBS_BODY_EDGE ? LLMOBS_BUDGET_ENDS
                                              : LLMOBS_BUDGET_WHOLE);
}

/* -- the bytes ------------------------------------------------------------ */

void llmobs_body_limit(struct llmobs_body *body, size_t whole_max)
{
    if (body->total > 0 || whole_max >= body->whole_max)
        return;
    body->whole_max = whole_max;
    body->head.max = whole_max;
    if (body->expected > whole_max)
        body->expected = whole_max;
}

void llmobs_body_init(struct llmobs_body *body, size_t whole_max)
{
    memset(body, 0, sizeof(*body));
    body->whole_max = whole_max;
    llmobs_buf_init(&body->head, whole_max);
    body->head.raw = true;
}

static void drop_tail(struct llmobs_body *body)
{
    free(body->tail);
    body->tail = NULL;
    body->tail_len = 0;
    body->tail_at = 0;
}

void llmobs_body_fini(struct llmobs_body *body)
{
    llmobs_buf_fini(&body->head);
    drop_tail(body);
    uncharge(body, 0);
}

static void add_tail(struct llmobs_body *body, const char *data, size_t len)
{
    size_t edge = body->edge;
    size_t first;

    if (len > edge) {
        data += len - edge;
        len = edge;
    }
    first = edge - body->tail_at;
    if (first > len)
        first = len;
    if (len == 0)
        return;
    memcpy(body->tail + body->tail_at, data, first);
    memcpy(body->tail, data + first, len - first);
    body->tail_at = (body->tail_at + len) % edge;
    body->tail_len = body->tail_len + len < edge ? body->tail_len + len : edge;
}

/* Makes two ends of a body that was whole. The bytes that made it too long
 * follow: the head takes the first of them, the caller adds the rest. */
static int truncate_to_edges(struct llmobs_body *body, const char **data,
                             size_t *len)
{
    size_t edge;
    size_t fill;
    int rc = 0;

    /* Gives the length of an end: LLMOBS_BODY_EDGE, or less where the budget
     * has less room. Takes the share for both ends at once. */
    edge = body->whole_max / 2;
    if (edge > LLMOBS_BODY_EDGE)
        edge = LLMOBS_BODY_EDGE;
    if (edge > llmobs_body_len(body) / 2)
        edge = (size_t)(llmobs_body_len(body) / 2);

    while (!charge(body, 2 * edge, LLMOBS_BUDGET_ENDS))
        edge =
            edge / 4 > LLMOBS_BODY_SMALL / 2 ? edge / 4 : LLMOBS_BODY_SMALL / 2;
    uncharge(body, 2 * edge);

    body->edge = edge;
    body->tail = malloc(edge > 0 ? edge : 1);
    if (body->tail == NULL)
        return -ENOMEM;
    body->truncated = true;
    if (body->head.len < edge) {
        fill = edge - body->head.len;
        rc = llmobs_buf_add(&body->head, *data, fill);
        if (rc != 0)
            return rc;
        *data += fill;
        *len -= fill;
    }
    if (body->head.len > edge)
        add_tail(body, body->head.data + edge, body->head.len - edge);
    llmobs_buf_cut(&body->head, edge);
    llmobs_buf_fit(&body->head);
    return 0;
}

void llmobs_body_expect(struct llmobs_body *body, uint64_t len)
{
    body->expected =
        len < LLMOBS_BODY_EXPECT ? (size_t)len : LLMOBS_BODY_EXPECT;
    if (body->expected > body->whole_max)
        body->expected = body->whole_max;
}

void llmobs_body_end(struct llmobs_body *body)
{
    llmobs_buf_fit(&body->head);
}

int llmobs_body_add(struct llmobs_body *body, const void *data, size_t len)
{
    const char *at = data;
    uint64_t whole = llmobs_body_len(body) + len;
    int rc = 0;

    if (len == 0)
        return body->lost ? -ENOMEM : 0;
    body->total += len;
    if (body->lost)
        return -ENOMEM;
    if (!body->head.data && body->room)
        llmobs_buf_lend(&body->head, body->room, LLMOBS_BODY_ROOM);
    if (!body->truncated && whole <= body->whole_max && affords(body, whole)) {
        /* The memory that the body is expected to need: while it is untouched
         * it is free, and not claimed from the budget. */
        if (whole < body->expected && whole >= LLMOBS_BODY_ROOM) {
            (void)llmobs_buf_reserve(&body->head,
                                     body->expected - body->head.len);
            body->expected = 0;
        }
        rc = llmobs_buf_add(&body->head, at, len);
    } else {
        if (!body->truncated)
            rc = truncate_to_edges(body, &at, &len);
        if (rc == 0)
            add_tail(body, at, len);
    }
    body->lost = rc != 0;
    return rc;
}

/* Makes the ends of the copy as long as the ends of the original. */
static int clone_ends(struct llmobs_body *to, const struct llmobs_body *from)
{
    int rc = llmobs_buf_add(&to->head, from->head.data, from->head.len);

    if (!to->free) {
        drop_parent_claim(to);
        llmobs_budget_force(2 * from->edge);
        to->charged += 2 * from->edge;
    }
    to->edge = from->edge;
    to->tail = malloc(from->edge > 0 ? from->edge : 1);
    if (!to->tail)
        return -ENOMEM;
    memcpy(to->tail, from->tail, from->tail_len);
    to->tail_len = from->tail_len;
    to->tail_at = from->tail_at;
    to->truncated = true;
    to->total = from->total;
    return rc;
}

int llmobs_body_clone(struct llmobs_body *to, const struct llmobs_body *from)
{
    int rc = 0;

    to->whole_max = from->whole_max;
    to->head.max = from->head.max;
    if (from->tail)
        rc = clone_ends(to, from);
    else if (from->head.len > 0)
        rc = llmobs_body_add(to, from->head.data, from->head.len);
    else if (from->head.data)
        rc = llmobs_buf_add(&to->head, "", 0);
    llmobs_buf_fit(&to->head);
    to->total = from->total;
    to->left = from->left;
    to->lost = from->lost || rc != 0;
    return rc;
}

void llmobs_body_shrink(struct llmobs_body *body)
{
    const char *none = "";
    size_t len = 0;

    if (body->truncated || body->head.len <= 2 * LLMOBS_BODY_EDGE)
        return;
    if (truncate_to_edges(body, &none, &len) != 0)
        body->lost = true;
}

void llmobs_body_miss(struct llmobs_body *body, uint64_t len)
{
    body->total += len;
    body->lost = true;
}

void llmobs_body_omit(struct llmobs_body *body, size_t len)
{
    llmobs_buf_cut(&body->head, body->head.len - len);
    body->left += len;
}

void llmobs_body_pass(struct llmobs_body *body, size_t len)
{
    body->total += len;
    body->left += len;
}

void llmobs_body_stand_in(struct llmobs_body *body, const char *text,
                          size_t len)
{
    body->left -= len;
    body->total -= len;
    (void)llmobs_body_add(body, text, len);
}

void llmobs_body_rewind(struct llmobs_body *body, uint64_t total)
{
    bool gaps = body->left > 0 && total > 0;

    if (total >= body->total)
        return;
    body->total = total;
    body->left = 0;
    drop_tail(body);
    if (gaps || total > body->head.len) {
        body->lost = true;
        return;
    }
    llmobs_buf_cut(&body->head, (size_t)total);
    body->truncated = false;
    body->lost = false;
}

struct llmobs_text llmobs_body_head(const struct llmobs_body *body)
{
    struct llmobs_text head = {body->head.data, body->head.len};

    return head;
}

static void reverse(char *data, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        char byte = data[i];

        data[i] = data[len - 1 - i];
        data[len - 1 - i] = byte;
    }
}

struct llmobs_text llmobs_body_tail(struct llmobs_body *body)
{
    struct llmobs_text tail = {body->tail, body->tail_len};

    /* Three reversals turn the ring in place, so that no memory is needed. The
     * ring is full from its beginning: its oldest byte lies where the next byte
     * goes. */
    if (body->tail_at > 0) {
        reverse(body->tail, body->tail_at);
        reverse(body->tail + body->tail_at, body->tail_len - body->tail_at);
        reverse(body->tail, body->tail_len);
        body->tail_at = 0;
    }
    return tail;
}

#define LOOK_EVERY (LLMOBS_BLOB_MIN / 2)
#define SUM_EVERY 64
#define SUM_FIRST UINT32_C(0x811c9dc5) /* of FNV-1a */
#define SUM_TIMES UINT32_C(0x01000193)
#define LOOK_AT (sizeof(llmobs_json_block))
#define MARK_MAX 64

/* -- characters ------------------------------------------------------------ */

static inline bool is_char(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '/' && c <= '9') ||
           c == '+' || c == '-' || c == '_';
}

/* Marks the bytes among sixteen that are characters of base64. A difference of
 * unsigned bytes tells by one comparison whether a byte lies within a range. */
static inline llmobs_json_block mark_chars(llmobs_json_block bytes)
{
    typedef unsigned char block __attribute__((vector_size(sizeof(bytes))));
    block letters = (block)(bytes | 0x20) - ('a' + 0x80);
    block digits = (block)bytes - ('/' + 0x80);

    return ((llmobs_json_block)letters < -0x80 + 26) |
           ((llmobs_json_block)digits < -0x80 + 11) | (bytes == '+') |
           (bytes == '-') | (bytes == '_');
}

static inline size_t chars_of_block(const char *data)
{
    llmobs_json_block bytes;

    memcpy(&bytes, data, sizeof(bytes));
    return llmobs_json_unmarked(~mark_chars(bytes));
}

/* The number of characters at the beginning, without an escaped one. */
static size_t plain_run(const char *data, size_t len)
{
    size_t at = 0, n = LOOK_AT;

    for (; n == LOOK_AT && len - at >= n; at += n)
        n = chars_of_block(data + at);
    while (n == LOOK_AT && at < len && is_char(data[at]))
        at++;
    return at;
}

/* The number of bytes at the beginning that belong to a text; *escapes: how
 * many of them are backslashes. A last backslash counts, as '/' may follow. */
static size_t run_of(const char *data, size_t len, size_t *escapes)
{
    size_t at = plain_run(data, len);

    *escapes = 0;
    while (at < len && data[at] == '\\' &&
           (at + 1 == len || data[at + 1] == '/')) {
        ++*escapes;
        at++;
        at += plain_run(data + at, len - at);
    }
    return at;
}

/* The number of bytes at the end that belong to a text, from `from` on. */
static size_t run_before(const char *data, size_t from, size_t len)
{
    size_t at = len;

    while (at - from >= LOOK_AT &&
           chars_of_block(data + at - LOOK_AT) == LOOK_AT)
        at -= LOOK_AT;
    while (at > from &&
           (is_char(data[at - 1]) ||
            (data[at - 1] == '\\' && (at == len || data[at] == '/'))))
        at--;
    return len - at;
}

/* ---- a text that is left out ----------------------------------------------
 */

/* Counts bytes of the text into its mark. */
static void count_bytes(struct llmobs_blob *blob, const char *data, size_t len,
                        size_t escapes)
{
    size_t at = (size_t)(-blob->bytes % SUM_EVERY);

    for (; at < len; at += SUM_EVERY)
        blob->sum = (blob->sum ^ (unsigned char)data[at]) * SUM_TIMES;
    blob->bytes += len;
    blob->chars += len - escapes;
}

/* Takes bytes of the text. A backslash at their end is not counted before the
 * next byte tells that it belongs to the text. */
static void add_bytes(struct llmobs_blob *blob, const char *data, size_t len,
                      size_t escapes)
{
    if (len > 0 && blob->escape)
        count_bytes(blob, "\\", 1, 1);
    if (len > 0)
        blob->escape = data[len - 1] == '\\';
    if (len > 0)
        count_bytes(blob, data, len - blob->escape, escapes - blob->escape);
}

/* The text is too long: takes all of it out of the body except its beginning,
 * which may not end within an escape. */
static void begin_omitting(struct llmobs_blob *blob, struct llmobs_body *body)
{
    const char *text = body->head.data + body->head.len - blob->run;
    size_t kept = LLMOBS_BLOB_KEPT, escapes;

    blob->bytes = blob->chars = 0;
    blob->sum = SUM_FIRST;
    blob->escape = blob->padded = false;
    (void)run_of(text, blob->run, &escapes);
    add_bytes(blob, text, blob->run, escapes);
    blob->leaving = true;
    kept -= text[kept - 1] == '\\';
    llmobs_body_omit(body, blob->run - kept);
}

static void end_omitting(struct llmobs_blob *blob, struct llmobs_body *body)
{
    char mark[MARK_MAX];
    int len =
        snprintf(mark, sizeof(mark), LLMOBS_BLOB_MARK,
                 blob->chars / 4 * 3 + blob->chars % 4 * 3 / 4, blob->sum);

    llmobs_body_stand_in(body, mark, (size_t)len);
    if (blob->escape) /* it did not belong to the text */
        llmobs_body_stand_in(body, "\\", 1);
    llmobs_blob_reset(blob);
}

/* Each of the following functions gives the number of bytes that it took. */

static size_t omit_bytes(struct llmobs_blob *blob, struct llmobs_body *body,
                         const char *data, size_t len)
{
    size_t n = 0, escapes;

    if (blob->escape && *data != '/') {
        end_omitting(blob, body);
        return 0;
    }
    if (!blob->padded) {
        n = run_of(data, len, &escapes);
        add_bytes(blob, data, n, escapes);
    }
    for (; n < len && data[n] == '='; n++)
        blob->padded = true;
    llmobs_body_pass(body, n);
    if (n < len)
        end_omitting(blob, body);
    return n;
}

/* ---- a text that stays so far ---------------------------------------------
 */

/* A text of this many bytes is long; a backslash at its end may not belong to
 * it. */
static size_t least_len(const struct llmobs_blob *blob,
                        const struct llmobs_body *b)
{
    bool open =
        blob->run == LLMOBS_BLOB_MIN && b->head.data[b->head.len - 1] == '\\';

    return LLMOBS_BLOB_MIN + open;
}

/* Goes on with a text that is long enough to be judged. */
static size_t go_on_long(struct llmobs_blob *blob, struct llmobs_body *body,
                         const char *data, size_t len)
{
    size_t escapes, n = run_of(data, len, &escapes);

    if (n > blob->limit - blob->run) {
        begin_omitting(blob, body);
        return 0;
    }
    (void)llmobs_body_add(body, data, n);
    blob->run = n < len ? 0 : blob->run + n;
    return n;
}

/* Takes nothing of a text that ends before it is long. */
static size_t go_on_text(struct llmobs_blob *blob, struct llmobs_body *body,
                         const char *data, size_t len)
{
    size_t most = least_len(blob, body) - blob->run, escapes;

    if (blob->run > 0 && body->head.data[body->head.len - 1] == '\\' &&
        *data != '/') {
        blob->run = 0;
        return 0;
    }
    if (blob->judged)
        return go_on_long(blob, body, data, len);
    most = len < most ? len : most;
    if (run_of(data, most, &escapes) < most) {
        blob->run = 0;
        return 0;
    }
    (void)llmobs_body_add(body, data, most);
    blob->run += most;
    if (!body->truncated && !body->lost && blob->run >= least_len(blob, body)) {
        /* The text has LLMOBS_BLOB_MIN bytes. */
        struct llmobs_text before = llmobs_body_head(body);

        before.len -= blob->run;
        if (before.len > LLMOBS_BLOB_BEFORE) {
            before.data += before.len - LLMOBS_BLOB_BEFORE;
            before.len = LLMOBS_BLOB_BEFORE;
        }
        blob->limit = blob->most(blob->how, before);
        blob->judged = true;
        if (blob->limit < blob->run)
            begin_omitting(blob, body);
    }
    return most;
}

/* Gives where the next long text begins, or where one begins that may go on
 * behind the data; else `len`. A text of LLMOBS_BLOB_MIN bytes has at least one
 * place that is looked at. */
static size_t find_long_text(const char *data, size_t len)
{
    size_t from = 0;

    for (size_t at = LOOK_EVERY; at <= len; at += LOOK_EVERY) {
        size_t begin, most, n, escapes;
        llmobs_json_block bytes;

        memcpy(&bytes, data + at - LOOK_AT, sizeof(bytes));
        /* Sixteen bytes of most words are no base64. */
        if (llmobs_json_unmarked(~(mark_chars(bytes) | (bytes == '\\'))) !=
            sizeof(bytes)) {
            from = at - LOOK_AT;
            continue;
        }
        begin = at - run_before(data, from, at);
        most = len - begin < LLMOBS_BLOB_MIN ? len - begin : LLMOBS_BLOB_MIN;
        n = run_of(data + begin, most, &escapes);
        if (n == most)
            return begin;
        from = at = begin + n;
    }
    return len - run_before(data, from, len);
}

/* Passes to the next text, and takes the beginning of it. */
static size_t blob_pass(struct llmobs_blob *blob, struct llmobs_body *body,
                        const char *data, size_t len)
{
    size_t begin = find_long_text(data, len);
    size_t end =
        len - begin > LLMOBS_BLOB_MIN - 1 ? begin + LLMOBS_BLOB_MIN - 1 : len;

    (void)llmobs_body_add(body, data, end);
    blob->run = end - begin;
    blob->judged = false;
    return end;
}

void llmobs_blob_reset(struct llmobs_blob *blob)
{
    blob->run = 0;
    blob->leaving = false;
}

int llmobs_blob_add(struct llmobs_blob *blob, struct llmobs_body *body,
                    const void *data, size_t len)
{
    const char *at = data, *end = at + len;

    /* All stays of a body that is cut, and where there is no limit. */
    while (at < end && blob->most &&
           (blob->leaving || (!body->truncated && !body->lost))) {
        size_t left = (size_t)(end - at);

        if (blob->leaving)
            at += omit_bytes(blob, body, at, left);
        else if (blob->run > 0)
            at += go_on_text(blob, body, at, left);
        else
            at += blob_pass(blob, body, at, left);
    }
    return llmobs_body_add(body, at, (size_t)(end - at));
}
