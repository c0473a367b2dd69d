/* Joins evaluations and feedback with the spans that they are about. */
#include "cli/query/evaluations.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "lib/base/grow.h"

#define LABEL_COLUMNS 40
#define TEXT_COLUMNS 96
#define LINE_MAX_BYTES 8192
/* Comes before the ids of a span; no tag begins so. */
#define ID_MARK "\x1f"

struct llmobs_evaluation_line {
    char *key;  /* the span that it belongs to: ids, or a tag "key:value" */
    char *text; /* the shown line, with its end */
    char *label, *value;
    struct llmobs_score score; /* borrows `value` */
    int64_t stamp_ms;
    bool joined;
};

/* The evaluations of one span, while they are collected. */
struct joined {
    struct llmobs_buf *out;
    size_t room;       /* lines that there is room for */
    const char *label; /* or only the newest with this one */
    const struct llmobs_evaluation_line *found;
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
 * other id is empty), or a session (`trace` is NULL). The trace's length comes
 * first: an id may hold any character. */
static int ids_key(struct llmobs_buf *key, const char *trace, const char *id)
{
    llmobs_buf_cut(key, 0);
    return trace ? llmobs_buf_addf(key, ID_MARK "%zu %s%s", strlen(trace),
                                   trace, id)
                 : llmobs_buf_addf(key, ID_MARK "session %s", id);
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
        return session ? ids_key(key, NULL, session)
                       : llmobs_buf_adds(key, ID_MARK);
    if (ids)
        return trace && span ? ids_key(key, trace, span) : -EINVAL;
    return name && value ? llmobs_buf_addf(key, "%s:%s", name, value) : -EINVAL;
}

/* Reads what it says; gives the value's text in *text. */
static int read_score(const struct llmobs_json *event, char **text,
                      struct llmobs_score *score)
{
    static const char names[] = "score_value\0categorical_value\0"
                                "boolean_value\0json_value\0text_value\0";
    const struct llmobs_json *value = NULL;
    const char *string;

    LLMOBS_WORDS_EACH (name, names)
        if (!value)
            value = llmobs_json_get(event, name);
    string = value ? llmobs_json_text(value) : "?";
    *text = string ? strdup(string) : llmobs_json_dumps(value, 0);
    score->value = *text;
    score->number = llmobs_json_is_number(value);
    score->score = INFINITY;
    if (score->number)
        score->score = llmobs_json_to_real(value);
    else if (llmobs_json_get(event, "boolean_value"))
        score->score = *text && strcmp(*text, "true") == 0;
    else if (llmobs_json_says(event, "assessment", "pass") ||
             llmobs_json_says(event, "assessment", "fail"))
        score->score = llmobs_json_says(event, "assessment", "pass");
    return *text ? 0 : -ENOMEM;
}

