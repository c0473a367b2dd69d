#include "lib/text/regex_compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/grow.h"
#include "lib/text/regex_program.h"

/* Thompson's construction, without a tree: a part that is repeated is read
 * again for each repetition. For the program that reads a text from its end,
 * the parts of a sequence are joined in the opposite order. */

#define GROUPS_MAX 32
#define TIMES_MAX 255
#define NOWHERE UINT16_MAX

/* A piece of the program: it begins at `start` and ends with the step `end`,
 * whose y is still open. */
struct piece {
    uint16_t start;
    uint16_t end;
};

struct parsing {
    struct llmobs_regex *regex;
    struct llmobs_regex_program *program;
    const char *at;
    const char *end;
    bool back;
    bool any_case;
    int depth;
    const char *why;
    int rc;
};

static void regex_compile_fail(struct parsing *p, int rc, const char *why)
{
    if (p->rc)
        return;
    p->rc = rc;
    p->why = why;
}

static uint16_t regex_compile_add_step(struct parsing *p,
                                       enum llmobs_regex_op op, uint16_t x,
                                       uint16_t y)
{
    struct llmobs_regex_program *program = p->program;

    if (program->count == LLMOBS_REGEX_SIZE) {
        regex_compile_fail(p, -EINVAL, "it is too big");
        return 0;
    }
    if (llmobs_grow(&program->steps, &program->cap, program->count,
                    sizeof(*program->steps))) {
        regex_compile_fail(p, -ENOMEM, "out of memory");
        return 0;
    }
    program->steps[program->count] =
        (struct llmobs_regex_step){(uint8_t)op, x, y};
    return (uint16_t)program->count++;
}

static void regex_compile_link_to(struct parsing *p, uint16_t from, uint16_t to)
{
    if (!p->rc)
        p->program->steps[from].y = to;
}

/* A step that does nothing, where several ways meet. */
static uint16_t add_nothing(struct parsing *p)
{
    return regex_compile_add_step(p, LLMOBS_REGEX_SPLIT, NOWHERE, NOWHERE);
}

/* -- sets ---------------------------------------------------------------- */

static void regex_compile_put(struct llmobs_regex_set *set, unsigned byte)
{
    set->bits[byte / 32] |= 1u << (byte % 32);
}

static void put_range(struct llmobs_regex_set *set, unsigned from, unsigned to)
{
    for (unsigned c = from; c <= to; c++)
        regex_compile_put(set, c);
}

static void fold(struct llmobs_regex_set *set)
{
    for (unsigned c = 'a'; c <= 'z'; c++) {
        if (llmobs_regex_has(set, c) || llmobs_regex_has(set, c - 32)) {
            regex_compile_put(set, c);
            regex_compile_put(set, c - 32);
        }
    }
}

static void negate(struct llmobs_regex_set *set)
{
    for (size_t i = 0; i < 8; i++)
        set->bits[i] = ~set->bits[i];
}

static uint16_t add_set(struct parsing *p, struct llmobs_regex_set *set)
{
    struct llmobs_regex *regex = p->regex;

    if (p->any_case)
        fold(set);
    for (size_t i = 0; i < regex->set_count; i++)
        if (memcmp(&regex->sets[i], set, sizeof(*set)) == 0)
            return (uint16_t)i;
    if (llmobs_grow(&regex->sets, &regex->set_cap, regex->set_count,
                    sizeof(*regex->sets))) {
        regex_compile_fail(p, -ENOMEM, "out of memory");
        return 0;
    }
    regex->sets[regex->set_count] = *set;
    return (uint16_t)regex->set_count++;
}

static struct piece regex_compile_add_bytes(struct parsing *p,
                                            struct llmobs_regex_set *set)
{
    uint16_t step =
        regex_compile_add_step(p, LLMOBS_REGEX_BYTE, add_set(p, set), NOWHERE);

    return (struct piece){step, step};
}

