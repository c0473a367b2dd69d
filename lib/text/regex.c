/* Compiles and runs regular expressions without backtracking. */
#include "lib/text/regex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/grow.h"
#include "lib/base/work.h"

/* Thompson's construction, run by Pike's machine: it reads the text once from
 * each beginning of a search, and all ways through the program go along, each
 * instruction at most once a byte. An instruction goes on to the next one; a
 * jump is relative, and stays within the piece of code that an atom makes, so
 * that a piece can be moved and copied. */

#define GROUPS_MAX 32
#define TIMES_MAX 255
/* All searches with one memory may take so many steps together, and more for
 * each byte: as many as the program needs to read it once, and some to read it
 * again behind a match, but no more than STEPS_MOST. */
#define STEPS_FIRST 4000000
#define STEPS_AGAIN 64
#define STEPS_MOST 512

enum op { SET, SPLIT, JUMP, BEGIN, END, WORD, INNER, MATCH };

struct set {
    uint32_t bits[8];
};

struct code {
    uint8_t op;
    int16_t x, y; /* SET: x is a set's number. SPLIT, JUMP: where to */
};

struct llmobs_regex {
    struct code *code;
    size_t count, cap;
    struct set *sets;
    size_t set_count, set_cap;
    struct set first; /* the bytes with which a match may begin */
    int needed;       /* a byte that each match has; 0: none is known */
};

static bool has(const struct set *set, unsigned c)
{
    return set->bits[c / 32] >> c % 32 & 1;
}

static void put(struct set *set, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        set->bits[c / 32] |= 1u << c % 32;
}

static void put_all(struct set *set, const struct set *others)
{
    for (int i = 0; i < 8; i++)
        set->bits[i] |= others->bits[i];
}

static void negate(struct set *set)
{
    for (int i = 0; i < 8; i++)
        set->bits[i] = ~set->bits[i];
}

static void fold(struct set *set)
{
    for (unsigned c = 'a'; c <= 'z'; c++)
        if (has(set, c) || has(set, c - 32)) {
            put(set, c, c);
            put(set, c - 32, c - 32);
        }
}

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '_';
}

/* -- the program ---------------------------------------------------------- */

struct parsing {
    struct llmobs_regex *regex;
    const char *at, *end;
    bool any_case;
    int depth, rc;
    const char *why;
};

static void fail(struct parsing *p, int rc, const char *why)
{
    if (p->rc)
        return;
    p->rc = rc;
    p->why = why;
}

static bool more(const struct parsing *p)
{
    return !p->rc && p->at < p->end;
}

/* Makes room for `len` instructions at `where`; NULL where the pattern fails.
 */
static struct code *insert(struct parsing *p, size_t where, size_t len)
{
    struct llmobs_regex *regex = p->regex;

    if (regex->count + len > LLMOBS_REGEX_SIZE)
        fail(p, -EINVAL, "it is too big");
    while (!p->rc && regex->cap < regex->count + len)
        if (llmobs_grow(&regex->code, &regex->cap, regex->cap,
                        sizeof(*regex->code)))
            fail(p, -ENOMEM, "out of memory");
    if (p->rc)
        return NULL;
    memmove(regex->code + where + len, regex->code + where,
            (regex->count - where) * sizeof(*regex->code));
    regex->count += len;
    return regex->code + where;
}

static void emit(struct parsing *p, size_t where, enum op op, long x, long y)
{
    struct code *code = insert(p, where, 1);

    if (code)
        *code = (struct code){(uint8_t)op, (int16_t)x, (int16_t)y};
}

static void emit_set(struct parsing *p, struct set set)
{
    struct llmobs_regex *regex = p->regex;

    if (p->any_case)
        fold(&set);
    if (llmobs_grow(&regex->sets, &regex->set_cap, regex->set_count,
                    sizeof(set))) {
        fail(p, -ENOMEM, "out of memory");
        return;
    }
    regex->sets[regex->set_count] = set;
    emit(p, regex->count, SET, (long)regex->set_count++, 0);
}

static void emit_byte(struct parsing *p, char c)
{
    struct set set = {{0}};

    put(&set, (unsigned char)c, (unsigned char)c);
    emit_set(p, set);
}

/* Repeats the code from `from` on, which the last atom made; `most` is -1 where
 * there is no limit. */
