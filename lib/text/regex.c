#include "lib/text/regex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/grow.h"
#include "lib/text/regex_program.h"

/* A first pass, from the text's end, finds every place where a match begins, by
 * the program that reads backwards. A second pass reads forwards from each such
 * place that no earlier match covers. Both passes move from state to state, and
 * learn a state when they meet it first; a state is the set of instructions
 * that the program may be at. */

#define SLOTS 4096 /* a power of two, more than the states */
#define POOL_MAX ((size_t)1 << 20)
/* How many steps all searches with one memory may take together. An ordinary
 * search takes two steps a byte. */
#define STEPS_FIRST 4000000
#define STEPS_PER_BYTE 32

#define PREV_BEGIN 1 /* a line begins here */
#define PREV_WORD 2  /* the byte before belongs to a word */
#define PREVS 3

struct state {
    uint32_t at; /* in the pool */
    uint16_t count;
    uint8_t prev;
};

struct llmobs_dfa {
    const struct llmobs_regex *regex;
    const struct llmobs_regex_program *program;
    bool anywhere; /* a match may begin at every byte */
    struct state states[LLMOBS_REGEX_STATES];
    size_t count;
    int first[PREVS];      /* a search's first state, from 1; 0: unknown */
    uint32_t slots[SLOTS]; /* the numbers of states, from 1, by hash */
    /* The next state, by state and class; the class after the last one is the
     * text's end. 0: unknown; else twice the state's number, from 1, plus 1
     * where a match ends before the byte. */
    uint32_t *ways;
    uint16_t *pool;
    size_t pool_len, pool_cap;
    /* For one step: */
    uint16_t *todo;
    uint8_t *seen; /* a mark for each instruction */
    uint8_t *next; /* the marks of the step's result */
    int64_t left;
};

static void dfa_free(struct llmobs_dfa *dfa)
{
    if (!dfa)
        return;
    free(dfa->ways);
    free(dfa->pool);
    free(dfa->todo);
    free(dfa->seen);
    free(dfa->next);
    free(dfa);
}

static struct llmobs_dfa *dfa_new(const struct llmobs_regex *regex, bool back)
{
    struct llmobs_dfa *dfa = calloc(1, sizeof(*dfa));
    size_t n = back ? regex->back.count : regex->ahead.count;

    if (!dfa)
        return NULL;
    dfa->regex = regex;
    dfa->program = back ? &regex->back : &regex->ahead;
    dfa->anywhere = back;
    dfa->left = STEPS_FIRST;
    dfa->ways =
        calloc(LLMOBS_REGEX_STATES * (regex->classes + 1), sizeof(*dfa->ways));
    dfa->todo = calloc(n + 1, sizeof(*dfa->todo));
    dfa->seen = calloc(n, 1);
    dfa->next = calloc(n, 1);
    if (dfa->ways && dfa->todo && dfa->seen && dfa->next)
        return dfa;
    dfa_free(dfa);
    return NULL;
}

/* -- states -------------------------------------------------------------- */

/* Copies the instructions that `next` marks to the pool's unused end. *out:
 * their number. */
static int regex_gather(struct llmobs_dfa *dfa, uint16_t *out)
{
    size_t n = 0, most = dfa->program->count;

    if (dfa->pool_len + most > dfa->pool_cap) {
        size_t cap = (dfa->pool_len + most) * 2;
        uint16_t *pool = realloc(dfa->pool, cap * sizeof(*pool));

        if (!pool)
            return -ENOMEM;
        dfa->pool = pool;
        dfa->pool_cap = cap;
    }
    for (size_t i = 0; i < most; i++)
        if (dfa->next[i])
            dfa->pool[dfa->pool_len + n++] = (uint16_t)i;
    *out = (uint16_t)n;
    return 0;
}

static size_t regex_hash_of(const uint16_t *list, size_t count, uint8_t prev)
{
    uint64_t hash = 14695981039346656037u + prev;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ list[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32) & (SLOTS - 1);
}

/* Forgets all states, but keeps the list of the new one. */
static void forget_states(struct llmobs_dfa *dfa, size_t count)
{
    memmove(dfa->pool, dfa->pool + dfa->pool_len, count * sizeof(*dfa->pool));
    memset(dfa->ways, 0,
           dfa->count * (dfa->regex->classes + 1) * sizeof(*dfa->ways));
    memset(dfa->slots, 0, sizeof(dfa->slots));
    memset(dfa->first, 0, sizeof(dfa->first));
    dfa->pool_len = dfa->count = 0;
}

