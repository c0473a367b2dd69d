/* Writes a span's row for the page's index. */
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

static void put_string(struct llmobs_buf *out, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    put(out, "\"", 1);
    while (at < len) {
        size_t plain =
            llmobs_json_run(text + at, len - at, LLMOBS_JSON_STOP_QUOTE);
        const char *mark = memchr(text + at, '<', plain); /* HTML's */

        plain = mark ? (size_t)(mark - text) - at : plain;
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

static void add_count(struct llmobs_buf *out, char key, int64_t count)
{
    char digits[LLMOBS_DECIMAL_MAX];

    add_digits(out, key, digits, llmobs_decimal_write_int(count, digits));
}

/* The tags that are members of the row by themselves. */
#define ROW(...)
#define EITHER(...)
#define READ(...)
#define MAKE(...)
#define CALL(...)
#define TAG(tag) tag "\0"
#define K(id, word, title, letter, uses, meaning, place) place
#define F(id, word, option, title, letter, uses, meaning, place) place
static const char members[] =
    "session_id\0error\0error_type\0" LLMOBS_KEYS(K, F);

static bool is_member(const char *tag)
{
    LLMOBS_WORDS_EACH (one, members) {
        size_t len = strlen(one);

        if (*one == *tag && strncmp(one, tag, len) == 0 &&
            (tag[len] == ':' || tag[len] == '\0'))
            return true;
    }
    return false;
}

/* Adds the members of the table of keys. */
static void add_keys(struct llmobs_buf *out, const struct llmobs_row *row,
                     const struct llmobs_json *event)
{
    struct llmobs_texts texts = {0};
    struct llmobs_by_key key = {LLMOBS_KEY_START, ""};
    char digits[LLMOBS_DECIMAL_MAX];

    for (; key.key < LLMOBS_KEY_TAG; key.key++) {
        char letter = llmobs_key_words(key.key)->letter;
        struct llmobs_cell cell;

        if (letter == 0)
            continue;
        cell = llmobs_key_cell(&key, row, event, &texts);
        if (cell.kind == LLMOBS_CELL_TEXT)
            add_text(out, letter, cell.text);
        else if (cell.kind == LLMOBS_CELL_TIME)
            add_count(out, letter, cell.whole / NS_PER_US);
        else if (cell.kind == LLMOBS_CELL_COUNT ||
                 cell.kind == LLMOBS_CELL_LENGTH)
            add_count(out, letter, cell.whole);
        else if (cell.kind != LLMOBS_CELL_UNKNOWN && cell.real < REAL_MAX)
            add_digits(out, letter, digits,
                       llmobs_decimal_write(cell.real, digits));
    }
    llmobs_buf_fail(out, texts.failed ? -ENOMEM : 0);
    llmobs_texts_fini(&texts);
}

int llmobs_page_row_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        const struct llmobs_json *event)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t count = llmobs_json_len(tags), added = 0;

    llmobs_buf_addf(out, "{\"z\":%d", row->failed);
    add_keys(out, row, event);
    add_text(out, 'B', row->program);
    add_text(out, 'L', row->turn_span);
    if (row->billed)
        add_count(out, 'j', 1);
    for (size_t i = 0; i < count && added < LLMOBS_PAGE_ROW_TAGS; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (!tag || is_member(tag))
            continue;
        llmobs_buf_adds(out, added++ == 0 ? ",\"g\":[" : ",");
        llmobs_page_string_add(out, tag, LLMOBS_PAGE_ROW_TEXT);
    }
    if (added > 0)
        llmobs_buf_addc(out, ']');
    llmobs_buf_addc(out, '}');
    return out->error;
}