static void repeat(struct parsing *p, size_t from, int least, int most)
{
    struct llmobs_regex *regex = p->regex;
    long len = (long)(regex->count - from);
    int copies = most >= 0 ? most : least > 0 ? least : 1;

    if (len == 0)
        return;
    for (int i = 1; i < copies && !p->rc; i++)
        if (insert(p, regex->count, (size_t)len))
            memcpy(regex->code + regex->count - len, regex->code + from,
                   (size_t)len * sizeof(*regex->code));
    if (most == 0) {
        regex->count = from;
    } else if (most < 0 && least > 0) { /* the last copy once more, or not */
        emit(p, regex->count, SPLIT, -len, 1);
    } else if (most < 0) {
        emit(p, from, SPLIT, 1, len + 2);
        emit(p, regex->count, JUMP, -len - 1, 0);
    }
    for (int i = most;
         i-- > least;) { /* this copy and all later ones, or not */
        size_t copy = from + (size_t)i * (size_t)len;

        emit(p, copy, SPLIT, 1, (long)(regex->count - copy) + 1);
    }
}

/* -- brackets and escapes -------------------------------------------------- */

/* Adds the set that \d and its like stand for; false: none of them. */
static bool put_escape(struct set *set, char letter)
{
    struct set one = {{0}};

    switch (letter) {
    case 'd':
    case 'D':
        put(&one, '0', '9');
        break;
    case 'w':
    case 'W':
        for (int c = 0; c < 128; c++)
            if (is_word(c))
                put(&one, (unsigned)c, (unsigned)c);
        break;
    case 's':
    case 'S':
        put(&one, '\t', '\r');
        put(&one, ' ', ' ');
        break;
    default:
        return false;
    }
    if (letter < 'a')
        negate(&one);
    put_all(set, &one);
    return true;
}

/* Reads "[:name:]"; false: none stands here. */
static bool read_class(struct parsing *p, struct set *set)
{
    static const char *const classes[][2] = {
        {"alpha:]", "azAZ"},     {"digit:]", "09"},
        {"alnum:]", "azAZ09"},   {"upper:]", "AZ"},
        {"lower:]", "az"},       {"xdigit:]", "09afAF"},
        {"space:]", "\t\r  "},   {"blank:]", "\t\t  "},
        {"punct:]", "!/:@[`{~"}, {"print:]", " ~"},
        {"graph:]", "!~"},       {"cntrl:]", "\001\037\177\177"}};
    size_t left = (size_t)(p->end - p->at);

    if (left < 4 || memcmp(p->at, "[:", 2) != 0)
        return false;
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        const char *range = classes[i][1];
        size_t len = strlen(classes[i][0]);

        if (left - 2 < len || memcmp(p->at + 2, classes[i][0], len) != 0)
            continue;
        for (; *range; range += 2)
            put(set, (unsigned char)range[0], (unsigned char)range[1]);
        p->at += 2 + len;
        return true;
    }
    fail(p, -EINVAL, "an unknown class of characters");
    return true;
}

/* Reads one character or range of a bracket. A backslash stands for itself
 * there, unless it begins \d and its like, or stands before a bracket, a
 * hyphen, a caret or another backslash. */
static void read_member(struct parsing *p, struct set *set)
{
    unsigned from, to;

    if (*p->at == '\\' && p->end - p->at > 1) {
        if (put_escape(set, p->at[1])) {
            p->at += 2;
            return;
        }
        if (strchr("\\]-^[", p->at[1]))
            p->at++;
    }
    from = to = (unsigned char)*p->at++;
    if (p->end - p->at > 1 && p->at[0] == '-' && p->at[1] != ']') {
        to = (unsigned char)p->at[1];
        p->at += 2;
    }
    if (from >= 128 || to >= 128)
        fail(p, -EINVAL, "a character beyond ASCII in brackets");
    else if (from > to)
        fail(p, -EINVAL, "a range that ends before it begins");
    put(set, from, to);
}

static void read_bracket(struct parsing *p)
{
    struct set set = {{0}};
    bool others = more(p) && *p->at == '^';
    const char *first = p->at += others;

    while (more(p) && (p->at == first || *p->at != ']'))
        if (!read_class(p, &set))
            read_member(p, &set);
    if (!more(p)) {
        fail(p, -EINVAL, "a bracket without its end");
        return;
    }
    p->at++;
    if (others) {
        if (p->any_case)
            fold(&set);
        put(&set, '\n', '\n');
        negate(&set);
    }
    emit_set(p, set);
}

