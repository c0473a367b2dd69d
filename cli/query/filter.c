/* Decides whether an event passes the filters of a command line. */
#include "cli/query/filter.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/query/cost.h"
#include "cli/query/stored.h"
#include "cli/shared/tail.h"
#include "cli/query/when.h"
#include "cli/shared/options.h"
#include "lib/span/span.h"

/* -- texts ---------------------------------------------------------------- */

static bool matches(const char *pattern, const char *have)
{
    return have && (strcasecmp(have, pattern) == 0 ||
                    fnmatch(pattern, have, FNM_CASEFOLD) == 0);
}

bool llmobs_filter_key_match(const struct llmobs_filter *filter,
                             enum llmobs_key key, const char *have)
{
    const struct llmobs_filter_name *name = &filter->keys[key];
    bool path = llmobs_key_words(key)->uses & LLMOBS_KEY_PATH, found;

    if (!name->pattern)
        return true;
    found = matches(name->pattern, have);
    for (const char *end = NULL; have && path && !found;) {
        end = llmobs_stored_path_end(have, end);
        if (!end)
            break;
        found = matches(name->pattern, end);
    }
    return found != name->is_not;
}

static bool begins(const char *have, const char *want)
{
    return have && strncasecmp(have, want, strlen(want)) == 0;
}

/* -- what was said -------------------------------------------------------- */

#define DEPTH_MAX 32

static bool found_in(struct llmobs_filter *filter, const char *text)
{
    struct llmobs_founds founds = {NULL, 0, 0};
    bool found;

    if (!text || *text == '\0')
        return false;
    (void)llmobs_regex_find(filter->grep, &filter->grep_memory,
                            llmobs_text_of(text), 0, &founds);
    found = founds.count > 0;
    free(founds.list);
    return found;
}

/* Looks at every text below, a picture's bytes left out. */
static bool found_below(struct llmobs_filter *filter,
                        const struct llmobs_json *json, int depth)
{
    if (llmobs_json_is_string(json))
        return found_in(filter, llmobs_json_text(json));
    if (depth == DEPTH_MAX)
        return false;
    if (llmobs_json_is_array(json)) {
        for (size_t i = 0; i < llmobs_json_len(json); i++)
            if (found_below(filter, llmobs_json_at(json, i), depth + 1))
                return true;
        return false;
    }
    for (void *at = llmobs_json_iter(json); at;
         at = llmobs_json_next(json, at)) {
        const char *key = llmobs_json_iter_key(at);

        if (strcmp(key, "image_parts") != 0 &&
            strcmp(key, "audio_parts") != 0 &&
            found_below(filter, llmobs_json_iter_value(at), depth + 1))
            return true;
    }
    return false;
}

/* -- events --------------------------------------------------------------- */

static bool keys_match(const struct llmobs_filter *filter,
                       const struct llmobs_json *event)
{
    struct llmobs_by_key key = {LLMOBS_KEY_START, ""};
    struct llmobs_texts texts = {0};
    bool match = true;

    for (; match && key.key < LLMOBS_KEY_TAG; key.key++)
        match = !filter->keys[key.key].pattern ||
                llmobs_filter_key_match(
                    filter, key.key, llmobs_key_of(&key, NULL, event, &texts));
    llmobs_texts_fini(&texts);
    return match;
}

static bool bounds_match(const struct llmobs_filter *filter,
                         const struct llmobs_json *event)
{
    struct llmobs_texts texts = {0};
    struct llmobs_row *row;
    bool match = filter->bound_count == 0;

    if (!match && llmobs_row_new(event, (struct llmobs_place){0},
                                 LLMOBS_ROW_FACTS, &texts, &row) == 0) {
        double in = (double)row->input_tokens, out = (double)row->output_tokens;
        double numbers[] = {-1,
                            in < 0    ? out
                            : out < 0 ? in
                                      : in + out,
                            (double)row->duration_ns};

        llmobs_cost_estimate(row, filter->prices);
        numbers[0] = row->cost;
        match = true;
        for (size_t i = 0; match && i < filter->bound_count; i++) {
            const struct llmobs_filter_bound *bound = &filter->bounds[i];
            double have = numbers[bound->what];

            match = have >= 0 &&
                    ((bound->sign[0] == '>' && have > bound->than) ||
                     (bound->sign[0] == '<' && have < bound->than) ||
                     (strchr(bound->sign, '=') && have == bound->than));
        }
        llmobs_row_free(row);
    }
    llmobs_texts_fini(&texts);
    return match;
}

