/* repeat - lets a walk over a stream pass over lines that are like the one
 * before.
 *
 * A look is wide if it finds a secret, or depends on another line or on the
 * value of a member. Behind a line without a wide look a walk passes over the
 * next one where both differ only in words and numbers that are values, and in
 * blanks between brackets: no secret can begin, end or be named by these.
 * Walks over the same bytes share what they found to be alike.
 *
 * Threads: the walk's.
 */
#ifndef LLMOBS_REPEAT_H
#define LLMOBS_REPEAT_H

#include "lib/base/buf.h"
#include "lib/text/json_plain.h"

#define LLMOBS_REPEAT_RUNS 32
#define LLMOBS_REPEAT_GAPS 4
#define LLMOBS_REPEAT_WORD 36 /* "dapi" and its key */

/* Runs of lines, in their order: each line from `from` on is like the one
 * before, the one at `to` is not. */
struct llmobs_repeat_runs {
    size_t count;
    struct {
        uint32_t from, to;
    } list[LLMOBS_REPEAT_RUNS];
    size_t line; /* one of them, which has values of its own in these gaps */
    size_t gaps;
    struct {
        uint32_t same, len; /* bytes before the value, and its own */
    } gap[LLMOBS_REPEAT_GAPS];
};

/* All zeros before the walk, but for `runs`. */
struct llmobs_repeat {
    struct llmobs_repeat_runs *runs; /* NULL: no line is passed over */
    size_t run;                      /* those before end before the last line */
    size_t line;                     /* where the last line begins */
    size_t next;                     /* the walk passes over what is before */
    bool narrow;                     /* no look in the line was wide */
};

/* Forgets the lines so far, as a mask changes bytes. */
static inline void llmobs_repeat_forget(struct llmobs_repeat *r)
{
    if (r->runs)
        r->runs->count = r->runs->line = 0;
    *r = (struct llmobs_repeat){.runs = r->runs};
}

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

/* True for a word that is as long as the shortest key without a mark. */
static inline bool llmobs_repeat_has_key(const char *word, const char *end)
{
    for (; end - word >= LLMOBS_REPEAT_WORD; word++)
        if (!(word = memrchr(word, ' ', LLMOBS_REPEAT_WORD)))
            return true;
    return false;
}

/* Gives the end of the new words, or of the number, at `at`; 0: they may be of
 * a secret, or no more bytes follow. */
static inline size_t llmobs_repeat_value(struct llmobs_text text, size_t at)
{
    const char *data = text.data;
    size_t end = at;

    if (data[at - 1] == '"') {
        end = llmobs_repeat_words(text, false, at);
        if (text.len - end < 4 || data[end] != '"' ||
            llmobs_repeat_has_key(data + at, data + end))
            return 0;
        while (data[at] == ' ')
            at++;
        return memcmp(data + at, "mcp", 3) == 0 ? 0 : end; /* members' */
    }
    while (end < text.len && llmobs_is_digit(data[end]))
        end++;
    return end < text.len ? end : 0;
}

/* Moves from the first bytes that differ, of the last line and of this one, to
 * where they may be the same again; false: this line is another. Notes the gap
 * behind the bytes before `*from`, and moves that behind it. */
static inline bool llmobs_repeat_differs(struct llmobs_repeat_runs *runs,
                                         struct llmobs_text text, size_t *last,
                                         size_t *at, size_t *from)
{
    const char *data = text.data;
    size_t begin = *at, start = *at;

    while (data[begin - 1] == ' ')
        begin--;
    if (data[begin - 1] == '}') {
        while (data[*last] == ' ')
            ++*last;
        while (*at < text.len && data[*at] == ' ')
            ++*at;
        runs->gaps = LLMOBS_REPEAT_GAPS + 1;
        return *at < text.len && data[*at] == '}' && data[*last] == '}';
    }
    while (data[begin - 1] != '"' && data[begin - 1] != ':')
        begin--;
    *last -= *at - begin;
    if (memcmp(data + begin - 3, "\":\"", 3) == 0) {
        *last = llmobs_repeat_words(text, true, *last);
        if (data[*last] != '"')
            return false;
    } else if (memcmp(data + begin - 2, "\":", 2) == 0) {
        while (llmobs_is_digit(data[*last]))
            ++*last;
    } else {
        return false;
    }
    *at = llmobs_repeat_value(text, begin);
    if (runs->gaps < LLMOBS_REPEAT_GAPS) {
        runs->gap[runs->gaps].same = (uint32_t)(begin - *from);
        runs->gap[runs->gaps].len = (uint32_t)(*at - begin);
    }
    runs->gaps++;
    *from = *at;
    *last += data[begin - 1] == '"';
    *at += data[begin - 1] == '"';
    return *at >= start && (data[*at] == ',' || data[*at] == '}');
}

/* Gives where the line ends that begins at `line`, and the next begins; 0: it
 * is not like the last one, from `last` to `line`. If that had values of its
 * own, this one often has others in their places. */
static inline size_t llmobs_repeat_same(struct llmobs_repeat_runs *runs,
                                        struct llmobs_text text, size_t last,
                                        size_t line)
{
    const char *data = text.data;
    size_t was = last, at = line, from = line, left, run, i;

    for (i = 0; runs->line == last && i < runs->gaps; i++) {
        run = runs->gap[i].same;
        if (text.len - at <= run || memcmp(data + was, data + at, run) != 0)
            break;
        from = at + run;
        was += run + runs->gap[i].len;
        at = llmobs_repeat_value(text, from);
        if (!at)
            break;
        runs->gap[i].len = (uint32_t)(at - from);
    }
    left = line - was;
    if (runs->line == last && i == runs->gaps && text.len - at > left &&
        memcmp(data + was, data + at, left) == 0 && data[at + left] == ':') {
        runs->line = line;
        return at + left;
    }
    at = from = line;
    runs->line = runs->gaps = 0;
    do {
        left = line - last < text.len - at ? line - last : text.len - at;
        run = llmobs_json_same(data + last, data + at, left);
        last += run;
        at += run;
        if (run == left) {
            runs->line = runs->gaps <= LLMOBS_REPEAT_GAPS ? line : 0;
            return last == line && at < text.len && data[at] == ':' ? at : 0;
        }
    } while (run > 0 && llmobs_repeat_differs(runs, text, &last, &at, &from));
    return 0;
}

/* Begins the line whose "data" ends at `at`: gives where the walk goes on. */
static inline size_t llmobs_repeat_line(struct llmobs_repeat *r,
                                        struct llmobs_text text, size_t at)
{
    struct llmobs_repeat_runs *runs = r->runs;
    size_t count = runs ? runs->count : 0, line = at, end;
    bool narrow = r->narrow && runs;

    while (r->run < count && runs->list[r->run].to <= at)
        r->run++;
    if (narrow && r->run < count && runs->list[r->run].from <= at)
        line = runs->list[r->run].to;
    else if (narrow)
        for (; (end = llmobs_repeat_same(runs, text, r->line, line));
             line = end)
            r->line = line;
    if (line > at && r->run == count && count < LLMOBS_REPEAT_RUNS) {
        runs->list[count].from = (uint32_t)at;
        runs->list[count].to = (uint32_t)line;
        runs->count++;
    }
    r->line = line;
    r->next = line + 1;
    r->narrow = true;
    return r->next;
}

#endif