static void read_escape(struct parsing *p)
{
    static const char signs[] = "nrt", bytes[] = "\n\r\t";
    struct set set = {{0}};
    char c;

    if (!more(p)) {
        fail(p, -EINVAL, "a backslash at the end");
        return;
    }
    c = *p->at++;
    if (c == 'b' || c == 'B')
        emit(p, p->regex->count, c == 'b' ? WORD : INNER, 0, 0);
    else if (put_escape(&set, c))
        emit_set(p, set);
    else if (strchr(signs, c))
        emit_byte(p, bytes[strchr(signs, c) - signs]);
    else if (is_word((unsigned char)c) || (unsigned char)c >= 128)
        fail(p, -EINVAL, "an unknown escape");
    else
        emit_byte(p, c);
}

/* -- the grammar ----------------------------------------------------------- */

static void read_choice(struct parsing *p);

static void read_group(struct parsing *p)
{
    if (p->end - p->at >= 2 && p->at[0] == '?') {
        if (p->at[1] != ':')
            fail(p, -EINVAL, "a group of a kind that is not known");
        p->at += 2;
    }
    if (++p->depth > GROUPS_MAX)
        fail(p, -EINVAL, "too many groups in each other");
    read_choice(p);
    p->depth--;
    if (more(p))
        p->at++;
    else
        fail(p, -EINVAL, "a parenthesis without its end");
}

static void read_atom(struct parsing *p)
{
    struct set set = {{0}};
    char c = *p->at++;

    switch (c) {
    case '(':
        read_group(p);
        break;
    case ')':
        fail(p, -EINVAL, "a parenthesis without its beginning");
        break;
    case '[':
        read_bracket(p);
        break;
    case '\\':
        read_escape(p);
        break;
    case '^':
    case '$':
        emit(p, p->regex->count, c == '^' ? BEGIN : END, 0, 0);
        break;
    case '.':
        put(&set, '\n', '\n');
        negate(&set);
        emit_set(p, set);
        break;
    case '*':
    case '+':
    case '?':
    case '{':
        fail(p, -EINVAL, "nothing is there to be repeated");
        break;
    default: /* all bytes of a character beyond ASCII belong together */
        emit_byte(p, c);
        while ((unsigned char)c >= 0xc0 && more(p) && (*p->at & 0xc0) == 0x80)
            emit_byte(p, *p->at++);
    }
}

/* -1: no number stands here. */
static int read_number(struct parsing *p)
{
    int n = -1;

    for (; more(p) && *p->at >= '0' && *p->at <= '9'; p->at++) {
        n = (n < 0 ? 0 : n * 10) + (*p->at - '0');
        if (n > TIMES_MAX)
            fail(p, -EINVAL, "more than 255 times");
    }
    return n;
}

static bool is_repeat(const struct parsing *p)
{
    return more(p) && strchr("*+?{", *p->at);
}

/* Reads "*", "+", "?" or "{m,n}"; *most is -1 where there is no limit. */
static void read_repeat(struct parsing *p, int *least, int *most)
{
    char c = *p->at++;

    *least = c == '+';
    *most = c == '?' ? 1 : -1;
    if (c != '{')
        return;
    *least = *most = read_number(p);
    if (*least >= 0 && more(p) && *p->at == ',') {
        p->at++;
        *most = read_number(p);
    }
    if (*least < 0 || (*most >= 0 && *most < *least) || !more(p) ||
        *p->at++ != '}')
        fail(p, -EINVAL, "a bad number of times");
}

/* Sets the byte that each match needs, where the instruction takes one byte
 * alone. A byte that belongs to no word is rarer, and so finds more texts that
 * have no match. */
static void set_needed(struct llmobs_regex *regex, const struct code *code)
{
    int only = -1;

    if (code->op != SET)
        return;
    for (int c = 0; c < 256; c++) {
        if (!has(&regex->sets[code->x], (unsigned)c))
            continue;
        if (only >= 0)
            return;
        only = c;
    }
    if (!regex->needed || !is_word(only))
        regex->needed = only;
}

static void read_sequence(struct parsing *p)
{
    struct llmobs_regex *regex = p->regex;

    while (more(p) && *p->at != '|' && !(*p->at == ')' && p->depth > 0)) {
        size_t from = regex->count;
        int least = 1, most;

        read_atom(p);
        if (is_repeat(p)) {
            read_repeat(p, &least, &most);
            repeat(p, from, least, most);
        }
        if (is_repeat(p))
            fail(p, -EINVAL, "two repetitions in a row");
        if (!p->rc && p->depth == 0 && least > 0 && from < regex->count)
            set_needed(regex, &regex->code[from]);
    }
}