/* `ids`: an object with the ids of a span. */
static bool ids_match(const struct llmobs_filter *filter,
                      const struct llmobs_json *ids)
{
    const char *trace = llmobs_json_gets(ids, "trace_id");

    if (filter->trace &&
        (!begins(trace, filter->trace) ||
         (filter->trace_whole && strcasecmp(trace, filter->trace) != 0)))
        return false;
    return !filter->id || begins(trace, filter->id) ||
           begins(llmobs_json_gets(ids, "span_id"), filter->id);
}

/* True where the event has each tag, "key:value" or "key=value", and none of
 * those with a ! before them; a key may
 * occur several times. */
static bool tags_match(const struct llmobs_filter *filter,
                       const struct llmobs_json *event)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    bool found = true;

    for (size_t k = 0; found && k < filter->tag_count; k++) {
        bool is_not = *filter->tags[k] == '!';
        const char *want = filter->tags[k] + is_not;
        size_t key = strcspn(want, ":=");

        found = false;
        for (size_t i = 0; !found && i < llmobs_json_len(tags); i++) {
            const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

            found = tag && strncmp(tag, want, key) == 0 && tag[key] == ':' &&
                    strcmp(tag + key + 1, want + key + 1) == 0;
        }
        found ^= is_not;
    }
    return found;
}

bool llmobs_filter_match(struct llmobs_filter *filter,
                         const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    int64_t start = llmobs_json_to_int(llmobs_json_get(event, "start_ns"));

    return (filter->since_ns <= 0 || start >= filter->since_ns) &&
           (filter->until_ns <= 0 || start < filter->until_ns) &&
           (!filter->errors || llmobs_json_says(event, "status", "error")) &&
           ids_match(filter, event) && tags_match(filter, event) &&
           keys_match(filter, event) && bounds_match(filter, event) &&
           (!filter->grep ||
            found_in(filter, llmobs_json_gets(event, "name")) ||
            found_below(filter, llmobs_json_get(meta, "input"), 0) ||
            found_below(filter, llmobs_json_get(meta, "output"), 0) ||
            found_below(filter, llmobs_json_get(meta, "error"), 0));
}

bool llmobs_filter_passes_all(const struct llmobs_filter *filter)
{
    static const struct llmobs_filter none;

    return memcmp(filter, &none, sizeof(none)) == 0;
}

bool llmobs_filter_match_evaluation(const struct llmobs_filter *filter,
                                    const struct llmobs_json *event)
{
    const struct llmobs_json *join = llmobs_json_get(event, "join_on");
    bool of_span = filter->since_ns > 0 || filter->until_ns > 0 ||
                   filter->bound_count > 0 || filter->errors || filter->grep;

    /* Filters by a fact that no evaluation has select none. */
    for (int i = 0; i < LLMOBS_KEY_TAG; i++)
        of_span |= filter->keys[i].pattern && i != LLMOBS_KEY_SERVICE &&
                   i != LLMOBS_KEY_ML_APP;
    return !of_span && ids_match(filter, llmobs_json_get(join, "span")) &&
           tags_match(filter, event) && keys_match(filter, event);
}

/* -- a first look --------------------------------------------------------- */

#define NEEDLE_MAX 128

/* True for a text that JSON writes in one way, and that is no pattern. */
static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.:";

    return strspn(text, plain) == strlen(text);
}

/* True where the line has the text between `before` and `after`, or the text is
 * one that JSON may write in several ways. */
static bool has_text(struct llmobs_text line, const char *before,
                     const char *text, const char *after)
{
    char needle[NEEDLE_MAX];
    int len;

    if (!is_plain(text))
        return true;
    len = snprintf(needle, sizeof(needle), "%s%s%s", before, text, after);
    return len < 0 || len >= (int)sizeof(needle) ||
           memmem(line.data, line.len, needle, (size_t)len);
}

