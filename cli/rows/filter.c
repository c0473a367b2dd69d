#include "cli/rows/filter.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/span/span.h"

#define NS_PER_S 1e9

const char *llmobs_filter_kind(const struct llmobs_json *event)
{
    const struct llmobs_json *meta = llmobs_json_get(event, "meta");
    const char *kind = llmobs_json_gets(llmobs_json_get(meta, "span"), "kind");

    return kind != NULL ? kind : llmobs_json_gets(meta, "span.kind");
}

const char *llmobs_filter_tag_of(const struct llmobs_json *event,
                                 const char *key)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t len = strlen(key), count = llmobs_json_len(tags);

    for (size_t i = 0; i < count; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag != NULL && strncmp(tag, key, len) == 0 && tag[len] == ':')
            return tag + len + 1;
    }
    return NULL;
}

/* True where any tag of that key has the value; a key may occur several times.
 */
static bool has_tag(const struct llmobs_json *event, const char *key,
                    const char *value)
{
    const struct llmobs_json *tags = llmobs_json_get(event, "tags");
    size_t len = strlen(key), count = llmobs_json_len(tags);

    for (size_t i = 0; i < count; i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag == NULL || strncmp(tag, key, len) != 0)
            continue;
        if (value == NULL
                ? tag[len] == '\0'
                : tag[len] == ':' && strcmp(tag + len + 1, value) == 0)
            return true;
    }
    return false;
}

static bool equal(const char *have, const char *want)
{
    return want == NULL || (have != NULL && strcmp(have, want) == 0);
}

static bool name_matches(const char *have, const char *want)
{
    if (want == NULL)
        return true;
    if (have == NULL)
        return false;
    return strcmp(have, want) == 0 || fnmatch(want, have, 0) == 0;
}

static bool trace_matches(const char *have, const char *want)
{
    return want == NULL ||
           (have != NULL && strncasecmp(have, want, strlen(want)) == 0);
}

static bool session_matches(const struct llmobs_json *event, const char *want)
{
    const char *have = llmobs_json_gets(event, "session_id");

    if (have == NULL)
        have = llmobs_filter_tag_of(event, "session_id");
    return equal(have, want);
}

static bool tags_match(const struct llmobs_filter *filter,
                       const struct llmobs_json *event)
{
    if (filter->service != NULL && !has_tag(event, "service", filter->service))
        return false;
    if (filter->ml_app != NULL && !has_tag(event, "ml_app", filter->ml_app))
        return false;
    for (size_t i = 0; i < filter->tag_count; i++)
        if (!has_tag(event, filter->tags[i], NULL))
            return false;
    return true;
}

bool llmobs_filter_match(const struct llmobs_filter *filter,
                         const struct llmobs_json *event)
{
    if (filter->errors && !equal(llmobs_json_gets(event, "status"), "error"))
        return false;
    if (filter->since_ns > 0 && llmobs_json_to_int(llmobs_json_get(
                                    event, "start_ns")) < filter->since_ns)
        return false;
    return equal(llmobs_filter_kind(event), filter->kind) &&
           name_matches(llmobs_json_gets(event, "name"), filter->name) &&
           trace_matches(llmobs_json_gets(event, "trace_id"), filter->trace) &&
           session_matches(event, filter->session) && tags_match(filter, event);
}

/* -- a first look --------------------------------------------------------- */

#define NEEDLE_MAX 128

/* True where the line has the text between `before` and `after`. A text that
 * JSON may write in several ways is taken for there. */
static bool has_text(struct llmobs_text line, const char *before,
                     const char *text, const char *after)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.:";
    char needle[NEEDLE_MAX];
    int len;

    if (strspn(text, plain) != strlen(text))
        return true;
    len = snprintf(needle, sizeof needle, "%s%s%s", before, text, after);
    return len < 0 || len >= (int)sizeof needle ||
           memmem(line.data, line.len, needle, (size_t)len) != NULL;
}

static bool has_trace(struct llmobs_text line, const char *trace)
{
    char lower[NEEDLE_MAX];
    size_t len = strlen(trace);

    if (len >= sizeof lower)
        return true;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)tolower((unsigned char)trace[i]);
    return has_text(line, "\"", lower, "") || has_text(line, "\"", trace, "");
}

static bool has_tags(const struct llmobs_filter *filter,
                     struct llmobs_text line)
{
    for (size_t i = 0; i < filter->tag_count; i++)
        if (!has_text(line, "\"", filter->tags[i], "\""))
            return false;
    return true;
}

bool llmobs_filter_may_match(const struct llmobs_filter *filter,
                             struct llmobs_text line, bool tree)
{
    if (filter->trace != NULL && !has_trace(line, filter->trace))
        return false;
    if (tree)
        return true;
    if (filter->kind != NULL && !has_text(line, "\"", filter->kind, "\""))
        return false;
    if (filter->errors && !has_text(line, "\"", "error", "\""))
        return false;
    if (filter->session != NULL && !has_text(line, "", filter->session, "\""))
        return false;
    return has_tags(filter, line);
}

/* -- arguments ------------------------------------------------------------ */

int llmobs_filter_tag(struct llmobs_filter *filter, const char *tag)
{
    if (strchr(tag, ':') == NULL || tag[0] == ':')
        return -EINVAL;
    if (filter->tag_count == LLMOBS_FILTER_TAGS_MAX)
        return -E2BIG;
    filter->tags[filter->tag_count++] = tag;
    return 0;
}

static double unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1},     {"s", 1},     {"m", 60},
                 {"h", 3600}, {"d", 86400}, {"w", 604800}};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, unit) == 0)
            return units[i].seconds;
    return -1;
}

int llmobs_filter_since(struct llmobs_filter *filter, const char *text,
                        int64_t now_ns)
{
    char *end;
    double number = strtod(text, &end), unit = unit_seconds(end), back;

    /* strtod alone would accept "inf", "0x10", "1e3" and blanks. */
    if (end == text || end != text + strspn(text, "0123456789.") || unit < 0)
        return -EINVAL;
    back = number * unit * NS_PER_S;
    if (!isfinite(back))
        return -EINVAL;
    if (back >= (double)now_ns)
        filter->since_ns = 1;
    else
        filter->since_ns = now_ns - (int64_t)back;
    return 0;
}

bool llmobs_filter_kind_known(const char *kind)
{
    for (int i = LLMOBS_KIND_LLM; i <= LLMOBS_KIND_RETRIEVAL; i++)
        if (strcmp(llmobs_kind_name((enum llmobs_kind)i), kind) == 0)
            return true;
    return false;
}