/* Fills the set that a letter behind a backslash stands for; false: no set. */
static bool escape_set(char letter, struct llmobs_regex_set *set)
{
    switch (letter | 0x20) {
    case 'd':
        put_range(set, '0', '9');
        break;
    case 'w':
        for (unsigned c = 0; c < 128; c++)
            if (llmobs_regex_is_word(c))
                regex_compile_put(set, c);
        break;
    case 's':
        put_range(set, '\t', '\r');
        regex_compile_put(set, ' ');
        break;
    default:
        return false;
    }
    if (letter < 'a')
        negate(set);
    return true;
}

static bool put_class(struct llmobs_text name, struct llmobs_regex_set *set)
{
    static const struct {
        const char *name;
        const char *ranges; /* pairs */
    } classes[] = {{"alpha", "azAZ"},     {"digit", "09"},
                   {"alnum", "azAZ09"},   {"upper", "AZ"},
                   {"lower", "az"},       {"xdigit", "09afAF"},
                   {"space", "\t\r  "},   {"blank", "\t\t  "},
                   {"punct", "!/:@[`{~"}, {"print", " ~"},
                   {"graph", "!~"},       {"cntrl", "\001\037\177\177"}};

    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        const char *range = classes[i].ranges;

        if (strlen(classes[i].name) != name.len ||
            memcmp(classes[i].name, name.data, name.len) != 0)
            continue;
        for (; *range; range += 2)
            put_range(set, (unsigned char)range[0], (unsigned char)range[1]);
        return true;
    }
    return false;
}

/* Reads "[:name:]", and moves behind it; false: no such class. */
static bool read_class(struct parsing *p, struct llmobs_regex_set *set)
{
    size_t left = (size_t)(p->end - p->at);
    const char *close;

    if (left < 4 || p->at[0] != '[' || p->at[1] != ':')
        return false;
    close = memmem(p->at + 2, left - 2, ":]", 2);
    if (!close ||
        !put_class((struct llmobs_text){p->at + 2, (size_t)(close - p->at - 2)},
                   set))
        regex_compile_fail(p, -EINVAL, "an unknown class of characters");
    else
        p->at = close + 2;
    return true;
}

/* Reads one character or range of a bracket. A backslash stands for itself
 * there, unless it begins \d and its like, or stands before a bracket or
 * another backslash. */
static void regex_compile_read_member(struct parsing *p,
                                      struct llmobs_regex_set *set)
{
    unsigned from, to;

