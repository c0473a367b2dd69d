/* Follows the paths of a layout to values. */
#include "rules/read/layout.h"

#include <string.h>

#include "rules/read/cut_json.h"

#define DIGITS_MAX 9

/* The places that say something about an answer. */
static const char facts[] = {LLMOBS_AT_MODEL,        LLMOBS_AT_ID,
                             LLMOBS_AT_FAULT,        LLMOBS_AT_USAGE,
                             LLMOBS_AT_INPUT_TOKENS, LLMOBS_AT_OUTPUT_TOKENS,
                             LLMOBS_AT_TOTAL_TOKENS, LLMOBS_AT_CACHED_TOKENS,
                             LLMOBS_AT_IMAGE_TOKENS, LLMOBS_AT_PREFILL,
                             LLMOBS_AT_DECODE,       0};

static bool is_word(char which)
{
    return which >= 'A' && which <= 'Z';
}

const char *llmobs_layout_fault(char which, const char *what)
{
    if (is_word(which) && !*what)
        return "a column is not a text or is empty";
    if (!is_word(which) && *what && *what != '/')
        return "a pointer does not begin with '/'";
    for (; *what; what++) {
        if ((unsigned char)*what < ' ')
            return "a pointer has a control character";
        if (*what == '~' && what[1] != '0' && what[1] != '1')
            return "a pointer has a '~' that is neither ~0 nor ~1";
    }
    return NULL;
}

/* -- the lines ----------------------------------------------------------- */

/* Copies a text behind the other steps and undoes its escapes. The room
 * suffices, as the copy is not longer than the text in the lines. */
static void add_step(struct llmobs_layout_values *v, const char *places,
                     const char *from, const char *end)
{
    char *to = v->text + (from - places);

    if (v->step_count == LLMOBS_LAYOUT_STEPS)
        return;
    v->steps[v->step_count++] = (uint16_t)(from - places);
    for (; from < end; from++) {
        bool coded = *from == '~' && from + 1 < end;

        if (coded)
            from++;
        *to++ = !coded ? *from : *from == '1' ? '/' : '~';
    }
    *to = '\0';
}

/* A '|' in a name does not begin another pointer. */
static const char *end_of_pointer(const char *at, const char *end)
{
    while (at < end && !(*at == '|' && at + 1 < end && at[1] == '/'))
        at++;
    return at;
}

/* Adds a pointer; a word becomes a pointer with the word as its only step. */
static void add_pointer(struct llmobs_layout_values *v, const char *places,
                        const char *at, const char *end)
{
    struct llmobs_layout_pointer *pointer = &v->pointers[v->count++];

    pointer->step = v->step_count;
    if (is_word(pointer->which))
        add_step(v, places, at, end);
    while (at < end && !is_word(pointer->which)) {
        const char *name = at + 1;

        at = memchr(name, '/', (size_t)(end - name));
        at = at ? at : end;
        add_step(v, places, name, at);
    }
    pointer->steps = (uint8_t)(v->step_count - pointer->step);
}

static void add_line(struct llmobs_layout_values *v, const char *places,
                     const char *at, const char *end)
{
    char which = (char)(*at++ & 0x7F);
    bool either = false;

    if (!v->lines[(unsigned char)which])
        v->lines[(unsigned char)which] = (uint8_t)(v->count + 1);
    while (v->count < LLMOBS_LAYOUT_PLACES) {
        const char *stop = is_word(which) ? end : end_of_pointer(at, end);

        v->pointers[v->count].which = which;
        v->pointers[v->count].either = either;
        add_pointer(v, places, at, stop);
        if (stop == end)
            return;
        at = stop + 1;
        either = true;
    }
}

void llmobs_layout_read(struct llmobs_layout_values *values, const char *places)
{
    const char *at = places;

    while (at && *at) {
        const char *end = at + strcspn(at, "\n");

        if (end - places > LLMOBS_LAYOUT_MAX)
            return;
        if (end > at)
            add_line(values, places, at, end);
        at = *end ? end + 1 : end;
    }
}

const char *llmobs_layout_key(const struct llmobs_layout_values *values,
                              char which, size_t n)
{
    for (size_t i = llmobs_layout_line(values, which);
         i > 0 && i <= values->count; i++) {
        const struct llmobs_layout_pointer *pointer = &values->pointers[i - 1];

        if (pointer->which == which && n-- == 0)
            return pointer->steps > 0
                       ? values->text + values->steps[pointer->step]
                       : NULL;
    }
    return NULL;
}

