#include "cli/show/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/show/wrap.h"
#include "lib/base/grow.h"

#define TEXT_MAX (256u * 1024 * 1024)
#define CHANCE 3        /* words that may be the same by chance */
#define SPARED_LEAST 12 /* words that are worth to be left out */

/* A word, and the blanks behind it. */
struct word {
    struct llmobs_text text;
    size_t blanks;
};

/* The middle of a text: the words that the other text may not have. */
struct middle {
    struct llmobs_text text;
    size_t count;
    struct word *words;
};

void llmobs_diff_init(struct llmobs_diff *diff, size_t keep)
{
    *diff = (struct llmobs_diff){.keep = keep};
    llmobs_buf_init(&diff->text, TEXT_MAX);
}

void llmobs_diff_fini(struct llmobs_diff *diff)
{
    llmobs_buf_fini(&diff->text);
    free(diff->marks);
}

/* -- words ---------------------------------------------------------------- */

/* Takes the first word off a text that has one. */
static struct word first_word(struct llmobs_text *rest)
{
    struct word word = {{rest->data, 0}, 0};
    size_t at = 0;

    while (at < rest->len && !llmobs_is_blank(rest->data[at]))
        at++;
    word.text.len = at;
    while (at < rest->len && llmobs_is_blank(rest->data[at]))
        at++;
    word.blanks = at - word.text.len;
    rest->data += at;
    rest->len -= at;
    return word;
}

static struct word last_word(struct llmobs_text *rest)
{
    struct word word = {{NULL, 0}, 0};
    size_t at = rest->len;

    while (at > 0 && llmobs_is_blank(rest->data[at - 1]))
        at--;
    word.blanks = rest->len - at;
    while (at > 0 && !llmobs_is_blank(rest->data[at - 1]))
        at--;
    word.text =
        (struct llmobs_text){rest->data + at, rest->len - word.blanks - at};
    rest->len = at;
    return word;
}

static bool same_word(const struct word *a, const struct word *b)
{
    return a->text.len == b->text.len &&
           memcmp(a->text.data, b->text.data, a->text.len) == 0;
}

/* Takes the words off that both texts begin with, or end with. */
static void take_same(struct llmobs_text *a, struct llmobs_text *b,
                      struct word (*take)(struct llmobs_text *rest))
{
    while (a->len > 0 && b->len > 0) {
        struct llmobs_text x = *a, y = *b;
        struct word one = take(&x), other = take(&y);

        if (!same_word(&one, &other))
            return;
        *a = x;
        *b = y;
    }
}

static size_t count_words(struct llmobs_text text)
{
    size_t count = 0;

    for (; text.len > 0; count++)
        (void)first_word(&text);
    return count;
}

static int list_words(struct middle *middle)
{
    struct llmobs_text rest = middle->text;

    middle->words = calloc(middle->count, sizeof(*middle->words));
    for (size_t i = 0; middle->words && i < middle->count; i++)
        middle->words[i] = first_word(&rest);
    return middle->words ? 0 : -ENOMEM;
}

/* The words of a middle from one to the one before another. */
static struct llmobs_text range(const struct middle *middle, size_t from,
                                size_t to)
{
    const char *end = middle->text.data + middle->text.len, *start;

    if (from == to)
        return (struct llmobs_text){NULL, 0};
    start = middle->words[from].text.data;
    if (to < middle->count)
        end = middle->words[to].text.data;
    return (struct llmobs_text){start, (size_t)(end - start)};
}

/* -- the text ------------------------------------------------------------- */

static int add_mark(struct llmobs_diff *diff, size_t start,
                    enum llmobs_paint paint)
{
    int rc = llmobs_grow(&diff->marks, &diff->cap, diff->count,
                         sizeof(*diff->marks));

    if (rc == 0)
        diff->marks[diff->count++] =
            (struct llmobs_diff_mark){start, diff->text.len, paint};
    return rc;
}

static int diff_put(struct llmobs_diff *diff, struct llmobs_text text)
{
    return text.len > 0 ? llmobs_buf_add(&diff->text, text.data, text.len) : 0;
}

/* Adds words of one text alone. The blanks behind the last one stand behind the
 * mark; `follows`: words of the second text do, which have blanks of their own.
 */
