#include "lib/text/blob.h"

#include <stdio.h>
#include <string.h>

#include "lib/text/json_plain.h"

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