/* "eval label: value (pass) reasoning" */
static int make_text(struct llmobs_buf *out, const struct llmobs_json *event,
                     const char *value)
{
    const char *kind = is_feedback(event) ? "feedback " : "eval ";
    const char *assessment = llmobs_json_gets(event, "assessment");
    const char *reasoning = llmobs_json_gets(event, "reasoning");

    llmobs_buf_adds(out, kind);
    llmobs_escape_adds(out, llmobs_json_gets(event, "label"), LABEL_COLUMNS);
    llmobs_buf_adds(out, ": ");
    llmobs_escape_adds(out, value, TEXT_COLUMNS);
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

static void free_line(struct llmobs_evaluation_line *line)
{
    free(line->key);
    free(line->text);
    free(line->label);
    free(line->value);
}

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
        rc = read_score(event, &line.value, &line.score);
    if (rc == 0)
        rc = make_text(&text, event, line.value);
    line.label = strdup(llmobs_json_gets(event, "label"));
    if (rc == 0 && !line.label)
        rc = -ENOMEM;
    if (rc == 0)
        rc = llmobs_grow(&all->list, &all->cap, all->count, sizeof(*all->list));
    if (rc == 0) {
        line.stamp_ms =
            llmobs_json_to_int(llmobs_json_get(event, "timestamp_ms"));
        line.key = llmobs_buf_take(&key, NULL);
        line.text = llmobs_buf_take(&text, NULL);
        all->list[all->count++] = line;
    } else {
        free_line(&line);
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

static int add_by_key(struct llmobs_evaluations *all, const char *key,
                      struct joined *joined)
{
    size_t low = 0, high = all->count;
    int rc = 0;

    while (low < high) { /* finds the first one with this key */
        size_t middle = low + (high - low) / 2;

        if (strcmp(all->list[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < all->count && strcmp(all->list[i].key, key) == 0;
         i++) {
        struct llmobs_evaluation_line *line = &all->list[i];

        line->joined = true;
        if (joined->label && strcmp(line->label, joined->label) == 0 &&
            (!joined->found || line->stamp_ms >= joined->found->stamp_ms))
            joined->found = line;
        if (rc == 0 && joined->room > 0) {
            rc = llmobs_buf_adds(joined->out, line->text);
            joined->room--;
        }
    }
    return rc;
}

static int join(struct llmobs_evaluations *all, const struct llmobs_json *span,
                struct joined *joined)
{
    const struct llmobs_json *tags = llmobs_json_get(span, "tags");
    const char *trace = llmobs_json_gets(span, "trace_id");
    const char *id = llmobs_json_gets(span, "span_id");
    const char *parent = llmobs_json_gets(span, "parent_id");
    const char *session = llmobs_json_gets(span, "session_id");
    bool root = !parent || strcmp(parent, "undefined") == 0;
    /* The root of a trace also has the evaluations of the trace or the session.
     */
    const struct {
        const char *trace, *id;
        bool asked;
    } keys[] = {{trace, id, true},
                {"", id, true},
                {trace, "", root},
                {NULL, session, root && session}};
    struct llmobs_buf key;
    int rc = trace && id ? 0 : -EINVAL;

    if (all->count == 0)
        return 0;
    llmobs_buf_init(&key, SIZE_MAX / 2);
    for (size_t i = 0; rc == 0 && i < sizeof(keys) / sizeof(*keys); i++) {
        if (!keys[i].asked)
            continue;
        rc = ids_key(&key, keys[i].trace, keys[i].id);
        if (rc == 0)
            rc = add_by_key(all, key.data, joined);
    }
    llmobs_buf_fini(&key);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(tags); i++) {
        const char *tag = llmobs_json_text(llmobs_json_at(tags, i));

        if (tag)
            rc = add_by_key(all, tag, joined);
    }
    return rc;
}

int llmobs_evaluations_of(struct llmobs_evaluations *all,
                          const struct llmobs_json *span,
                          struct llmobs_buf *out)
{
    struct joined joined = {.out = out, .room = LLMOBS_EVALUATIONS_SHOWN};

    return join(all, span, &joined);
}

int llmobs_evaluations_find(struct llmobs_evaluations *all,
                            const struct llmobs_json *span, const char *label,
                            struct llmobs_score *score)
{
    struct joined joined = {.label = label};
    int rc = join(all, span, &joined);

    if (rc != 0 || !joined.found)
        return rc;
    *score = joined.found->score;
    return 1;
}

/* -- labels --------------------------------------------------------------- */

int llmobs_labels_add(struct llmobs_labels *labels, const char *word,
                      size_t len)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.-/";
    const size_t mark = sizeof(LLMOBS_LABEL_MARK) - 1;
    char name[LLMOBS_LABEL_WORD] = "";
    size_t i = 0;

    if (len <= mark || len >= sizeof(name) ||
        memcmp(word, LLMOBS_LABEL_MARK, mark) != 0)
        return -EINVAL;
    memcpy(name, word, len);
    if (name[mark + strspn(name + mark, plain)] != '\0')
        return -EINVAL;
    while (i < labels->count && strcmp(labels->list[i], name) != 0)
        i++;
    if (i == LLMOBS_LABELS_MAX)
        return -E2BIG;
    if (i < labels->count)
        return (int)i;
    memcpy(labels->list[i], name, sizeof(name));
    snprintf(labels->means[i], sizeof(labels->means[i]), "%s_mean", name);
    snprintf(labels->counts[i], sizeof(labels->counts[i]), "%s_count", name);
    return (int)labels->count++;
}

void llmobs_labels_add_all(struct llmobs_labels *labels,
                           const struct llmobs_evaluations *all)
{
    char word[LLMOBS_LABEL_WORD];
    const char *last = "", *next;
    size_t tries = 4 * LLMOBS_LABELS_MAX; /* others have no such name */

    do {
        next = NULL;
        for (size_t i = 0; i < all->count; i++) {
            const char *label = all->list[i].label;

            if (strcmp(label, last) > 0 && (!next || strcmp(label, next) < 0))
                next = label;
        }
        last = next;
        snprintf(word, sizeof(word), LLMOBS_LABEL_MARK "%s", next ? next : "");
    } while (next && tries-- > 0 &&
             llmobs_labels_add(labels, word, strlen(word)) != -E2BIG);
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
