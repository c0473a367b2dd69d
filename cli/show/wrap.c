/* Breaks text into lines of a width. */
#include "cli/show/wrap.h"

#include <stdio.h>
#include <string.h>

#include "cli/shared/escape.h"

#define TAB "    "

void llmobs_wrap_init(struct llmobs_wrap *wrap, struct llmobs_text text,
                      size_t columns)
{
    *wrap = (struct llmobs_wrap){text, NULL, columns, 0, 0};
}

/* The bytes and columns of the first character. */
static size_t step_of(struct llmobs_text rest, size_t *width)
{
    struct llmobs_escape_piece piece;
    size_t used;

    if (rest.data[0] == '\t') {
        *width = sizeof(TAB) - 1;
        return 1;
    }
    used = llmobs_escape_next(rest, &piece);
    *width = piece.width;
    return used;
}

/* The bytes of a text without a line break that fit, at least one: up to the
 * last blank, or before a wide character, where there is more than fits. */
static size_t fit_words(struct llmobs_text text, size_t columns)
{
    size_t at = 0, sum = 0, word = 0;

    while (at < text.len) {
        struct llmobs_text rest = {text.data + at, text.len - at};
        size_t width, used = step_of(rest, &width);

        if (width > columns && at == 0)
            return used;
        if (sum + width > columns && text.data[at] != ' ')
            return word > 0 ? word : at;
        if (width == 2 && (text.data[at] & 0x80) != 0 && at > 0)
            word = at;
        at += used;
        sum += width;
        if (text.data[at - 1] == ' ' || text.data[at - 1] == '\t')
            word = at;
        if (sum > columns && text.data[at - 1] == ' ')
            return at;
    }
    return at;
}

bool llmobs_wrap_next(struct llmobs_wrap *wrap, struct llmobs_text *line)
{
    struct llmobs_text *rest = &wrap->rest;
    size_t len, used;

    if (rest->len == 0)
        return false;
    /* The end of a line is searched once: each search would read megabytes of a
     * text without line breaks. */
    if (!wrap->stop)
        wrap->stop = memchr(rest->data, '\n', rest->len);
    if (!wrap->stop)
        wrap->stop = rest->data + rest->len;
    used = len = (size_t)(wrap->stop - rest->data);
    if (len < rest->len) { /* there is a line break */
        used++;
        if (len > 0 && rest->data[len - 1] == '\r')
            len--;
    }
    *line = (struct llmobs_text){rest->data, len};
    wrap->indent = wrap->hang;
    wrap->hang = 0;
    if (wrap->columns > 0 && len > 0) {
        size_t columns = wrap->columns - wrap->indent;
        size_t blanks = 0, lead, took, width;

        while (blanks < len && line->data[blanks] == ' ')
            blanks++;
        lead = blanks + wrap->indent;
        /* Cuts the line to what fits; the blanks behind it go, too. */
        (void)step_of(*line, &width);
        took = fit_words(*line, columns);
        line->len = width > columns ? 0 : took;
        while (line->len > 0 && line->data[line->len - 1] == ' ')
            line->len--;
        while (took < len && line->data[took] == ' ')
            took++;
        if (took < len) {
            used = took;
            wrap->hang = lead <= wrap->columns / 2 ? lead : 0;
        }
    }
    rest->data += used;
    rest->len -= used;
    if (rest->data > wrap->stop)
        wrap->stop = NULL;
    return true;
}

int llmobs_wrap_add(struct llmobs_buf *out, struct llmobs_text part)
{
    struct llmobs_escape_piece piece;
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < part.len;) {
        struct llmobs_text rest = {part.data + at, part.len - at};

        if (rest.data[0] == '\t') {
            rc = llmobs_buf_adds(out, TAB);
            at++;
            continue;
        }
        at += llmobs_escape_next(rest, &piece);
        rc = llmobs_buf_add(out, piece.data, piece.len);
    }
    return rc;
}

void llmobs_wrap_print(const struct llmobs_screen *screen,
                       enum llmobs_paint paint, const char *text)
{
    struct llmobs_wrap wrap;
    struct llmobs_text line;

    llmobs_wrap_init(&wrap, llmobs_text_of(text), screen->columns);
    while (llmobs_wrap_next(&wrap, &line)) {
        llmobs_screen_pad(wrap.indent);
        llmobs_screen_paint(screen, paint);
        llmobs_screen_put(screen, line);
        llmobs_screen_unpaint(screen, paint);
        putchar('\n');
    }
}
