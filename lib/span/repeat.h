/* repeat - lets a walk over a stream pass over what its lines have in common.
 *
 * A look at a mark is near if it finds nothing, and depends only on bytes of
 * its line up to LLMOBS_REPEAT_NEAR behind the mark: then it finds nothing in
 * the next line either, as far as both lines are the same. Walks note the
 * others, the far looks, and pass over the longest part of a line without any.
 *
 * Threads: the walk's.
 */
#ifndef LLMOBS_REPEAT_H
#define LLMOBS_REPEAT_H

#include "lib/base/buf.h"
#include "lib/text/json_plain.h"

#define LLMOBS_REPEAT_NEAR 16
/* A near look from here on depends on no byte before its line. */
#define LLMOBS_REPEAT_FIRST 16

/* All zeros before the walk. */
struct llmobs_repeat {
    size_t line;       /* where the last line begins */
    size_t from, to;   /* its longest part without a far look */
    size_t last;       /* behind its last far look; 0: the looks are known */
    size_t skip, next; /* the walk goes from any byte between to `next` */
};

/* Notes a far look at `at`, or that the line ends there. */
static inline void llmobs_repeat_far(struct llmobs_repeat *r, size_t at)
{
    at -= r->line;
    if (r->last == 0 || at < r->last)
        return;
    if (at - r->last > r->to - r->from) {
        r->from = r->last;
        r->to = at;
    }
    r->last = at + 1;
}

/* True for the colon of "data:" in a line of a stream. */
static inline bool llmobs_repeat_is_line(struct llmobs_text text, size_t colon)
{
    return colon > 4 && memcmp(text.data + colon - 5, "\ndata", 5) == 0;
}

/* Begins the line whose "data" ends at `at`. */
static inline void llmobs_repeat_line(struct llmobs_repeat *r,
                                      struct llmobs_text text, size_t at)
{
    size_t left = text.len - at, same;

    llmobs_repeat_far(r, at);
    if (left > r->to + LLMOBS_REPEAT_NEAR)
        left = r->to + LLMOBS_REPEAT_NEAR;
    same = llmobs_json_same(text.data + r->line, text.data + at, left);
    same -= same > LLMOBS_REPEAT_NEAR ? LLMOBS_REPEAT_NEAR : same;
    if (r->to > same)
        r->to = same;
    r->line = at;
    r->last = 0;
    if (r->to > r->from && r->to - r->from > same / 2) {
        r->skip = at + r->from;
        r->next = at + r->to;
    } else {
        r->from = r->to = r->skip = r->next = 0;
        r->last = LLMOBS_REPEAT_FIRST;
    }
}

/* True where the walk goes on at r->next. */
static inline bool llmobs_repeat_skips(const struct llmobs_repeat *r, size_t at)
{
    return at - r->skip < r->next - r->skip;
}

#endif
