/* Replaces characters that could control a terminal. */
#include "cli/shared/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "lib/text/json_clean.h"

/* The columns of a name in a message. */
#define NAME_COLUMNS 200

struct range {
    uint32_t first;
    uint32_t last;
};

/* Characters that are invisible or change the direction of writing, besides the
 * controls. A text that nobody sees may be meant for a model, as one of tags
 * (U+E0000 on), which spell ASCII. */
static const struct range escaped[] = {
    {0x00AD, 0x00AD}, {0x061C, 0x061C},   {0x180E, 0x180E},   {0x200B, 0x200F},
    {0x2028, 0x202E}, {0x2060, 0x206F},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
    {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF}};

/* Those of them that writing needs: what chooses the form of the character
 * before, and what joins or parts two characters (Persian, Hindi, Khmer, the
 * emoji of a family). */
static const struct range selectors[] = {{0xFE00, 0xFE0F}, {0xE0100, 0xE01EF}};
static const struct range joiners[] = {{0x200B, 0x200D}};

static const struct range narrow[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
    {0x093C, 0x093C}, {0x094D, 0x094D}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A},
    {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};

#define IN(table, code) in_table(table, sizeof(table) / sizeof(*table), code)

static bool in_table(const struct range *table, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= table[i].first && code <= table[i].last)
            return true;
    return false;
}

/* Parts of Korean syllables that stand alone. Terminals differ: some join them
 * to the character before, others give each a column. */
static const struct range joined[] = {{0x1160, 0x11FF}, {0xD7B0, 0xD7FB}};

/* Writes the escape of a character that must not be shown as it is; 0: the
 * character may be shown. */
static size_t escape(uint32_t code, char out[LLMOBS_ESCAPE_MAX])
{
    int n;

    if (code == '\n' || code == '\r' || code == '\t')
        n = snprintf(out, LLMOBS_ESCAPE_MAX, "\\%c",
                     code == '\n'   ? 'n'
                     : code == '\r' ? 'r'
                                    : 't');
    else if (code < 0x20 || code == 0x7F)
        n = snprintf(out, LLMOBS_ESCAPE_MAX, "\\x%02x", (unsigned)code);
    else if ((code >= 0x80 && code < 0xA0) || IN(escaped, code) ||
             /* The locale knows the widths of characters, but not of this one:
              * any terminal may show it in its own way. */
             (code >= 0x80 && wcwidth((wchar_t)code) < 0 &&
              wcwidth(L'日') == 2))
        n = snprintf(out, LLMOBS_ESCAPE_MAX, "\\u{%x}", (unsigned)code);
    else
        n = 0;
    return (size_t)n;
}

static struct llmobs_text behind(struct llmobs_text text, size_t len)
{
    return (struct llmobs_text){text.data + len, text.len - len};
}

/* The mark that makes a picture of a character, U+FE0F: many terminals then
 * show two columns, and no row may be wider than computed. */
static const char picture[] = "\xEF\xB8\x8F";

/* Adds to a piece what is shown as a part of its character: a selector, and a
 * joiner; behind ASCII a joiner only with a character that is not ASCII, which
 * then is a part, too. Others, and a second one, could only hide something. */
static void add_parts(struct llmobs_text text,
                      struct llmobs_escape_piece *piece)
{
    struct llmobs_text rest = behind(text, piece->len);
    struct llmobs_escape_piece next;
    uint32_t code;
    size_t used;

    if (rest.len == 0 || !(rest.data[0] & 0x80))
        return;
    if (piece->width == 1 && rest.len >= 3 &&
        memcmp(rest.data, picture, 3) == 0)
        piece->width = 2;
    used = llmobs_utf8_decode(rest, &code);
    if (used > 0 && IN(selectors, code)) {
        piece->len += used;
        rest = behind(rest, used);
        used = llmobs_utf8_decode(rest, &code);
    }
    if (used == 0 || !IN(joiners, code))
        return;
    rest = behind(rest, used);
    if (!(text.data[0] & 0x80)) {
        if (rest.len == 0 || !(rest.data[0] & 0x80))
            return;
        used += llmobs_escape_next(rest, &next);
        if (next.data != rest.data)
            return;
        piece->width += next.width;
    }
    piece->len += used;
}

