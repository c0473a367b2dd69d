/* Writes an event's line into the page's data element. */
#include "cli/show/body.h"

#include <errno.h>
#include <string.h>

#include "lib/text/json_plain.h"

#define LINE_MAX_BYTES (512u * 1024 * 1024)
#define ID_MAX 64
#define HEAD_MAX 80 /* bytes in which a "data:" URL has its ";base64," */

void llmobs_page_body_init(struct llmobs_page_body *body, FILE *out, bool full)
{
    memset(body, 0, sizeof(*body));
    body->out = out;
    body->full = full;
    llmobs_buf_init(&body->clean, LINE_MAX_BYTES);
    llmobs_buf_init(&body->cut, LINE_MAX_BYTES);
}

void llmobs_page_body_fini(struct llmobs_page_body *body)
{
    llmobs_buf_fini(&body->clean);
    llmobs_buf_fini(&body->cut);
}

/* -- the bytes ------------------------------------------------------------ */

int llmobs_page_body_put(FILE *out, struct llmobs_text text)
{
    const char *at = text.data, *end = text.data + text.len;

    while (at < end) {
        const char *mark = memchr(at, '<', (size_t)(end - at));
        const char *stop = mark ? mark : end;

        fwrite(at, 1, (size_t)(stop - at), out);
        if (mark)
            fputs("\\u003c", out);
        at = mark ? mark + 1 : end;
    }
    return ferror(out) ? -EIO : 0;
}

/* True where the line has a control code, or begins with a byte order mark: a
 * browser would not read the same JSON. */
static bool is_odd(struct llmobs_text line)
{
    size_t at = 0;

    for (; line.len - at >= sizeof(llmobs_json_block);
         at += sizeof(llmobs_json_block)) {
        llmobs_json_block bytes;

        memcpy(&bytes, line.data + at, sizeof(bytes));
        bytes = (bytes >= 0) & (bytes < ' ');
        if (llmobs_json_unmarked(bytes) < sizeof(bytes))
            return true;
    }
    for (; at < line.len; at++)
        if ((unsigned char)line.data[at] < ' ')
            return true;
    return line.len >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0;
}

/* -- cuts ----------------------------------------------------------------- */

/* True where the first bytes of the text are base64, behind the head of a
 * "data:" URL if it has one. */
static bool is_base64(struct llmobs_text text)
{
    static const char comma[] = ";base64,";
    size_t far = text.len < HEAD_MAX ? text.len : HEAD_MAX;
    const char *head = memmem(text.data, far, comma, sizeof(comma) - 1);

    if (head && memcmp(text.data, "data:", 5) == 0) {
        head += sizeof(comma) - 1;
        text.len -= (size_t)(head - text.data);
        text.data = head;
    }
    for (size_t i = 0; i < text.len && i < LLMOBS_PAGE_BODY_TEXT; i++) {
        char c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z') || c == '+' || c == '/' || c == '=' ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* The bytes of the whole characters within the first `max` bytes of the
 * text. */
static size_t whole_within(struct llmobs_text text, size_t max)
{
    size_t len = 0, step;

    for (; len < text.len; len += step) {
        const char *at = text.data + len;

        step = 1;
        if (*at == '\\')
            step = at[1] == 'u' ? 6 : 2;
        else
            while (len + step < text.len &&
                   ((unsigned char)at[step] & 0xC0) == 0x80)
                step++;
        /* The second half of a pair belongs to the first. */
        if (step == 6 && (at[2] == 'd' || at[2] == 'D') &&
            strchr("89abAB", at[3]) && text.len - len >= 12 && at[6] == '\\' &&
            at[7] == 'u')
            step = 12;
        if (len + step > max)
            break;
    }
    return len;
}

/* Adds the text's beginning, and the remark. */
static int add_cut(struct llmobs_page_body *body, struct llmobs_text text,
                   size_t limit, const struct llmobs_json *event)
{
    static const char command[] = "llmobs view --json --trace";
    static const char plain[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    const char *id = llmobs_json_gets(event, "trace_id");
    size_t len;

    /* A shell takes the id as one plain word. */
    if (!id || *id == '\0' || strlen(id) > ID_MAX ||
        id[strspn(id, plain)] != '\0')
        id = "ID";
    if (is_base64(text)) {
        body->images++;
        return llmobs_buf_addf(&body->cut, "[left out: %zu bytes; see %s %s]",
                               text.len, command, id);
    }
    body->texts++;
    len = whole_within(text, limit);
    llmobs_buf_add(&body->cut, text.data, len);
    llmobs_buf_addf(&body->cut, " [cut: %zu of %zu bytes; see %s %s]",
                    text.len - len, text.len, command, id);
    return body->cut.error;
}

static size_t limit_of(const struct llmobs_page_body *body,
                       struct llmobs_text text)
{
    if (body->written >= LLMOBS_PAGE_BODY_ALL)
        return LLMOBS_PAGE_BODY_REST;
    if (text.len <= LLMOBS_PAGE_BODY_TEXT)
        return LLMOBS_PAGE_BODY_TEXT;
    return is_base64(text) ? LLMOBS_PAGE_BODY_IMAGE : LLMOBS_PAGE_BODY_TEXT;
}

/* Copies the line into body->cut up to its last long text, with long texts cut;
 * *rest is what follows in the line. */
static int cut_texts(struct llmobs_page_body *body, struct llmobs_text line,
                     const struct llmobs_json *event, const char **rest)
{
    const char *at = line.data, *end = line.data + line.len;
    int rc = 0;

    *rest = at;
    while (rc == 0 && at < end) {
        struct llmobs_text text = {at + 1, 0};

        if (*at++ != '"') /* between strings there are few bytes */
            continue;
        at = llmobs_json_string_end(text.data, end);
        text.len = (size_t)(at - text.data);
        at += at < end ? 1 : 0;
        if (text.len <= limit_of(body, text))
            continue;
        rc = llmobs_buf_add(&body->cut, *rest, (size_t)(text.data - *rest));
        if (rc == 0)
            rc = add_cut(body, text, limit_of(body, text), event);
        *rest = text.data + text.len;
    }
    return rc;
}

/* -- a line --------------------------------------------------------------- */

int llmobs_page_body_write(struct llmobs_page_body *body,
                           struct llmobs_text line,
                           const struct llmobs_json *event)
{
    bool late = body->written >= LLMOBS_PAGE_BODY_ALL;
    const char *rest;
    int rc = 0;

    if (is_odd(line)) {
        llmobs_buf_cut(&body->clean, 0);
        rc = llmobs_json_dump(event, LLMOBS_JSON_KEEP_ORDER, &body->clean);
        line = (struct llmobs_text){body->clean.data, body->clean.len};
    }
    if (rc == 0 && !body->full &&
        line.len > (late ? LLMOBS_PAGE_BODY_REST : LLMOBS_PAGE_BODY_TEXT)) {
        llmobs_buf_cut(&body->cut, 0);
        rc = cut_texts(body, line, event, &rest);
        if (rc == 0 && rest != line.data) {
            body->spans += late ? 1 : 0;
            rc = llmobs_buf_add(&body->cut, rest,
                                (size_t)(line.data + line.len - rest));
            line = (struct llmobs_text){body->cut.data, body->cut.len};
        }
    }
    if (rc != 0)
        return rc;
    body->written += line.len;
    rc = llmobs_page_body_put(body->out, line);
    return rc == 0 && putc('\n', body->out) == EOF ? -EIO : rc;
}
