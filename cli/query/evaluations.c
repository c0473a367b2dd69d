#include "cli/query/evaluations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "lib/base/grow.h"

#define LABEL_COLUMNS 40
#define TEXT_COLUMNS 96
#define LINE_MAX_BYTES 8192
/* Comes before the ids of a span; no tag begins so. */
#define ID_MARK "\x1f"
/* In the place of a trace's id. */
#define SESSION "session"

struct llmobs_evaluation_line {
    char *key;  /* the span that it belongs to: ids, or a tag "key:value" */
    char *text; /* the shown line, with its end */
    int64_t stamp_ms;
    struct llmobs_evaluations_verdicts verdict;
    bool joined;
};

/* The evaluations of one span, while they are collected. */
struct joined {
    struct llmobs_buf *out;
    struct llmobs_evaluations_verdicts *verdicts;
    size_t room; /* lines that there is room for */
};

static bool is_feedback(const struct llmobs_json *event)
{
    return llmobs_json_is_object(llmobs_json_get(event, "submitter"));
}

bool llmobs_evaluations_is_one(const struct llmobs_json *event)
{
    const struct llmobs_json *join = llmobs_json_get(event, "join_on");

    return (llmobs_json_is_object(llmobs_json_get(join, "span")) ||
            llmobs_json_is_object(llmobs_json_get(join, "tag")) ||
            is_feedback(event)) &&
           llmobs_json_gets(event, "label");
}

bool llmobs_evaluations_may_be_one(struct llmobs_text line)
{
    static const char marks[] = "\"join_on\"\0\"submitter\"\0";

    LLMOBS_WORDS_EACH (mark, marks)
        if (memmem(line.data, line.len, mark, strlen(mark)))
            return true;
    return false;
}

/* -- one ------------------------------------------------------------------ */

/* Evaluations name a span by both ids. Feedback names a span or a trace (the
 * other id is empty), or a session (`trace` is SESSION). */
static int ids_key(struct llmobs_buf *key, const char *trace, const char *id)
{
    llmobs_buf_cut(key, 0);
    return llmobs_buf_addf(key, ID_MARK "%s" ID_MARK "%s", trace, id);
}

/* The key of feedback is that of a span, else of a trace, else of a session. */
static int make_key(struct llmobs_buf *key, const struct llmobs_json *event)
{
    bool feedback = is_feedback(event);
    const struct llmobs_json *join = llmobs_json_get(event, "join_on");
    const struct llmobs_json *ids =
        feedback ? event : llmobs_json_get(join, "span");
    const struct llmobs_json *tag = llmobs_json_get(join, "tag");
    const char *trace = llmobs_json_gets(ids, "trace_id");
    const char *span = llmobs_json_gets(ids, "span_id");
    const char *session = llmobs_json_gets(event, "session_id");
    const char *name = llmobs_json_gets(tag, "key");
    const char *value = llmobs_json_gets(tag, "value");

    if (feedback && span)
        return ids_key(key, "", span);
    if (feedback && trace)
        return ids_key(key, trace, "");
    if (feedback)
        return session ? ids_key(key, SESSION, session)
                       : llmobs_buf_adds(key, ID_MARK);
    if (ids)
        return trace && span ? ids_key(key, trace, span) : -EINVAL;
    return name && value ? llmobs_buf_addf(key, "%s:%s", name, value) : -EINVAL;
}

/* Adds the value, of any type. */
static void add_value(struct llmobs_buf *out, const struct llmobs_json *event)
{
    static const char names[] = "score_value\0categorical_value\0"
                                "boolean_value\0json_value\0text_value\0";
    const struct llmobs_json *value = NULL;
    char *dumped = NULL;
    const char *text;

    LLMOBS_WORDS_EACH (name, names)
        if (!value)
            value = llmobs_json_get(event, name);
    text = llmobs_json_text(value);
    if (!text && value)
        text = dumped = llmobs_json_dumps(value, 0);
    llmobs_escape_adds(out, text ? text : "?", TEXT_COLUMNS);
    free(dumped);
}

/* "eval label: value (pass) reasoning" */
static int make_text(struct llmobs_buf *out, const struct llmobs_json *event)
{
    const char *kind = is_feedback(event) ? "feedback " : "eval ";
    const char *assessment = llmobs_json_gets(event, "assessment");
    const char *reasoning = llmobs_json_gets(event, "reasoning");

    llmobs_buf_adds(out, kind);
    llmobs_escape_adds(out, llmobs_json_gets(event, "label"), LABEL_COLUMNS);
    llmobs_buf_adds(out, ": ");
    add_value(out, event);
    if (assessment) {
        llmobs_buf_adds(out, " (");
        llmobs_escape_adds(out, assessment, LABEL_COLUMNS);
        llmobs_buf_addc(out, ')');
    }
    if (llmobs_has_text(reasoning)) {
        llmobs_buf_addc(out, ' ');
        llmobs_escape_adds(out, reasoning, TEXT_COLUMNS);
    }
    llmobs_buf_addc(out, '\n');
    return out->error;
}

/* -- all ------------------------------------------------------------------ */

