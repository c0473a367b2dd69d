/* repeat - lets a walk over a stream pass over lines that are like the one
 * before.
 *
 * A look is wide if it finds a secret, or depends on another line or on the
 * value of a member. Behind a line without a wide look a walk passes over the
 * next one where both differ only in words and numbers that are values, and in
 * blanks between brackets: no secret can begin, end or be named by these.
 *
 * Threads: the walk's.
 */
#ifndef LLMOBS_REPEAT_H
#define LLMOBS_REPEAT_H

#include "lib/base/buf.h"
#include "lib/text/json_plain.h"

/* All zeros before the walk, and once a secret was found. */
struct llmobs_repeat {
    size_t line; /* where the last line begins */
    size_t next; /* the walk passes over what is before */
    bool narrow; /* no look in the line was wide */
};

/* True for the colon of "data:" in a line of a stream. */
static inline bool llmobs_repeat_is_line(struct llmobs_text text, size_t colon)
{
    return colon > 4 && memcmp(text.data + colon - 5, "\ndata", 5) == 0;
}

/* Gives the end of the words at `at`. Those of the last line were looked at, so
 * `seen` words have other bytes, too, but none that ids have. New words have no
 * mark of the mask. */
static inline size_t llmobs_repeat_words(struct llmobs_text text, bool seen,
                                         size_t at)
{
    llmobs_json_block b, next, marks;
    size_t run = sizeof(b);

    for (; run == sizeof(b) && text.len - at > sizeof(b); at += run) {
        memcpy(&b, text.data + at, sizeof(b));
        memcpy(&next, text.data + at + 1, sizeof(next));
        marks = (b == '"') | (b == '\\') | (b == '-') | (b == '_');
        marks |= (b >= 0) & (b < ' ');
        if (!seen)
            marks |= (b == ':') | (b == '=') | (b == '%') | (b == '[') |
                     (b == 'B') | (b == 'I') |
                     ((b == '.') & (next != '"') & (next != ' '));
        run = llmobs_json_unmarked(marks);
    }
    return at;
}

/* Moves from the first bytes that differ, of the last line and of this one, to
 * where they may be the same again; false: this line is another. */
static inline bool llmobs_repeat_differs(struct llmobs_text text, size_t *last,
                                         size_t *at)
{
    const char *data = text.data;
    size_t from = *at, start = *at, back;

    while (data[from - 1] == ' ')
        from--;
    if (data[from - 1] == '}') {
        while (data[*last] == ' ')
            ++*last;
        while (*at < text.len && data[*at] == ' ')
            ++*at;
        return *at < text.len && data[*at] == '}' && data[*last] == '}';
    }
    while (data[from - 1] != '"' && data[from - 1] != ':')
        from--;
    back = *at - from;
    if (memcmp(data + from - 3, "\":\"", 3) == 0) {
        *last = llmobs_repeat_words(text, true, *last - back);
        *at = llmobs_repeat_words(text, false, from);
        if (text.len - *at < 4 || data[*last] != '"' || data[(*at)++] != '"')
            return false;
        while (data[from] == ' ')
            from++;
        if (memcmp(data + from, "mcp", 3) == 0) /* members looks for it */
            return false;
        ++*last;
    } else if (memcmp(data + from - 2, "\":", 2) == 0) {
        for (*last -= back; llmobs_is_digit(data[*last]);)
            ++*last;
        for (*at = from; *at < text.len && llmobs_is_digit(data[*at]);)
            ++*at;
    } else {
        return false;
    }
    return *at >= start && *at < text.len &&
           (data[*at] == ',' || data[*at] == '}');
}

/* Begins the line whose "data" ends at `at`: gives where the walk goes on. */
static inline size_t llmobs_repeat_line(struct llmobs_repeat *r,
                                        struct llmobs_text text, size_t at)
{
    size_t last = r->line, line = at, left, run = r->narrow;

    while (run) {
        left = line - last < text.len - at ? line - last : text.len - at;
        run = llmobs_json_same(text.data + last, text.data + at, left);
        last += run;
        at += run;
        if (run == left || run == 0 || !llmobs_repeat_differs(text, &last, &at))
            break;
    }
    *r = (struct llmobs_repeat){line, line + 1, true};
    if (last == line && at < text.len && text.data[at] == ':')
        r->next = at;
    return r->next;
}

#endif