static void read_choice(struct parsing *p)
{
    struct llmobs_regex *regex = p->regex;
    size_t from = regex->count;

    read_sequence(p);
    while (more(p) && *p->at == '|') {
        size_t jump;

        p->at++;
        emit(p, from, SPLIT, 1, (long)(regex->count - from) + 2);
        jump = regex->count;
        emit(p, jump, JUMP, 0, 0);
        read_sequence(p);
        if (!p->rc)
            regex->code[jump].x = (int16_t)(regex->count - jump);
        if (p->depth == 0)
            regex->needed = 0;
    }
}

/* -- the search ------------------------------------------------------------ */

/* A way through the program: the next instruction, and where its match began.
 */
struct way {
    uint16_t at;
    size_t start;
};

struct ways {
    struct way *list;
    size_t count;
};

struct llmobs_regex_room {
    int64_t left;        /* steps */
    struct ways ways[2]; /* before this byte, and before the next one */
    uint64_t round;      /* the number of the list that is being made */
    uint64_t *seen;      /* by instruction: the last round that came to it */
    uint16_t *todo;      /* no longer than the program: a split adds one */
};

struct search {
    const struct llmobs_regex *regex;
    struct llmobs_regex_room *room;
    struct llmobs_text text;  /* no data: what could match is asked for */
    struct llmobs_found best; /* len 0: none yet */
    size_t unasked;           /* steps that llmobs_work_some gathers */
};

static struct llmobs_regex_room *new_room(size_t count)
{
    struct llmobs_regex_room *room;

    room = calloc(1, sizeof(*room) +
                         count * (2 * sizeof(struct way) + sizeof(*room->seen) +
                                  sizeof(*room->todo)));
    if (!room)
        return NULL;
    room->left = STEPS_FIRST;
    room->ways[0].list = (struct way *)(room + 1);
    room->ways[1].list = room->ways[0].list + count;
    room->seen = (uint64_t *)(room->ways[1].list + count);
    room->todo = (uint16_t *)(room->seen + count);
    return room;
}

static int byte_at(struct llmobs_text text, size_t i)
{
    return i < text.len ? (unsigned char)text.data[i] : -1;
}

/* True where an assertion holds before byte `i` of the text. */
static bool holds(const struct search *s, size_t i, enum op op)
{
    int before = i ? byte_at(s->text, i - 1) : '\n';
    int byte = byte_at(s->text, i);

    if (!s->text.data)
        return true;
    switch (op) {
    case BEGIN:
        return before == '\n';
    case END:
        return byte < 0 || byte == '\n';
    case WORD:
        return is_word(before) != is_word(byte);
    default: /* INNER */
        return is_word(before) == is_word(byte);
    }
}

/* Follows a way from the instruction `at` on, before byte `i`, and lists where
 * a byte is needed. Of ways that meet, the first one goes on: its match began
 * first. */
static void follow(struct search *s, struct ways *ways, size_t at, size_t start,
                   size_t i)
{
    uint64_t *seen = s->room->seen, round = s->room->round;
    uint16_t *todo = s->room->todo;
    int64_t steps = 0;
    size_t count = 0;

    todo[count++] = (uint16_t)at;
    for (; count > 0; steps++) {
        const struct code *code;

        at = todo[--count];
        if (seen[at] == round)
            continue;
        seen[at] = round;
        code = &s->regex->code[at];
        if (code->op == SET) {
            ways->list[ways->count++] = (struct way){(uint16_t)at, start};
        } else if (code->op == SPLIT || code->op == JUMP) {
            todo[count++] = (uint16_t)(at + (size_t)code->x);
            if (code->op == SPLIT)
                todo[count++] = (uint16_t)(at + (size_t)code->y);
        } else if (code->op == MATCH) {
            s->best = (struct llmobs_found){start, i - start, 0};
        } else if (holds(s, i, code->op)) {
            todo[count++] = (uint16_t)(at + 1);
        }
    }
    s->room->left -= steps;
}

/* Finds the leftmost match from `i` on, of those that begin there the longest.
 * -E2BIG if that takes too long, or if the budget of work is used up. */