static int add_only(struct llmobs_diff *diff, struct llmobs_text text,
                    bool second, bool follows)
{
    struct llmobs_buf *out = &diff->text;
    struct llmobs_text rest = text;
    size_t blanks = 0, start;
    int rc = 0;

    if (text.len == 0)
        return 0;
    blanks = last_word(&rest).blanks;
    if (!second && out->len > 0 && !llmobs_is_blank(out->data[out->len - 1]))
        rc = llmobs_buf_addc(out, ' '); /* there the second text ends */
    start = out->len;
    diff->differs = true;
    rc |= llmobs_buf_adds(out, second ? "{+" : "[-");
    rc |= diff_put(diff, (struct llmobs_text){text.data, text.len - blanks});
    rc |= llmobs_buf_adds(out, second ? "+}" : "-]");
    if (rc == 0)
        rc = add_mark(diff, start,
                      second ? LLMOBS_PAINT_GREEN : LLMOBS_PAINT_RED);
    text.data += text.len - blanks;
    return rc == 0 && !follows
               ? diff_put(diff, (struct llmobs_text){text.data, blanks})
               : rc;
}

static int add_different(struct llmobs_diff *diff, struct llmobs_text a,
                         struct llmobs_text b)
{
    int rc = add_only(diff, a, false, b.len > 0);

    return rc == 0 ? add_only(diff, b, true, false) : rc;
}

/* Adds words of both texts; of many the first ones, unless they begin the text,
 * and the last ones, unless they end it. */
static int add_same(struct llmobs_diff *diff, struct llmobs_text text,
                    bool begins, bool ends)
{
    struct llmobs_text rest = text, tail;
    size_t count, start;
    int rc;

    for (size_t i = 0; !begins && i < diff->keep && rest.len > 0; i++)
        (void)first_word(&rest);
    tail = rest;
    for (size_t i = 0; !ends && i < diff->keep && rest.len > 0; i++)
        (void)last_word(&rest);
    count = diff->keep > 0 ? count_words(rest) : 0;
    if (count < SPARED_LEAST)
        return diff_put(diff, text);
    rc = diff_put(diff, (struct llmobs_text){text.data, text.len - tail.len});
    start = diff->text.len;
    rc |= llmobs_buf_addf(&diff->text, "… %zu words the same …", count);
    if (rc == 0)
        rc = add_mark(diff, start, LLMOBS_PAINT_DIM);
    if (rc == 0 && !ends)
        rc = llmobs_buf_addc(&diff->text, ' ');
    tail.data += rest.len;
    tail.len -= rest.len;
    return rc == 0 ? diff_put(diff, tail) : rc;
}

/* -- the difference ------------------------------------------------------- */

/* The lengths of the longest sequences of words that the texts have in common:
 * for each pair of words, from these on. NULL without memory. */
static uint16_t *count_common(const struct middle *a, const struct middle *b)
{
    size_t wide = b->count + 1;
    uint16_t *table = calloc((a->count + 1) * wide, sizeof(*table));

    for (size_t i = a->count; table && i-- > 0;) {
        uint16_t *row = table + i * wide, *below = row + wide;

        for (size_t k = b->count; k-- > 0;)
            row[k] = same_word(&a->words[i], &b->words[k])
                         ? (uint16_t)(below[k + 1] + 1)
                     : below[k] > row[k + 1] ? below[k]
                                             : row[k + 1];
    }
    return table;
}

/* A place in both middles, and how to go on from there. */
struct walk {
    const struct middle *a, *b;
    const uint16_t *common;
    size_t i, k;
};

static bool is_same_here(const struct walk *walk)
{
    return walk->i < walk->a->count && walk->k < walk->b->count &&
           same_word(&walk->a->words[walk->i], &walk->b->words[walk->k]);
}

/* Goes to the next word that both have; gives the number of words passed in the
 * text that has more of them. */
static size_t pass_different(struct walk *walk)
{
    size_t i = walk->i, k = walk->k, wide = walk->b->count + 1;

    while ((walk->i < walk->a->count || walk->k < walk->b->count) &&
           !is_same_here(walk)) {
        const uint16_t *row = walk->common + walk->i * wide + walk->k;

        if (walk->k == walk->b->count ||
            (walk->i < walk->a->count && row[wide] >= row[1]))
            walk->i++;
        else
            walk->k++;
    }
    i = walk->i - i;
    k = walk->k - k;
    return i > k ? i : k;
}

static size_t pass_same(struct walk *walk)
{
    size_t i = walk->i;

    for (; is_same_here(walk); walk->i++)
        walk->k++;
    return walk->i - i;
}

/* Adds the words of both middles. A few words that are the same by chance,
 * between longer differences, count as different: else nobody could read either
 * text. */