    if (*p->at == '\\' && p->end - p->at > 1) {
        if (escape_set(p->at[1], set)) {
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
        regex_compile_fail(p, -EINVAL, "a character beyond ASCII in brackets");
    else if (from > to)
        regex_compile_fail(p, -EINVAL, "a range that ends before it begins");
    else
        put_range(set, from, to);
}

static struct piece read_bracket(struct parsing *p)
{
    struct llmobs_regex_set set = {{0}};
    bool others = p->at < p->end && *p->at == '^';
    bool first = true;

    p->at += others;
    while (!p->rc && p->at < p->end && (first || *p->at != ']')) {
        first = false;
        if (!read_class(p, &set))
            regex_compile_read_member(p, &set);
    }
    if (p->at == p->end)
        regex_compile_fail(p, -EINVAL, "a bracket without its end");
    p->at++;
    if (others) {
        if (p->any_case)
            fold(&set);
        regex_compile_put(&set, '\n');
        negate(&set);
    }
    return regex_compile_add_bytes(p, &set);
}

/* -- the grammar --------------------------------------------------------- */

static struct piece regex_compile_read_choice(struct parsing *p);

static struct piece add_assertion(struct parsing *p, enum llmobs_regex_op op)
{
    uint16_t step;

    if (p->back && op == LLMOBS_REGEX_BEGIN)
        op = LLMOBS_REGEX_END;
    else if (p->back && op == LLMOBS_REGEX_END)
        op = LLMOBS_REGEX_BEGIN;
    step = regex_compile_add_step(p, op, NOWHERE, NOWHERE);
    return (struct piece){step, step};
}

static struct piece add_byte(struct parsing *p, char c)
{
    struct llmobs_regex_set set = {{0}};

    regex_compile_put(&set, (unsigned char)c);
    return regex_compile_add_bytes(p, &set);
}

static struct piece regex_compile_read_escape(struct parsing *p)
{
    struct llmobs_regex_set set = {{0}};
    char c;

    if (p->at == p->end) {
        regex_compile_fail(p, -EINVAL, "a backslash at the end");
        return (struct piece){0, 0};
    }
    c = *p->at++;
    if (escape_set(c, &set))
        return regex_compile_add_bytes(p, &set);
    if (c == 'b' || c == 'B')
        return add_assertion(p,
                             c == 'b' ? LLMOBS_REGEX_WORD : LLMOBS_REGEX_INNER);
    if (c == 'n' || c == 't' || c == 'r')
        return add_byte(p, c == 'n' ? '\n' : c == 't' ? '\t' : '\r');
    if (llmobs_regex_is_word((unsigned char)c) || (unsigned char)c >= 128)
        regex_compile_fail(p, -EINVAL, "an unknown escape");
    return add_byte(p, c);
}

static struct piece regex_compile_read_group(struct parsing *p)
{
    struct piece piece;

    if (p->end - p->at >= 2 && p->at[0] == '?') {
        if (p->at[1] == ':')
            p->at += 2;
        else
            regex_compile_fail(p, -EINVAL,
                               "a group of a kind that is not known");
    }
    if (++p->depth > GROUPS_MAX)
        regex_compile_fail(p, -EINVAL, "too many groups in each other");
    piece = regex_compile_read_choice(p);
    p->depth--;
    if (p->at == p->end)
        regex_compile_fail(p, -EINVAL, "a parenthesis without its end");
    p->at++;
    return piece;
}

/* Reads a character; all bytes of a character beyond ASCII belong together. */
static struct piece read_character(struct parsing *p, char c)
{
    struct piece all = add_byte(p, c);

    while (!p->rc && (unsigned char)c >= 0xc0 && p->at < p->end &&
           ((unsigned char)*p->at & 0xc0) == 0x80) {
        struct piece next = add_byte(p, *p->at++);

        regex_compile_link_to(p, p->back ? next.end : all.end,
                              p->back ? all.start : next.start);
        if (p->back)
            all.start = next.start;
        else
            all.end = next.end;
    }
    return all;
}

static struct piece read_atom(struct parsing *p)
{
    struct llmobs_regex_set set = {{0}};
    char c = *p->at++;

    switch (c) {
    case '(':
        return regex_compile_read_group(p);
    case '[':
        return read_bracket(p);
    case '.':
        regex_compile_put(&set, '\n');
        negate(&set);
        return regex_compile_add_bytes(p, &set);
    case '^':
        return add_assertion(p, LLMOBS_REGEX_BEGIN);
    case '$':
        return add_assertion(p, LLMOBS_REGEX_END);
    case '\\':
        return regex_compile_read_escape(p);
    case '*':
    case '+':
    case '?':
    case '{':
        regex_compile_fail(p, -EINVAL, "nothing is there to be repeated");
        return (struct piece){0, 0};
    case ')':
        regex_compile_fail(p, -EINVAL, "a parenthesis without its beginning");
        return (struct piece){0, 0};
    default:
        return read_character(p, c);
    }
}

static int regex_compile_read_times(struct parsing *p)
{
    int n = 0;

    if (p->at == p->end || *p->at < '0' || *p->at > '9')
        return -1;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9' && n <= TIMES_MAX)
        n = n * 10 + (*p->at++ - '0');
    if (n > TIMES_MAX)
        regex_compile_fail(p, -EINVAL, "more than 255 times");
    return n;
}

/* Reads "*", "+", "?" or "{m,n}"; *most is -1 where there is no limit. False:
 * no repeat stands here. */
static bool read_repeat(struct parsing *p, int *least, int *most)
{
    char c = p->at < p->end ? *p->at : '\0';

    if (!c || !strchr("*+?{", c))
        return false;
    p->at++;
    *least = c == '+';
    *most = c == '?' ? 1 : -1;
    if (c != '{')
        return true;
    *least = *most = regex_compile_read_times(p);
    if (*least >= 0 && p->at < p->end && *p->at == ',') {
        p->at++;
        *most = regex_compile_read_times(p);
    }
    if (*least < 0 || (*most >= 0 && *most < *least) || p->at == p->end ||
        *p->at != '}')
        regex_compile_fail(p, -EINVAL, "a bad number of times");
    p->at++;
    return true;
}

static struct piece regex_compile_join(struct parsing *p, struct piece a,
                                       struct piece b)
{
    regex_compile_link_to(p, a.end, b.start);
    return (struct piece){a.start, b.end};
}

/* Makes the piece optional, or with `again` repeats it any number of times. */
static struct piece loosen(struct parsing *p, struct piece piece, bool again)
{
    uint16_t end = add_nothing(p);
    uint16_t split =
        regex_compile_add_step(p, LLMOBS_REGEX_SPLIT, piece.start, end);

    regex_compile_link_to(p, piece.end, again ? split : end);
    return (struct piece){split, end};
}

/* Reads the atom that begins at `from` once more. */
static struct piece regex_compile_repeated(struct parsing *p, const char *from)
{
    const char *here = p->at;
    struct piece piece;

    p->at = from;
    piece = read_atom(p);
    p->at = here;
    return piece;
}

static struct piece repeat(struct parsing *p, const char *from,
                           struct piece first, int least, int most)
{
    struct piece all = {0, 0}, one = first;
    int count = most < 0 ? least + 1 : most;

    if (most == 0) {
        all.start = all.end = add_nothing(p);
        return all;
    }
    for (int i = 0; i < count && !p->rc; i++) {
        if (i > 0)
            one = regex_compile_repeated(p, from);
        if (i >= least)
            one = loosen(p, one, most < 0);
        all = i > 0 ? regex_compile_join(p, all, one) : one;
    }
    return all;
}

static struct piece regex_compile_read_part(struct parsing *p)
{
    const char *from = p->at;
    struct piece piece = read_atom(p);
    int least, most;

    if (p->rc || !read_repeat(p, &least, &most))
        return piece;
    piece = repeat(p, from, piece, least, most);
    if (!p->rc && p->at < p->end && strchr("*+?{", *p->at))
        regex_compile_fail(p, -EINVAL, "two repetitions in a row");
    return piece;
}

static struct piece read_sequence(struct parsing *p)
{
    struct piece all, part;

    all.start = all.end = add_nothing(p);
    while (!p->rc && p->at < p->end && *p->at != '|' &&
           !(*p->at == ')' && p->depth > 0)) {
        part = regex_compile_read_part(p);
        all = p->back ? regex_compile_join(p, part, all)
                      : regex_compile_join(p, all, part);
    }
    return all;
}

static struct piece regex_compile_read_choice(struct parsing *p)
{
    struct piece all = read_sequence(p), other;

    while (!p->rc && p->at < p->end && *p->at == '|') {
        uint16_t end;

        p->at++;
        other = read_sequence(p);
        end = add_nothing(p);
        regex_compile_link_to(p, all.end, end);
        regex_compile_link_to(p, other.end, end);
        all.start = regex_compile_add_step(p, LLMOBS_REGEX_SPLIT, all.start,
                                           other.start);
        all.end = end;
    }
    return all;
}

/* -- the program --------------------------------------------------------- */

struct walk {
    uint16_t todo[LLMOBS_REGEX_SIZE + 1];
    uint8_t seen[LLMOBS_REGEX_SIZE];
};

/* True where the program can reach a match without a byte; all assertions count
 * as true. */
static bool matches_nothing(const struct llmobs_regex_program *program,
                            uint16_t at, struct walk *walk)
{
    uint16_t *todo = walk->todo;
    uint8_t *seen = walk->seen;
    size_t count = 0;

    todo[count++] = at;
    seen[at] = 1;
    while (count > 0) {
        const struct llmobs_regex_step *step = &program->steps[todo[--count]];
        uint16_t ways[] = {step->y, step->x};
        size_t n = step->op == LLMOBS_REGEX_SPLIT ? 2 : 1;

        if (step->op == LLMOBS_REGEX_MATCH)
            return true;
        for (size_t i = 0; i < n && step->op != LLMOBS_REGEX_BYTE; i++) {
            if (ways[i] == NOWHERE || seen[ways[i]])
                continue;
            seen[ways[i]] = 1;
            todo[count++] = ways[i];
        }
    }
    return false;
}

static void compile(struct parsing *p, struct llmobs_text pattern, bool back)
{
    struct piece all;
    struct walk *walk;

    if (p->rc)
        return;
    p->program = back ? &p->regex->back : &p->regex->ahead;
    p->back = back;
    p->depth = 0;
    p->at = pattern.data;
    p->end = pattern.data + pattern.len;
    all = regex_compile_read_choice(p);
    regex_compile_link_to(
        p, all.end,
        regex_compile_add_step(p, LLMOBS_REGEX_MATCH, NOWHERE, NOWHERE));
    if (p->rc)
        return;
    p->program->start = all.start;
    walk = calloc(1, sizeof(*walk));
    if (!walk)
        regex_compile_fail(p, -ENOMEM, "there is no memory");
    else if (matches_nothing(p->program, all.start, walk))
        regex_compile_fail(p, -EINVAL, "it matches the empty text");
    free(walk);
}

static bool same_class(const struct llmobs_regex *regex, unsigned a, unsigned b)
{
    if (llmobs_regex_is_word(a) != llmobs_regex_is_word(b) ||
        (a == '\n') != (b == '\n'))
        return false;
    for (size_t i = 0; i < regex->set_count; i++)
        if (llmobs_regex_has(&regex->sets[i], a) !=
            llmobs_regex_has(&regex->sets[i], b))
            return false;
    return true;
}

static void classify(struct llmobs_regex *regex)
{
    for (unsigned c = 0; c < 256; c++) {
        size_t i = 0;

        while (i < regex->classes && !same_class(regex, c, regex->example[i]))
            i++;
        regex->class_of[c] = (uint8_t)i;
        if (i == regex->classes)
            regex->example[regex->classes++] = (uint8_t)c;
    }
}

int llmobs_regex_compile(struct llmobs_text pattern, struct llmobs_regex **out,
                         const char **why)
{
    struct parsing p = {.regex = calloc(1, sizeof(*p.regex)), .why = ""};

    *out = NULL;
    if (!p.regex)
        regex_compile_fail(&p, -ENOMEM, "out of memory");
    if (pattern.len > LLMOBS_REGEX_LEN)
        regex_compile_fail(&p, -EINVAL, "it is too long");
    if (memchr(pattern.data, '\0', pattern.len))
        regex_compile_fail(&p, -EINVAL, "a NUL");
    if (pattern.len >= 4 && memcmp(pattern.data, "(?i)", 4) == 0) {
        p.any_case = true;
        pattern.data += 4;
        pattern.len -= 4;
    }
    compile(&p, pattern, false);
    compile(&p, pattern, true);
    *why = p.why;
    if (p.rc) {
        llmobs_regex_free(p.regex);
        return p.rc;
    }
    classify(p.regex);
    *out = p.regex;
    return 0;
}

void llmobs_regex_free(struct llmobs_regex *regex)
{
    if (!regex)
        return;
    free(regex->sets);
    free(regex->ahead.steps);
    free(regex->back.steps);
    free(regex);
}
