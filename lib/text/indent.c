/* Formats JSON with a member on each line. */
#include "lib/text/indent.h"

#include <errno.h>
#include <string.h>

struct walk {
    struct llmobs_text text;
    size_t at;
    struct llmobs_buf *out;
    char open[LLMOBS_INDENT_DEPTH]; /* the brackets that end the containers */
    size_t depth;
    size_t brief; /* bytes of a container that may stand in one line */
    bool flat;    /* within such a container */
    bool value;   /* a value has just ended */
};

static bool is_mark(char c)
{
    return c != '\0' && strchr("{}[],:\"", c);
}

static char next(struct walk *w)
{
    while (w->at < w->text.len && llmobs_is_blank(w->text.data[w->at]))
        w->at++;
    return w->at < w->text.len ? w->text.data[w->at] : '\0';
}

static int add_line(struct walk *w)
{
    int rc;

    if (w->flat)
        return 0;
    rc = llmobs_buf_addc(w->out, '\n');
    for (size_t i = 0; i < w->depth && !rc; i++)
        rc = llmobs_buf_adds(w->out, "  ");
    return rc;
}

/* Moves behind the end of a string; false where it does not end. */
static bool skip_string(struct walk *w)
{
    for (w->at++; w->at < w->text.len; w->at++) {
        if (w->text.data[w->at] == '"') {
            w->at++;
            return true;
        }
        w->at += w->text.data[w->at] == '\\';
    }
    return false;
}

/* The end of the list whose bracket is at w->at, if it has only numbers and
 * words; else 0. */
static size_t flat_end(const struct walk *w)
{
    for (size_t at = w->at + 1; at < w->text.len; at++) {
        char c = w->text.data[at];

        if (c == ']')
            return at;
        if (c != ',' && is_mark(c))
            return 0;
    }
    return 0;
}

static int add_open(struct walk *w, char c)
{
    size_t end = c == '[' ? flat_end(w) : 0;
    int rc;

    if (w->value || w->depth == LLMOBS_INDENT_DEPTH)
        return -EINVAL;
    if (end) {
        /* Copies the items as they stand between the commas, without the blanks
         * around them. */
        rc = llmobs_buf_addc(w->out, '[');
        for (w->at++; w->at < end && !rc; w->at++) {
            const char *from = w->text.data + w->at;
            const char *comma = memchr(from, ',', end - w->at);
            size_t len = comma ? (size_t)(comma - from) : end - w->at;
            struct llmobs_text item =
                llmobs_text_trim((struct llmobs_text){from, len});

            rc = llmobs_buf_add(w->out, item.data, item.len);
            if (!rc && comma)
                rc = llmobs_buf_adds(w->out, ", ");
            w->at += len;
        }
        w->at = end + 1;
        w->value = true;
        return rc ? rc : llmobs_buf_addc(w->out, ']');
    }
    w->at++;
    w->open[w->depth++] = c == '[' ? ']' : '}';
    rc = llmobs_buf_addc(w->out, c);
    if (rc || next(w) == w->open[w->depth - 1])
        return rc;
    return add_line(w);
}

static int add_token(struct walk *w, char c)
{
    switch (c) {
    case '{':
    case '[':
        return add_open(w, c);
    case '}':
    case ']': {
        bool empty = w->out->data && w->out->data[w->out->len - 1] == '{';
        int rc = 0;

        if (w->depth == 0 || w->open[w->depth - 1] != c)
            return -EINVAL;
        w->at++;
        w->depth--;
        w->value = true;
        if (!empty)
            rc = add_line(w);
        return rc ? rc : llmobs_buf_addc(w->out, c);
    }
    case ',':
    case ':': {
        int rc;

        if (!w->value || w->depth == 0)
            return -EINVAL;
        w->at++;
        w->value = false;
        rc = llmobs_buf_addc(w->out, c);
        if (!rc)
            rc = c == ',' && !w->flat ? add_line(w)
                                      : llmobs_buf_addc(w->out, ' ');
        return rc;
    }
    default: {
        /* Adds a string, a number or a word. */
        size_t from = w->at;

        if (w->value)
            return -EINVAL;
        if (w->text.data[from] != '"')
            while (w->at < w->text.len &&
                   !llmobs_is_blank(w->text.data[w->at]) &&
                   !is_mark(w->text.data[w->at]))
                w->at++;
        else if (!skip_string(w))
            return -EINVAL;
        w->value = true;
        return llmobs_buf_add(w->out, w->text.data + from, w->at - from);
    }
    }
}

/* Adds the container that begins here in one line, where that has at most
 * w->brief bytes and two members, or one of the whole document; else adds
 * nothing. */
static bool add_brief(struct walk *w)
{
    size_t at = w->at, depth = w->depth, begin = w->out->len, members = 1;
    bool value = w->value;
    int rc = 0;
    char c;

    w->flat = true;
    do {
        c = next(w);
        members += c == ',' && w->depth == depth + 1;
        rc = c ? add_token(w, c) : -EINVAL;
    } while (!rc && w->depth > depth && w->out->len - begin <= w->brief);
    w->flat = false;
    if (!rc && w->out->len - begin <= w->brief && w->depth == depth &&
        members <= (depth > 0 ? 2 : 1))
        return true;
    w->at = at;
    w->depth = depth;
    w->value = value;
    llmobs_buf_cut(w->out, begin);
    return false;
}

int llmobs_indent(struct llmobs_text text, size_t brief, struct llmobs_buf *out)
{
    struct walk w = {.text = text, .out = out, .brief = brief};
    char c;
    int rc = 0;

    while (!rc && (c = next(&w)) != '\0')
        if (!brief || (c != '{' && c != '[') || !add_brief(&w))
            rc = add_token(&w, c);
    if (!rc && (w.depth > 0 || !w.value || w.at < text.len))
        rc = -EINVAL;
    return rc ? rc : llmobs_buf_addc(out, '\n');
}