static int add_words(struct llmobs_diff *diff, struct walk walk)
{
    int rc = 0;

    while (rc == 0 && (walk.i < walk.a->count || walk.k < walk.b->count)) {
        struct walk start = walk, same, next;
        size_t before = pass_different(&walk), between, behind;

        for (;; walk = next, before = behind) {
            same = walk;
            between = pass_same(&same);
            next = same;
            behind = pass_different(&next);
            if (behind == 0 || between > CHANCE ||
                CHANCE * between >= before + behind)
                break;
        }
        rc = add_different(diff, range(walk.a, start.i, walk.i),
                           range(walk.b, start.k, walk.k));
        if (rc == 0)
            rc = add_same(diff, range(walk.b, walk.k, same.k), false, false);
        walk = same;
    }
    return rc;
}

static int add_middles(struct llmobs_diff *diff, struct middle *a,
                       struct middle *b)
{
    uint16_t *table = NULL;
    int rc;

    a->count = count_words(a->text);
    b->count = count_words(b->text);
    if (a->count == 0 || b->count == 0 ||
        a->count + b->count > LLMOBS_DIFF_WORDS ||
        a->count > LLMOBS_DIFF_CELLS / b->count)
        return add_different(diff, a->text, b->text);
    rc = list_words(a);
    if (rc == 0)
        rc = list_words(b);
    if (rc == 0)
        table = count_common(a, b);
    if (rc == 0)
        rc =
            table ? add_words(diff, (struct walk){a, b, table, 0, 0}) : -ENOMEM;
    free(table);
    free(a->words);
    free(b->words);
    return rc;
}

int llmobs_diff_add(struct llmobs_diff *diff, struct llmobs_text a,
                    struct llmobs_text b)
{
    struct middle x = {.text = llmobs_text_trim(a)};
    struct middle y = {.text = llmobs_text_trim(b)};
    struct llmobs_text whole = y.text, end;
    int rc;

    take_same(&x.text, &y.text, first_word);
    end = y.text;
    whole.len -= end.len;
    take_same(&x.text, &y.text, last_word);
    end.data += y.text.len;
    end.len -= y.text.len;
    rc = add_same(diff, whole, true,
                  end.len == 0 && x.text.len == 0 && y.text.len == 0);
    if (rc == 0)
        rc = add_middles(diff, &x, &y);
    return rc == 0 && end.len > 0 ? add_same(diff, end, false, true) : rc;
}

/* -- printing ------------------------------------------------------------- */

/* Prints a part of a line in one colour. */
static int print_part(const struct llmobs_diff *diff,
                      const struct llmobs_screen *screen, size_t from,
                      size_t to, enum llmobs_paint paint)
{
    struct llmobs_buf out;
    int rc;

    if (from >= to)
        return 0;
    llmobs_buf_init(&out, SIZE_MAX / 2);
    rc = llmobs_wrap_add(
        &out, (struct llmobs_text){diff->text.data + from, to - from});
    llmobs_screen_paint(screen, paint);
    if (rc == 0)
        llmobs_screen_put(screen, llmobs_buf_text(&out));
    llmobs_screen_unpaint(screen, paint);
    llmobs_buf_fini(&out);
    return rc;
}

int llmobs_diff_print(const struct llmobs_diff *diff,
                      const struct llmobs_screen *screen, size_t indent)
{
    size_t columns = screen->columns, at = 0;
    struct llmobs_text line;
    struct llmobs_wrap wrap;
    int rc = 0;

    if (columns > 0 && columns <= 2 * indent)
        indent = 0;
    llmobs_wrap_init(&wrap, llmobs_buf_text(&diff->text),
                     columns > 0 ? columns - indent : 0);
    while (rc == 0 && llmobs_wrap_next(&wrap, &line)) {
        size_t from = (size_t)(line.data - diff->text.data);
        size_t end = from + line.len;

        if (line.len > 0)
            llmobs_screen_pad(indent + wrap.indent);
        while (at < diff->count && diff->marks[at].end <= from)
            at++;
        for (size_t i = at; rc == 0 && from < end; i++) {
            struct llmobs_diff_mark mark = {end, end, LLMOBS_PAINT_NONE};

            if (i < diff->count && diff->marks[i].start < end)
                mark = diff->marks[i];
            mark.start = mark.start > from ? mark.start : from;
            mark.end = mark.end < end ? mark.end : end;
            rc = print_part(diff, screen, from, mark.start, LLMOBS_PAINT_NONE);
            if (rc == 0)
                rc = print_part(diff, screen, mark.start, mark.end, mark.paint);
            from = mark.end;
        }
        putchar('\n');
    }
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}