size_t llmobs_escape_next(struct llmobs_text text,
                          struct llmobs_escape_piece *piece)
{
    unsigned char first = (unsigned char)text.data[0];
    size_t used = 1;

    if (first >= 0x20 && first < 0x7F) { /* the most frequent case, so first */
        piece->data = text.data;
        piece->len = piece->width = 1;
    } else {
        uint32_t code;

        /* Fills a piece from a character that is not ASCII, or is a control. */
        used = llmobs_utf8_decode(text, &code);
        if (used == 0) {
            used = 1;
            piece->len =
                (size_t)snprintf(piece->escape, LLMOBS_ESCAPE_MAX, "\\x%02x",
                                 (unsigned)(unsigned char)text.data[0]);
        } else {
            piece->len = escape(code, piece->escape);
        }
        if (piece->len != 0) {
            piece->data = piece->escape;
            piece->width = piece->len;
        } else {
            int width = wcwidth((wchar_t)code);

            piece->data = text.data;
            piece->len = used;
            piece->width = width > 0 || (width == 0 && !IN(joined, code))
                               ? (size_t)width
                           : IN(narrow, code) ? 0
                           : IN(wide, code)   ? 2
                                              : 1;
        }
    }
    if (piece->data == text.data && first != ' ')
        add_parts(text, piece);
    return piece->data == text.data ? piece->len : used;
}

/* The characters of a text's begin that are one byte and one column each, where
 * none of them is part of a picture. */
static size_t plain_run(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] >= 0x20 && text[n] < 0x7F)
        n++;
    return n > 0 && n < len ? n - 1 : n; /* a mark may follow the last one */
}

/* Characters without a width are limited by this, so that every shown text has
 * a maximal length. */
#define BYTES_PER_COLUMN 16

int llmobs_escape_add(struct llmobs_buf *out, struct llmobs_text text,
                      size_t columns)
{
    size_t begin = out->len, fit, width = 0;
    size_t at = plain_run(text.data, text.len < columns ? text.len : columns);
    struct llmobs_escape_piece piece;
    int rc;

    width = at = at > 0 && at == columns ? at - 1 : at;
    rc = llmobs_buf_add(out, text.data, at);
    fit = out->len;
    while (at < text.len && rc == 0) {
        struct llmobs_text rest = {text.data + at, text.len - at};

        at += llmobs_escape_next(rest, &piece);
        if (width + piece.width > columns ||
            out->len - begin > columns * BYTES_PER_COLUMN) {
            llmobs_buf_cut(out, fit);
            return llmobs_buf_adds(out, "…");
        }
        width += piece.width;
        rc = llmobs_buf_add(out, piece.data, piece.len);
        if (width < columns)
            fit = out->len;
    }
    return rc;
}

int llmobs_escape_adds(struct llmobs_buf *out, const char *text, size_t columns)
{
    return llmobs_escape_add(out, llmobs_text_of(text), columns);
}

const char *llmobs_escape_name(const char *name, char room[LLMOBS_ESCAPE_NAME])
{
    struct llmobs_buf text;

    llmobs_buf_init(&text, LLMOBS_ESCAPE_NAME - 1);
    if (llmobs_escape_adds(&text, name, NAME_COLUMNS) == 0 && text.len > 0)
        memcpy(room, text.data, text.len + 1);
    else
        memcpy(room, "?", 2);
    llmobs_buf_fini(&text);
    return room;
}

size_t llmobs_escape_width(const char *text)
{
    struct llmobs_text rest = llmobs_text_of(text);
    struct llmobs_escape_piece piece;
    size_t width = 0;

    while (rest.len > 0) {
        size_t used = plain_run(rest.data, rest.len);

        width += used;
        if (used == 0) {
            used = llmobs_escape_next(rest, &piece);
            width += piece.width;
        }
        rest.data += used;
        rest.len -= used;
    }
    return width;
}