static int find_one(struct search *s, size_t i)
{
    const struct llmobs_regex *regex = s->regex;
    struct llmobs_regex_room *room = s->room;
    struct ways *now = &room->ways[0], *next = &room->ways[1];

    s->best.len = 0;
    room->round++;
    for (now->count = 0; i < s->text.len && room->left >= 0; i++) {
        unsigned byte = (unsigned char)s->text.data[i];
        int64_t before = room->left, taken;
        struct ways *free = now;

        if (!s->best.len && has(&regex->first, byte))
            follow(s, now, 0, i, i);
        else if (s->best.len && now->count == 0)
            break;
        room->round++;
        next->count = 0;
        for (size_t k = 0; k < now->count; k++) {
            const struct way *way = &now->list[k];

            if (s->best.len && way->start > s->best.start)
                break;
            if (has(&regex->sets[regex->code[way->at].x], byte))
                follow(s, next, (size_t)way->at + 1, way->start, i + 1);
        }
        now = next;
        next = free;
        taken = before - room->left;
        if (taken > LLMOBS_REGEX_WORK &&
            !llmobs_work_some(&s->unasked, (size_t)(taken - LLMOBS_REGEX_WORK)))
            return -E2BIG;
    }
    return room->left < 0 ? -E2BIG : 0;
}

int llmobs_founds_add(struct llmobs_founds *founds, size_t start, size_t len,
                      size_t what)
{
    if (llmobs_grow(&founds->list, &founds->cap, founds->count,
                    sizeof(*founds->list)))
        return -ENOMEM;
    founds->list[founds->count++] = (struct llmobs_found){start, len, what};
    return 0;
}

int llmobs_regex_find(const struct llmobs_regex *regex,
                      struct llmobs_regex_memory *memory,
                      struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds)
{
    struct search s = {.regex = regex, .text = text};
    size_t steps = 2 * regex->count + STEPS_AGAIN;
    int rc = 0;

    if (!memory->room)
        memory->room = new_room(regex->count);
    if (!memory->room)
        return -ENOMEM;
    s.room = memory->room;
    if (s.room->left < 0)
        s.room->left = 0;
    s.room->left +=
        (int64_t)(text.len * (steps < STEPS_MOST ? steps : STEPS_MOST));
    for (size_t at = 0; at < text.len; at = s.best.start + s.best.len) {
        if (regex->needed &&
            !memchr(text.data + at, regex->needed, text.len - at))
            break;
        rc = find_one(&s, at);
        if (rc || s.best.len == 0)
            break;
        rc = llmobs_founds_add(founds, s.best.start, s.best.len, what);
        if (rc)
            break;
    }
    return rc;
}

void llmobs_regex_memory_free(struct llmobs_regex_memory *memory)
{
    free(memory->room);
    memory->room = NULL;
}

/* -- compiling ------------------------------------------------------------- */

/* Finds the bytes with which a match may begin, as if all assertions held. */
static void find_first(struct parsing *p)
{
    struct llmobs_regex *regex = p->regex;
    struct search s = {.regex = regex, .room = new_room(regex->count)};
    struct ways *ways;

    if (!s.room) {
        fail(p, -ENOMEM, "out of memory");
        return;
    }
    ways = &s.room->ways[0];
    s.room->round++;
    follow(&s, ways, 0, 0, 1);
    if (s.best.len > 0)
        fail(p, -EINVAL, "it matches the empty text");
    for (size_t i = 0; i < ways->count; i++)
        put_all(&regex->first, &regex->sets[regex->code[ways->list[i].at].x]);
    free(s.room);
}

int llmobs_regex_compile(struct llmobs_text pattern, struct llmobs_regex **out,
                         const char **why)
{
    struct parsing p = {.regex = calloc(1, sizeof(*p.regex)), .why = ""};

    *out = NULL;
    p.at = pattern.data;
    p.end = pattern.data + pattern.len;
    p.any_case = pattern.len >= 4 && memcmp(p.at, "(?i)", 4) == 0;
    if (p.any_case)
        p.at += 4;
    if (!p.regex)
        fail(&p, -ENOMEM, "out of memory");
    else if (pattern.len > LLMOBS_REGEX_LEN)
        fail(&p, -EINVAL, "it is too long");
    else if (memchr(pattern.data, '\0', pattern.len))
        fail(&p, -EINVAL, "a NUL");
    else
        read_choice(&p);
    if (!p.rc)
        emit(&p, p.regex->count, MATCH, 0, 0);
    if (!p.rc)
        find_first(&p);
    *why = p.why;
    if (p.rc)
        llmobs_regex_free(p.regex);
    else
        *out = p.regex;
    return p.rc;
}

void llmobs_regex_free(struct llmobs_regex *regex)
{
    if (!regex)
        return;
    free(regex->code);
    free(regex->sets);
    free(regex);
}