/* True where the line may have a plain word, its letters in either case. Looks
 * at eight places at once, whether the first and the last letter stand there:
 * a byte that is 0 in `differ`. */
static bool has_word(struct llmobs_text line, const char *word)
{
    const uint64_t each = UINT64_MAX / 255, small = each * 0x20;
    const size_t last = strlen(word) - 1, step = sizeof(each);
    const uint64_t one = each * ((unsigned char)word[0] | 0x20u);
    const uint64_t other = each * ((unsigned char)word[last] | 0x20u);
    size_t at = 0;

    for (; at + last + step <= line.len; at += step) {
        uint64_t left, right, differ;

        memcpy(&left, line.data + at, step);
        memcpy(&right, line.data + at + last, step);
        differ = ((left | small) ^ one) | ((right | small) ^ other);
        if (!((differ - each) & ~differ & (each << 7)))
            continue;
        for (size_t i = at; i < at + step; i++)
            if (strncasecmp(line.data + i, word, last + 1) == 0)
                return true;
    }
    for (; at + last < line.len; at++)
        if (strncasecmp(line.data + at, word, last + 1) == 0)
            return true;
    /* The exporter writes no letter as an escape. */
    return memmem(line.data, line.len, "\\u00", 4);
}

static bool has_id(struct llmobs_text line, const char *id)
{
    char lower[NEEDLE_MAX];
    size_t len = strlen(id);

    if (len >= sizeof(lower))
        return true;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)tolower((unsigned char)id[i]);
    return has_text(line, "\"", lower, "") || has_text(line, "\"", id, "");
}

bool llmobs_filter_may_match(const struct llmobs_filter *filter,
                             struct llmobs_text line, bool tree)
{
    struct llmobs_text id = llmobs_tail_trace(line);
    size_t len = filter->trace ? strlen(filter->trace) : 0;
    char tag[NEEDLE_MAX];

    if (len > 0 && id.data
            ? id.len < len || strncasecmp(id.data, filter->trace, len) != 0
            : len > 0 && !has_id(line, filter->trace))
        return false;
    if (tree)
        return true;
    if (filter->id && !has_id(line, filter->id))
        return false;
    if (filter->errors && !has_text(line, "\"", "error", "\""))
        return false;
    for (size_t i = 0; i < filter->tag_count; i++)
        if (*filter->tags[i] != '!' &&
            snprintf(tag, sizeof(tag), "%s", filter->tags[i]) < NEEDLE_MAX) {
            tag[strcspn(tag, ":=")] = ':';
            if (!has_text(line, "\"", tag, "\""))
                return false;
        }
    if (!id.data) /* it may be damaged, which is told */
        return true;
    for (int i = 0; i < LLMOBS_KEY_TAG; i++) {
        const struct llmobs_filter_name *name = &filter->keys[i];

        if (name->pattern && !name->is_not && *name->pattern != '\0' &&
            llmobs_key_is_verbatim((enum llmobs_key)i) &&
            is_plain(name->pattern) && !has_word(line, name->pattern))
            return false;
    }
    return !filter->grep_word || has_word(line, filter->grep_word);
}

static bool takes_trace(const void *ctx, const uint8_t *trace)
{
    const struct llmobs_pick *pick = ctx;
    uint64_t have[2];

    memcpy(have, trace, sizeof(have));
    return (((have[0] ^ pick->want[0]) & pick->mask[0]) |
            ((have[1] ^ pick->want[1]) & pick->mask[1])) == 0;
}

struct llmobs_pick *llmobs_filter_pick(const struct llmobs_filter *filter,
                                       struct llmobs_pick *pick)
{
    /* An id of a span has 20 digits at most. */
    bool whole = filter->id && strlen(filter->id) == 2 * LLMOBS_MARKS_TRACE;
    const char *id = filter->trace ? filter->trace : filter->id;
    uint8_t want[LLMOBS_MARKS_TRACE] = {0}, mask[LLMOBS_MARKS_TRACE] = {0};