/* -- the values ---------------------------------------------------------- */

static const struct llmobs_json *element(const struct llmobs_json *array,
                                         const char *digits)
{
    size_t at = 0, len = strlen(digits);

    if (len == 0 || len > DIGITS_MAX || (*digits == '0' && len > 1))
        return NULL;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return NULL;
        at = at * 10 + (size_t)(*digits - '0');
    }
    return llmobs_json_at(array, at);
}

const struct llmobs_json *llmobs_layout_value(
    const struct llmobs_layout_found *found)
{
    if (found->member)
        return llmobs_json_iter_value(found->member);
    if (!found->step || !found->in)
        return found->in;
    return element(found->in, found->step);
}

/* Follows one pointer. */
static struct llmobs_layout_found follow(
    const struct llmobs_layout_values *v,
    const struct llmobs_layout_pointer *pointer, const struct llmobs_json *body)
{
    struct llmobs_layout_found found = {body, NULL, NULL};

    for (size_t i = 0; i < pointer->steps; i++) {
        found.in = llmobs_layout_value(&found);
        found.step = v->text + v->steps[pointer->step + i];
        found.member = llmobs_json_find(found.in, found.step);
    }
    if (!llmobs_layout_value(&found))
        found.in = NULL;
    return found;
}

/* Follows the pointers of a line until one of them finds something. */
static struct llmobs_layout_found find(const struct llmobs_layout_values *v,
                                       size_t line,
                                       const struct llmobs_json *body)
{
    struct llmobs_layout_found found = follow(v, &v->pointers[line], body);

    while (!found.in && ++line < v->count && v->pointers[line].either)
        found = follow(v, &v->pointers[line], body);
    return found;
}

void llmobs_layout_go(struct llmobs_layout_values *values,
                      const struct llmobs_json *body,
                      const struct llmobs_json_changes *alike)
{
    bool second = values->now == values->found[1];

    if (alike && values->trees[second] == alike->tree)
        return;
    second = !second;
    values->now = values->found[second];
    if (alike && values->trees[second] == alike->tree)
        return;
    values->trees[second] = alike ? alike->tree : 0;
    values->facts[second] = false;
    for (size_t i = 0; i < values->count; i++) {
        const struct llmobs_layout_pointer *pointer = &values->pointers[i];

        if (pointer->either || is_word(pointer->which))
            continue;
        values->found[second][i] = find(values, i, body);
        if (values->found[second][i].in && strchr(facts, pointer->which))
            values->facts[second] = true;
    }
}

const struct llmobs_json *llmobs_layout_nth(
    const struct llmobs_layout_values *values, char which, size_t n)
{
    size_t i = llmobs_layout_line(values, which);

    if (i == 0)
        return NULL;
    for (; i <= values->count; i++)
        if (values->pointers[i - 1].which == which &&
            !values->pointers[i - 1].either && n-- == 0)
            return llmobs_layout_value(&values->now[i - 1]);
    return NULL;
}

const struct llmobs_json *llmobs_layout_of(
    const struct llmobs_layout_values *values, char which,
    const struct llmobs_json *body)
{
    size_t i = llmobs_layout_line(values, which);
    struct llmobs_layout_found found = {NULL, NULL, NULL};

    if (i > 0)
        found = find(values, i - 1, body);
    return llmobs_layout_value(&found);
}

struct llmobs_json *llmobs_layout_ends(
    const struct llmobs_layout_values *values, const char *letters,
    struct llmobs_text head, struct llmobs_text tail)
{
    struct llmobs_json *object;
    struct llmobs_buf keys;

    llmobs_buf_init(&keys, sizeof(values->text));
    for (size_t i = 0; i < values->count; i++) {
        const struct llmobs_layout_pointer *pointer = &values->pointers[i];
        const char *key = values->text + values->steps[pointer->step];

        if (pointer->steps > 0 && *key && pointer->which &&
            strchr(letters, pointer->which))
            llmobs_buf_add(&keys, key, strlen(key) + 1);
    }
    object = llmobs_cut_json_object(head, tail, keys.data);
    llmobs_buf_fini(&keys);
    return object;
}
