#include "cli/show/page_row.h"

#include <stdint.h>
#include <string.h>

#include "cli/query/keys.h"
#include "lib/text/decimal.h"
#include "lib/text/json_plain.h"

#define NS_PER_US 1000
#define REAL_MAX 1e15

/* -- values --------------------------------------------------------------- */

#define ESCAPE 6 /* the most bytes that one byte is written as */

/* Writes into room that the caller has made. */
static void page_row_put(struct llmobs_buf *out, const char *text, size_t len)
{
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

static void page_row_put_escape(struct llmobs_buf *out, char byte)
{
    static const char digits[] = "0123456789abcdef";
    unsigned code = (unsigned char)byte;
    const char text[ESCAPE] = {
        '\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]};

    page_row_put(out, text, sizeof(text));
}

/* The bytes up to the next one that a string of JSON or of HTML cannot have. */
static size_t plain_of(const char *text, size_t len)
{
    size_t run = llmobs_json_run(text, len, LLMOBS_JSON_STOP_QUOTE);
    const char *mark = memchr(text, '<', run);

    return mark ? (size_t)(mark - text) : run;
}

static void page_row_put_string(struct llmobs_buf *out, const char *text,
                                size_t len)
{
    size_t at = 0;

    page_row_put(out, "\"", 1);
    while (at < len) {
        size_t plain = plain_of(text + at, len - at);

        page_row_put(out, text + at, plain);
        at += plain;
        if (at < len)
            page_row_put_escape(out, text[at++]);
    }
    page_row_put(out, "\"", 1);
    out->data[out->len] = '\0';
}

int llmobs_page_string_add(struct llmobs_buf *out, const char *text, size_t max)
{
    size_t len = llmobs_texts_cut(text, max);
    int rc = llmobs_buf_reserve(out, ESCAPE * len + 2);

    if (rc == 0)
        page_row_put_string(out, text, len);
    return rc;
}

/* -- members -------------------------------------------------------------- */

#define KEY 5

static void put_key(struct llmobs_buf *out, char key)
{
    const char text[KEY] = {',', '"', key, '"', ':'};

    page_row_put(out, text, sizeof(text));
}

static int page_row_add_text(struct llmobs_buf *out, char key, const char *text)
{
    size_t len = text ? llmobs_texts_cut(text, LLMOBS_PAGE_ROW_TEXT) : 0;
    int rc = llmobs_buf_reserve(out, KEY + ESCAPE * len + 2);

    if (!text || rc != 0)
        return rc;
    put_key(out, key);
    page_row_put_string(out, text, len);
    return 0;
}

/* Adds a member whose number is written as `digits`. */
static int add_digits(struct llmobs_buf *out, char key, const char *digits,
                      size_t len)
{
    int rc = llmobs_buf_reserve(out, KEY + len);

    if (rc != 0)
        return rc;
    put_key(out, key);
    page_row_put(out, digits, len);
    out->data[out->len] = '\0';
    return 0;
}

static int page_row_add_count(struct llmobs_buf *out, char key, int64_t count)
{
    char digits[LLMOBS_DECIMAL_MAX];

    return count < 0 ? 0
                     : add_digits(out, key, digits,
                                  llmobs_decimal_write_int(count, digits));
}

static int page_row_add_real(struct llmobs_buf *out, char key, double number)
{
    char digits[LLMOBS_DECIMAL_MAX];

    return number >= 0 && number < REAL_MAX
               ? add_digits(out, key, digits,
                            llmobs_decimal_write(number, digits))
               : 0;
}

/* True for a tag that is a member of the row by itself. */
static bool page_row_is_member(const char *tag)
{
    static const char *const keys[] = {
        "ml_app:", "service:", "env:", "session_id:", "error:", "error_type:"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (*tag == *keys[i] && strncmp(tag, keys[i], strlen(keys[i])) == 0)
            return true;
    return false;
}

static int page_row_add_tags(struct llmobs_buf *out,
                             const struct llmobs_json *event)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t count = llmobs_json_len(tags), added = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (!tag || page_row_is_member(tag) || added == LLMOBS_PAGE_ROW_TAGS)
            continue;
        rc = llmobs_buf_adds(out, added++ == 0 ? ",\"g\":[" : ",");
        rc |= llmobs_page_string_add(out, tag, LLMOBS_PAGE_ROW_TEXT);
    }
    return rc == 0 && added > 0 ? llmobs_buf_addc(out, ']') : rc;
}

static int page_row_add_texts(struct llmobs_buf *out,
                              const struct llmobs_row *row)
{
    const struct {
        char key;
        const char *text;
    } texts[] = {
        {'s', row->span_id}, {'p', row->parent_id},  {'n', row->name},
        {'k', row->kind},    {'m', row->model},      {'v', row->provider},
        {'a', row->ml_app},  {'c', row->service},    {'e', row->env},
        {'u', row->session}, {'E', row->error_type}, {'q', row->question},
        {'A', row->answer},  {'B', row->program},    {'L', row->turn_span},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(*texts); i++)
        rc = page_row_add_text(out, texts[i].key, texts[i].text);
    return rc;
}

static int page_row_add_keys(struct llmobs_buf *out,
                             const struct llmobs_row *row,
                             const struct llmobs_json *event)
{
    static const struct {
        char key;
        struct llmobs_by_key by;
    } keys[] = {{'S', {LLMOBS_KEY_SCRIPT, ""}},  {'C', {LLMOBS_KEY_CALLER, ""}},
                {'P', {LLMOBS_KEY_PLUGIN, ""}},  {'H', {LLMOBS_KEY_HOST, ""}},
                {'O', {LLMOBS_KEY_OS_USER, ""}}, {'M', {LLMOBS_KEY_MODEL, ""}},
                {'R', {LLMOBS_KEY_RUN, ""}}};
    struct llmobs_key_room room;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(keys) / sizeof(*keys); i++) {
        const char *text = llmobs_key_of(&keys[i].by, row, event, &room);
        bool repeats = keys[i].by.key == LLMOBS_KEY_MODEL && text &&
                       row->model && strcmp(text, row->model) == 0;

        if (!repeats)
            rc = page_row_add_text(out, keys[i].key, text);
    }
    return rc;
}

static int add_counts(struct llmobs_buf *out, const struct llmobs_row *row)
{
    const struct {
        char key;
        int64_t count;
    } counts[] = {
        {'b', row->start_ns / NS_PER_US}, {'d', row->duration_ns},
        {'i', row->input_tokens},         {'o', row->output_tokens},
        {'r', row->cache_read_tokens},    {'w', row->cache_write_tokens},
        {'x', row->reasoning_tokens},     {'z', row->failed ? 1 : -1},
        {'j', row->billed ? 1 : -1},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(counts) / sizeof(*counts); i++)
        rc = page_row_add_count(out, counts[i].key, counts[i].count);
    return rc;
}

int llmobs_page_row_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        const struct llmobs_json *event)
{
    int rc = llmobs_buf_adds(out, "{\"t\":");

    rc |= llmobs_page_string_add(out, row->trace_id, LLMOBS_PAGE_ROW_TEXT);
    if (rc == 0)
        rc = page_row_add_texts(out, row);
    if (rc == 0)
        rc = page_row_add_keys(out, row, event);
    if (rc == 0)
        rc = add_counts(out, row);
    if (rc == 0)
        rc = page_row_add_real(out, 'f', row->first_token);
    if (rc == 0)
        rc = page_row_add_real(out, 'y', row->cost);
    if (rc == 0)
        rc = page_row_add_tags(out, event);
    return rc | llmobs_buf_addc(out, '}');
}