int llmobs_evaluations_add(struct llmobs_evaluations *all,
                           const struct llmobs_json *event)
{
    struct llmobs_evaluation_line line = {.key = NULL};
    struct llmobs_buf key, text;
    int rc;

    if (!llmobs_evaluations_is_one(event))
        return -EINVAL;
    llmobs_buf_init(&key, SIZE_MAX / 2);
    llmobs_buf_init(&text, LINE_MAX_BYTES);
    rc = make_key(&key, event);
    if (rc == 0)
        rc = make_text(&text, event);
    if (rc == 0)
        rc = llmobs_grow(&all->list, &all->cap, all->count, sizeof(*all->list));
    if (rc == 0) {
        line.stamp_ms =
            llmobs_json_to_int(llmobs_json_get(event, "timestamp_ms"));
        line.verdict.passed = llmobs_json_says(event, "assessment", "pass");
        line.verdict.failed = llmobs_json_says(event, "assessment", "fail");
        line.key = llmobs_buf_take(&key, NULL);
        line.text = llmobs_buf_take(&text, NULL);
        all->list[all->count++] = line;
    }
    llmobs_buf_fini(&key);
    llmobs_buf_fini(&text);
    return rc;
}

static int by_key(const void *left, const void *right)
{
    const struct llmobs_evaluation_line *a = left, *b = right;
    int order = strcmp(a->key, b->key);

    if (order == 0)
        order = (a->stamp_ms > b->stamp_ms) - (a->stamp_ms < b->stamp_ms);
    return order != 0 ? order : strcmp(a->text, b->text);
}

static void free_line(struct llmobs_evaluation_line *line)
{
    free(line->key);
    free(line->text);
}

void llmobs_evaluations_sort(struct llmobs_evaluations *all)
{
    size_t kept = 0;

    if (all->count == 0)
        return;
    qsort(all->list, all->count, sizeof(*all->list), by_key);
    for (size_t i = 1; i < all->count; i++) {
        if (by_key(&all->list[kept], &all->list[i]) == 0)
            free_line(&all->list[i]);
        else
            all->list[++kept] = all->list[i];
    }
    all->count = kept + 1;
}

/* The index of the first evaluation with this key; `count` where there is none.
 */
static size_t find_first(const struct llmobs_evaluations *all, const char *key)
{
    size_t low = 0, high = all->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(all->list[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < all->count && strcmp(all->list[low].key, key) == 0
               ? low
               : all->count;
}

static int add_by_key(struct llmobs_evaluations *all, const char *key,
                      struct joined *joined)
{
    int rc = 0;

    for (size_t i = find_first(all, key);
         i < all->count && strcmp(all->list[i].key, key) == 0; i++) {
        all->list[i].joined = true;
        joined->verdicts->passed += all->list[i].verdict.passed;
        joined->verdicts->failed += all->list[i].verdict.failed;
        if (rc == 0 && joined->room > 0) {
            rc = llmobs_buf_adds(joined->out, all->list[i].text);
            joined->room--;
        }
    }
    return rc;
}

/* The root of a trace also has the evaluations of the trace or the session. */
static int add_by_ids(struct llmobs_evaluations *all,
                      const struct llmobs_json *span, struct joined *joined)
{
    const char *trace = llmobs_json_gets(span, "trace_id");
    const char *id = llmobs_json_gets(span, "span_id");
    const char *parent = llmobs_json_gets(span, "parent_id");
    const char *session = llmobs_json_gets(span, "session_id");
    bool root = !parent || strcmp(parent, "undefined") == 0;
    const struct {
        const char *trace, *id;
        bool asked;
    } keys[] = {{trace, id, true},
                {"", id, true},
                {trace, "", root},
                {SESSION, session, root && session}};
    struct llmobs_buf key;
    int rc = trace && id ? 0 : -EINVAL;

    llmobs_buf_init(&key, SIZE_MAX / 2);
    for (size_t i = 0; rc == 0 && i < sizeof(keys) / sizeof(*keys); i++) {
        if (!keys[i].asked)
            continue;
        rc = ids_key(&key, keys[i].trace, keys[i].id);
        if (rc == 0)
            rc = add_by_key(all, key.data, joined);
    }
    llmobs_buf_fini(&key);
    return rc;
}

int llmobs_evaluations_of(struct llmobs_evaluations *all,
                          const struct llmobs_json *span,
                          struct llmobs_buf *out,
                          struct llmobs_evaluations_verdicts *verdicts)
{
    const struct llmobs_json *tags = llmobs_json_get(span, "tags");
    struct joined joined = {out, verdicts, LLMOBS_EVALUATIONS_SHOWN};
    int rc;

    *verdicts = (struct llmobs_evaluations_verdicts){0, 0};
    if (all->count == 0)
        return 0;
    rc = add_by_ids(all, span, &joined);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(tags); i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag)
            rc = add_by_key(all, tag, &joined);
    }
    return rc;
}

size_t llmobs_evaluations_unjoined(const struct llmobs_evaluations *all)
{
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += all->list[i].joined ? 0 : 1;
    return count;
}

void llmobs_evaluations_fini(struct llmobs_evaluations *all)
{
    for (size_t i = 0; i < all->count; i++)
        free_line(&all->list[i]);
    free(all->list);
    memset(all, 0, sizeof(*all));
}