/* Gives the state of the instructions that `next` marks, or -ENOMEM. */
static int state_of_marks(struct llmobs_dfa *dfa, uint8_t prev)
{
    uint16_t count;
    const uint16_t *list;
    size_t slot;
    int rc = regex_gather(dfa, &count);

    if (rc)
        return rc;
    if (dfa->count == LLMOBS_REGEX_STATES || dfa->pool_len > POOL_MAX)
        forget_states(dfa, count);
    list = dfa->pool + dfa->pool_len;
    slot = regex_hash_of(list, count, prev);
    for (; dfa->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
        const struct state *state = &dfa->states[dfa->slots[slot] - 1];

        if (state->count == count && state->prev == prev &&
            memcmp(dfa->pool + state->at, list, count * sizeof(*list)) == 0)
            return (int)dfa->slots[slot] - 1;
    }
    dfa->states[dfa->count] =
        (struct state){(uint32_t)dfa->pool_len, count, prev};
    dfa->pool_len += count;
    dfa->slots[slot] = (uint32_t)++dfa->count;
    return (int)dfa->count - 1;
}

static int first_state(struct llmobs_dfa *dfa, uint8_t prev)
{
    int state = dfa->first[prev] - 1;

    if (state >= 0)
        return state;
    memset(dfa->next, 0, dfa->program->count);
    dfa->next[dfa->program->start] = 1;
    dfa->left -= (int64_t)(dfa->program->count / 8);
    state = state_of_marks(dfa, prev);
    if (state >= 0)
        dfa->first[prev] = state + 1;
    return state;
}

/* -- steps --------------------------------------------------------------- */

/* True when an assertion holds between the byte before, of the kind `prev`, and
 * `byte` (-1: the end of the text). */
static bool regex_holds(enum llmobs_regex_op op, uint8_t prev, int byte)
{
    bool word = byte >= 0 && llmobs_regex_is_word((unsigned)byte);
    bool before = prev & PREV_WORD;

    switch (op) {
    case LLMOBS_REGEX_BEGIN:
        return prev & PREV_BEGIN;
    case LLMOBS_REGEX_END:
        return byte < 0 || byte == '\n';
    case LLMOBS_REGEX_WORD:
        return word != before;
    case LLMOBS_REGEX_INNER:
        return word == before;
    default:
        return true;
    }
}

static void regex_visit(struct llmobs_dfa *dfa, uint16_t at, size_t *count)
{
    if (at == UINT16_MAX || dfa->seen[at])
        return;
    dfa->seen[at] = 1;
    dfa->todo[(*count)++] = at;
}

/* Marks the instructions to which the byte leads from this state; true where a
 * match ends before the byte. */
static bool regex_walk(struct llmobs_dfa *dfa, const struct state *state,
                       int byte)
{
    const struct llmobs_regex_program *program = dfa->program;
    bool matched = false;
    size_t count = 0;

    memset(dfa->seen, 0, program->count);
    memset(dfa->next, 0, program->count);
    for (size_t i = 0; i < state->count; i++)
        regex_visit(dfa, dfa->pool[state->at + i], &count);
    /* Each instruction comes on the list once: the list has room for all. */
    for (size_t i = 0; i < count; i++) {
        const struct llmobs_regex_step *step = &program->steps[dfa->todo[i]];

        if (step->op == LLMOBS_REGEX_MATCH) {
            matched = true;
        } else if (step->op == LLMOBS_REGEX_BYTE) {
            if (byte >= 0 &&
                llmobs_regex_has(&dfa->regex->sets[step->x], (unsigned)byte))
                dfa->next[step->y] = 1;
        } else if (regex_holds((enum llmobs_regex_op)step->op, state->prev,
                               byte)) {
            if (step->op == LLMOBS_REGEX_SPLIT)
                regex_visit(dfa, step->x, &count);
            regex_visit(dfa, step->y, &count);
        }
    }
    if (dfa->anywhere)
        dfa->next[program->start] = 1;
    dfa->left -= (int64_t)(count + program->count / 8);
    return matched;
}

static uint8_t prev_of(int byte)
{
    if (byte < 0 || byte == '\n')
        return PREV_BEGIN;
    return llmobs_regex_is_word((unsigned)byte) ? PREV_WORD : 0;
}

/* Finds the next state, and notes it in `ways`; answers it in the form of
 * `ways`, or a negative errno. */
