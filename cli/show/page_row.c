#include "cli/show/page_row.h"

#include <errno.h>
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
static void put(struct llmobs_buf *out, const char *text, size_t len)
{
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

/* The bytes up to the next one that a string of JSON or of HTML cannot have. */
static size_t plain_of(const char *text, size_t len)
{
    size_t run = llmobs_json_run(text, len, LLMOBS_JSON_STOP_QUOTE);
    const char *mark = memchr(text, '<', run);

    return mark ? (size_t)(mark - text) : run;
}

static void put_string(struct llmobs_buf *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    put(out, "\"", 1);
    while (at < len) {
        size_t plain = plain_of(text + at, len - at);

        put(out, text + at, plain);
        at += plain;
        if (at < len) {
            unsigned code = (unsigned char)text[at++];

            put(out,
                (const char[ESCAPE]){'\\', 'u', '0', '0', digits[code >> 4],
                                     digits[code & 15]},
                ESCAPE);
        }
    }
    put(out, "\"", 1);
    out->data[out->len] = '\0';
}

int llmobs_page_string_add(struct llmobs_buf *out, const char *text, size_t max)
{
    size_t len = llmobs_texts_cut(text, max);
    int rc = llmobs_buf_reserve(out, ESCAPE * len + 2);

    if (rc == 0)
        put_string(out, text, len);
    return rc;
}

/* -- members -------------------------------------------------------------- */

#define KEY 5

static void put_key(struct llmobs_buf *out, char key)
{
    const char text[KEY] = {',', '"', key, '"', ':'};

    put(out, text, sizeof(text));
}

static void add_text(struct llmobs_buf *out, char key, const char *text)
{
    size_t len = text ? llmobs_texts_cut(text, LLMOBS_PAGE_ROW_TEXT) : 0;

    if (!text || llmobs_buf_reserve(out, KEY + ESCAPE * len + 2) != 0)
        return;
    put_key(out, key);
    put_string(out, text, len);
}

/* Adds a member whose number is written as `digits`. */
static void add_digits(struct llmobs_buf *out, char key, const char *digits,
                       size_t len)
{
    if (llmobs_buf_reserve(out, KEY + len) != 0)
        return;
    put_key(out, key);
    put(out, digits, len);
    out->data[out->len] = '\0';
}

static void add_real(struct llmobs_buf *out, char key, double number)
{
    char digits[LLMOBS_DECIMAL_MAX];

    if (number >= 0 && number < REAL_MAX)
        add_digits(out, key, digits, llmobs_decimal_write(number, digits));
}

/* True for a tag that is a member of the row by itself. */
static bool is_member(const char *tag)
{
    static const char *const keys[] = {
        "ml_app:", "service:", "env:", "session_id:", "error:", "error_type:"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (*tag == *keys[i] && strncmp(tag, keys[i], strlen(keys[i])) == 0)
            return true;
    return false;
}

static void add_tags(struct llmobs_buf *out, const struct llmobs_json *event)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t count = llmobs_json_len(tags), added = 0;

    for (size_t i = 0; i < count && added < LLMOBS_PAGE_ROW_TAGS; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (!tag || is_member(tag))
            continue;
        llmobs_buf_adds(out, added++ == 0 ? ",\"g\":[" : ",");
        llmobs_page_string_add(out, tag, LLMOBS_PAGE_ROW_TEXT);
    }
    if (added > 0)
        llmobs_buf_addc(out, ']');
}

static void add_texts(struct llmobs_buf *out, const struct llmobs_row *row)
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

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        add_text(out, texts[i].key, texts[i].text);
}

static void add_keys(struct llmobs_buf *out, const struct llmobs_row *row,
                     const struct llmobs_json *event)
{
    static const struct {
        char key;
        struct llmobs_by_key by;
    } keys[] = {{'S', {LLMOBS_KEY_SCRIPT, ""}},  {'C', {LLMOBS_KEY_CALLER, ""}},
                {'P', {LLMOBS_KEY_PLUGIN, ""}},  {'H', {LLMOBS_KEY_HOST, ""}},
                {'O', {LLMOBS_KEY_OS_USER, ""}}, {'M', {LLMOBS_KEY_MODEL, ""}},
                {'R', {LLMOBS_KEY_RUN, ""}}};
    struct llmobs_texts texts = {0};

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const char *text = llmobs_key_of(&keys[i].by, row, event, &texts);
        bool repeats = keys[i].by.key == LLMOBS_KEY_MODEL && text &&
                       row->model && strcmp(text, row->model) == 0;

        if (!repeats)
            add_text(out, keys[i].key, text);
    }
    llmobs_buf_fail(out, texts.failed ? -ENOMEM : 0);
    llmobs_texts_fini(&texts);
}

static void add_counts(struct llmobs_buf *out, const struct llmobs_row *row)
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
    char digits[LLMOBS_DECIMAL_MAX];

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (counts[i].count >= 0)
            add_digits(out, counts[i].key, digits,
                       llmobs_decimal_write_int(counts[i].count, digits));
}

int llmobs_page_row_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        const struct llmobs_json *event)
{
    llmobs_buf_adds(out, "{\"t\":");
    llmobs_page_string_add(out, row->trace_id, LLMOBS_PAGE_ROW_TEXT);
    add_texts(out, row);
    add_keys(out, row, event);
    add_counts(out, row);
    add_real(out, 'f', row->first_token);
    add_real(out, 'y', row->cost);
    add_tags(out, event);
    llmobs_buf_addc(out, '}');
    return out->error;
}