    if (!filter->trace && !whole)
        return NULL;
    *pick = (struct llmobs_pick){.takes = takes_trace, .ctx = pick};
    for (size_t i = 0; id[i] != '\0'; i++) {
        int value = llmobs_text_hex(id[i]), shift = i % 2 ? 0 : 4;

        if (value < 0 || i / 2 == LLMOBS_MARKS_TRACE) {
            pick->takes = NULL; /* no trace with marks has this id */
            return pick;
        }
        want[i / 2] |= (uint8_t)(value << shift);
        mask[i / 2] |= (uint8_t)(15 << shift);
    }
    memcpy(pick->want, want, sizeof(want));
    memcpy(pick->mask, mask, sizeof(mask));
    return pick;
}

/* -- arguments ------------------------------------------------------------ */

int llmobs_filter_option(const struct llmobs_cli_option *option,
                         const char *argument)
{
    struct llmobs_filter_name *name = option->to;

    name->is_not = argument[0] == '!';
    name->pattern = argument + (name->is_not ? 1 : 0);
    if (strcmp(option->name, "kind") != 0)
        return 0;
    for (int i = LLMOBS_KIND_LLM; i <= LLMOBS_KIND_RETRIEVAL; i++)
        if (matches(name->pattern, llmobs_kind_name((enum llmobs_kind)i)))
            return 0;
    return llmobs_cli_refuse("kind", argument, LLMOBS_CLI_KINDS);
}

int llmobs_filter_add_tag(struct llmobs_filter *filter, const char *tag)
{
    const char *name = tag + (*tag == '!');
    size_t key = strcspn(name, ":=");

    if (key == 0 || name[key] == '\0')
        return -EINVAL;
    if (filter->tag_count == LLMOBS_FILTER_TAGS_MAX)
        return -E2BIG;
    filter->tags[filter->tag_count++] = tag;
    return 0;
}

int llmobs_filter_add_bound(struct llmobs_filter *filter, const char *text)
{
    static const char *const names[] = {"cost:", "tokens:", "duration:"};
    struct llmobs_filter_bound bound = {0};
    size_t count = sizeof(names) / sizeof(*names), len;
    int64_t ns;
    char *end;

    while (bound.what < count &&
           strncmp(text, names[bound.what], strlen(names[bound.what])) != 0)
        bound.what++;
    if (bound.what == count)
        return -EINVAL;
    text += strlen(names[bound.what]);
    len = text[0] == '='            ? 1
          : strspn(text, "<>") == 1 ? 1 + (text[1] == '=')
                                    : 0;
    memcpy(bound.sign, text, len);
    text += len;
    if (len == 0 || *text == '\0')
        return -EINVAL;
    if (bound.what == count - 1) {
        if (llmobs_when_duration(text, &ns) != 0)
            return -EINVAL;
        bound.than = (double)ns;
    } else if (text[strspn(text, "0123456789.")] != '\0' ||
               (bound.than = strtod(text, &end), *end != '\0')) {
        return -EINVAL;
    }
    if (filter->bound_count == LLMOBS_FILTER_BOUNDS_MAX)
        return -E2BIG;
    filter->bounds[filter->bound_count++] = bound;
    return 0;
}

int llmobs_filter_set_grep(struct llmobs_filter *filter, const char *pattern,
                           const char **why)
{
    struct llmobs_buf text;
    bool capital = false;
    int rc;

    for (const char *at = pattern; *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++; /* \W is no letter */
        else
            capital |= isupper((unsigned char)*at) != 0;
    *why = "too long";
    llmobs_regex_free(filter->grep);
    filter->grep = NULL;
    filter->grep_word = NULL;
    llmobs_buf_init(&text, LLMOBS_REGEX_LEN);
    rc = llmobs_buf_addf(&text, "%s%s", capital ? "" : "(?i)", pattern);
    if (rc == 0)
        rc = llmobs_regex_compile((struct llmobs_text){text.data, text.len},
                                  &filter->grep, why);
    llmobs_buf_fini(&text);
    if (rc == 0 && is_plain(pattern) && !strchr(pattern, '.'))
        filter->grep_word = pattern;
    return rc == 0 ? 0 : -EINVAL;
}

void llmobs_filter_fini(struct llmobs_filter *filter)
{
    llmobs_regex_memory_free(&filter->grep_memory);
    llmobs_regex_free(filter->grep);
    filter->grep = NULL;
}