static int64_t learn(struct llmobs_dfa *dfa, int from, size_t symbol)
{
    const struct llmobs_regex *regex = dfa->regex;
    struct state state = dfa->states[from];
    size_t states = dfa->count;
    int byte = symbol < regex->classes ? regex->example[symbol] : -1;
    bool matched = regex_walk(dfa, &state, byte);
    int to = state_of_marks(dfa, prev_of(byte));
    uint32_t way;

    if (to < 0)
        return to;
    way = ((uint32_t)to + 1) * 2 + matched;
    if (dfa->count >= states) /* else this state was forgotten, too */
        dfa->ways[(size_t)from * (regex->classes + 1) + symbol] = way;
    return way;
}

/* Moves *state on by the byte (-1: the text's end). 1: a match ends before the
 * byte; 0: no match ends there; -ENOMEM, -E2BIG. */
static int regex_step(struct llmobs_dfa *dfa, int *state, int byte)
{
    size_t classes = dfa->regex->classes;
    size_t symbol = byte < 0 ? classes : dfa->regex->class_of[byte];
    int64_t way = dfa->ways[(size_t)*state * (classes + 1) + symbol];

    if (--dfa->left < 0)
        return -E2BIG;
    if (way == 0)
        way = learn(dfa, *state, symbol);
    if (way < 0)
        return (int)way;
    *state = (int)(way / 2) - 1;
    return (int)(way & 1);
}

static int byte_at(struct llmobs_text text, size_t i)
{
    return i < text.len ? (unsigned char)text.data[i] : -1;
}

/* -- passes -------------------------------------------------------------- */

/* Sets a bit for each place where a match begins. */
static int mark_starts(struct llmobs_dfa *dfa, struct llmobs_text text,
                       uint8_t *starts)
{
    int state = first_state(dfa, PREV_BEGIN);

    for (size_t i = text.len + 1; i-- > 0 && state >= 0;) {
        int rc = regex_step(dfa, &state, i ? byte_at(text, i - 1) : -1);

        if (rc < 0)
            return rc;
        if (rc > 0)
            starts[i / 8] = (uint8_t)(starts[i / 8] | 1u << i % 8);
    }
    return state < 0 ? state : 0;
}

/* Finds the end of the longest match that begins at `from`. */
static int regex_find_end(struct llmobs_dfa *dfa, struct llmobs_text text,
                          size_t from, size_t *end)
{
    int before = from ? byte_at(text, from - 1) : -1;
    int state = first_state(dfa, prev_of(before));

    *end = from;
    for (size_t i = from; i <= text.len && state >= 0; i++) {
        int rc = regex_step(dfa, &state, byte_at(text, i));

        if (rc < 0)
            return rc;
        if (rc > 0)
            *end = i;
        if (dfa->states[state].count == 0)
            break;
    }
    return state < 0 ? state : 0;
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

static int regex_find_all(struct llmobs_dfa *dfa, struct llmobs_text text,
                          const uint8_t *starts, size_t what,
                          struct llmobs_founds *founds)
{
    size_t end;
    int rc = 0;

    for (size_t i = 0; i < text.len && !rc; i++) {
        if (!(starts[i / 8] >> i % 8 & 1))
            continue;
        rc = regex_find_end(dfa, text, i, &end);
        if (rc || end == i)
            continue;
        rc = llmobs_founds_add(founds, i, end - i, what);
        i = end - 1;
    }
    return rc;
}

/* Adds the steps of a new text to the steps that earlier texts left. */
static void allow_steps(struct llmobs_dfa *dfa, struct llmobs_text text)
{
    if (dfa->left < 0)
        dfa->left = 0;
    dfa->left += (int64_t)text.len * STEPS_PER_BYTE;
}

int llmobs_regex_find(const struct llmobs_regex *regex,
                      struct llmobs_regex_memory *memory,
                      struct llmobs_text text, size_t what,
                      struct llmobs_founds *founds)
{
    uint8_t *starts;
    int rc = -ENOMEM;

    if (!memory->back)
        memory->back = dfa_new(regex, true);
    if (!memory->ahead)
        memory->ahead = dfa_new(regex, false);
    starts = calloc(text.len / 8 + 1, 1);
    if (memory->back && memory->ahead && starts) {
        allow_steps(memory->back, text);
        allow_steps(memory->ahead, text);
        rc = mark_starts(memory->back, text, starts);
        if (!rc)
            rc = regex_find_all(memory->ahead, text, starts, what, founds);
    }
    free(starts);
    return rc;
}

void llmobs_regex_forget(struct llmobs_regex_memory *memory)
{
    dfa_free(memory->ahead);
    dfa_free(memory->back);
    memory->ahead = memory->back = NULL;
}
