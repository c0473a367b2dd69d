/* Reads each fact of LLMOBS_KEYS from an event. */
#include "cli/query/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/query/cell.h"
#include "cli/query/stored.h"
#include "cli/query/row.h"
#include "cli/query/roots.h"
#include "cli/query/tools.h"
#include "cli/shared/accounts.h"
#include "cli/shared/suggest.h"

#define TAG_WORD "tag:"
#define TOOLS_MAX 32 /* in one value */

/* A span that is asked for a key's value. */
struct asked {
    const struct llmobs_row *row; /* or NULL, for a key of the event alone */
    const struct llmobs_json *event;
    struct llmobs_texts *texts;
};

/* -- what the process was -------------------------------------------------- */

static const char *full(const char *text)
{
    return text && *text != '\0' ? text : NULL;
}

static int cut(const char *text)
{
    return (int)llmobs_texts_cut(text, LLMOBS_KEY_PART);
}

static const char *read_name(const struct llmobs_json *event)
{
    return llmobs_json_gets(event, "name");
}

static const char *read_provider(const struct llmobs_json *event)
{
    return full(
        llmobs_json_gets(llmobs_json_get(event, "meta"), "model_provider"));
}

/* "module!function"; of a program without names "curl, by report.sh", or where
 * no script runs it, its first frame; of a runtime that tells no line, the
 * script. */
static const char *read_native(const struct asked *of,
                               const struct llmobs_json *caller)
{
    const char *module = full(llmobs_json_gets(caller, "module"));
    const char *function = full(llmobs_json_gets(caller, "function"));
    const char *frame = full(
        llmobs_json_text(llmobs_json_at(llmobs_json_get(caller, "frames"), 0)));
    const char *script = llmobs_stored_script(of->event), *name = function;
    char text[LLMOBS_STORED_ROOM];

    if (!name && script)
        name = full(llmobs_stored_path_end(script, NULL));
    if (!module && !frame)
        return script;
    if (!module || !name)
        return frame ? frame : module;
    snprintf(text, sizeof(text), "%.*s%s%.*s", cut(module), module,
             function ? "!" : ", by ", cut(name), name);
    return llmobs_texts_share(of->texts, text);
}

/* "file:line code". */
static const char *read_caller(const struct asked *of)
{
    const struct llmobs_json *caller = llmobs_stored_caller(of->event);
    const char *file = full(llmobs_json_gets(caller, "file"));
    const char *code = full(llmobs_json_gets(caller, "code"));
    int64_t line = llmobs_json_to_int(llmobs_json_get(caller, "line"));
    char number[32] = "", text[LLMOBS_STORED_ROOM];

    if (!file)
        return read_native(of, caller);
    if (line > 0)
        snprintf(number, sizeof(number), ":%lld", (long long)line);
    snprintf(text, sizeof(text), "%.*s%s%s%.*s", cut(file), file, number,
             code ? " " : "", code ? cut(code) : 0, code ? code : "");
    return llmobs_texts_share(of->texts, text);
}

/* The outermost plugin: it asked; the innermost is often a client of AI. */
static const char *read_plugin(const struct llmobs_json *event)
{
    const char *tag = full(llmobs_stored_tag(event, "plugin"));
    const struct llmobs_json *plugins =
        llmobs_json_get(llmobs_stored_caller(event), "plugins");
    size_t count = llmobs_json_len(plugins);

    if (tag || count == 0)
        return tag;
    return full(llmobs_json_text(llmobs_json_at(plugins, count - 1)));
}

/* The tools whose results the input has behind its last answer, of several
 * "Bash, Read"; of a tool's own span its name. A result has the name itself, or
 * the id of a call before it, or of another span's answer. */
static const char *read_tool(const struct asked *of)
{
    const char *kind = llmobs_stored_kind(of->event);
    const struct llmobs_json *messages = llmobs_json_get(
        llmobs_json_get(llmobs_json_get(of->event, "meta"), "input"),
        "messages");
    size_t first = llmobs_json_len(messages), count = 0;
    const char *names[TOOLS_MAX], *name, *all;
    struct llmobs_buf text;

    if (kind && strcmp(kind, "tool") == 0)
        return full(read_name(of->event));
    while (first > 0 &&
           !llmobs_json_says(llmobs_json_at(messages, first - 1), "role",
                             "assistant") &&
           !llmobs_json_get(llmobs_json_at(messages, first - 1), "tool_calls"))
        first--;
    for (size_t at = first; at < llmobs_json_len(messages); at++)
        LLMOBS_JSON_EACH (
            result,
            llmobs_json_get(llmobs_json_at(messages, at), "tool_results"),
            count < TOOLS_MAX) {
            const char *id = llmobs_json_gets(result, "tool_id");
            size_t i = 0;

            name = full(llmobs_json_gets(result, "name"));
            for (size_t k = first; id && !name && k-- > 0;)
                LLMOBS_JSON_EACH (
                    call,
                    llmobs_json_get(llmobs_json_at(messages, k), "tool_calls"),
                    !name)
                    if (llmobs_json_says(call, "tool_id", id))
                        name = full(llmobs_json_gets(call, "name"));
            name = name ? name : llmobs_tools_name(id);
            name = name ? name : "?";
            while (i < count && strcmp(names[i], name) < 0)
                i++;
            if (i < count && strcmp(names[i], name) == 0)
                continue;
            memmove(names + i + 1, names + i, (count++ - i) * sizeof(*names));
            names[i] = name;
        }
    llmobs_buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < count; i++)
        llmobs_buf_addf(&text, "%s%s", i > 0 ? ", " : "", names[i]);
    of->texts->failed |= text.error != 0;
    all = text.len > 0 ? llmobs_texts_share(of->texts, text.data) : NULL;
    llmobs_buf_fini(&text);
    return all;
}

static const char *read_run(const struct asked *of)
{
    char text[LLMOBS_STORED_ROOM];

    return llmobs_stored_run(of->event, text)
               ? llmobs_texts_share(of->texts, text)
               : NULL;
}

static const char *read_os_user(const struct asked *of)
{
    const struct llmobs_json *fact = llmobs_stored_call(of->event, "uid");
    int64_t uid = llmobs_json_to_int(fact);
    char name[LLMOBS_ACCOUNT_NAME];

    if (!llmobs_json_is_int(fact))
        return NULL;
    if (uid >= 0 && uid < UINT32_MAX)
        llmobs_account_name((uid_t)uid, name);
    else
        snprintf(name, sizeof(name), "%" PRId64, uid);
    return llmobs_texts_share(of->texts, name);
}

/* The template of the prompt, as the program named it. */
static const struct llmobs_json *prompt_of(const struct llmobs_json *event)
{
    return llmobs_json_get(
        llmobs_json_get(llmobs_json_get(event, "meta"), "input"), "prompt");
}

static const char *read_prompt(const struct llmobs_json *event)
{
    return full(llmobs_json_gets(prompt_of(event), "id"));
}

static const char *read_prompt_version(const struct asked *of)
{
    return full(llmobs_json_gets(prompt_of(of->event), "version"));
}

static const char *read_retry(const struct asked *of)
{
    LLMOBS_JSON_EACH (link, llmobs_json_get(of->event, "span_links"), true)
        if (llmobs_json_says(llmobs_json_get(link, "attributes"), "kind",
                             "retry_of"))
            return full(llmobs_json_gets(link, "span_id"));
    return NULL;
}

static const char *read_root(const struct asked *of)
{
    return llmobs_roots_name(of->row->trace_id);
}

/* -- when and how it ended ------------------------------------------------- */

static const char *read_day(const struct asked *of)
{
    char day[LLMOBS_CELL_CLOCK];

    return llmobs_cell_clock(of->row->start_ns, "%Y-%m-%d", day)
               ? llmobs_texts_share(of->texts, day)
               : NULL;
}

static const char *read_week(const struct asked *of)
{
    time_t at = (time_t)(of->row->start_ns / 1000000000);
    struct tm tm;
    char day[LLMOBS_CELL_CLOCK];

    if (of->row->start_ns <= 0 || !localtime_r(&at, &tm))
        return NULL;
    tm.tm_mday -= (tm.tm_wday + 6) % 7;
    tm.tm_hour = 12; /* a day may have no midnight */
    tm.tm_isdst = -1;
    return mktime(&tm) != -1 && strftime(day, sizeof(day), "%Y-%m-%d", &tm) > 0
               ? llmobs_texts_share(of->texts, day)
               : NULL;
}

static const char *read_status(const struct asked *of)
{
    return of->row->failed ? "error" : "ok";
}

/* A call that failed without a type is an "error". */
static const char *read_error(const struct asked *of)
{
    if (!of->row->failed)
        return NULL;
    return of->row->error_type ? of->row->error_type : "error";
}

/* -- the table ------------------------------------------------------------- */

#define ROW(form, member) \
    .kind = LLMOBS_CELL_##form, .at = offsetof(struct llmobs_row, member)
#define EITHER(member, function) ROW(TEXT, member), .read = function
#define READ(function) .read = function
#define MAKE(function) .make = function
#define TAG(key) .words.tag = key
#define CALL(name) .call = name
#define FIELD LLMOBS_KEY_FIELD
#define GROUP LLMOBS_KEY_GROUP
#define FACET LLMOBS_KEY_FACET
#define COLUMN LLMOBS_KEY_COLUMN
#define PATH LLMOBS_KEY_PATH
#define WORDS LLMOBS_KEY_WORDS
#define K(id, word, ...) F(id, word, NULL, __VA_ARGS__)
#define F(id, name, select, head, member, use, says, ...) \
    {.words.word = name,                                  \
     .words.option = select,                              \
     .words.title = head,                                 \
     .words.meaning = says,                               \
     .words.letter = member,                              \
     .words.uses = use,                                   \
     __VA_ARGS__},

/* Of each key its words, and where its value is: at `at` in a row, if there is
 * one, else what `make` or `read` gives, a tag, or a fact of the call. */
static const struct {
    struct llmobs_key_words words;
    enum llmobs_cell_kind kind; /* UNKNOWN: a text */
    size_t at;                  /* 0: in no row */
    const char *(*make)(const struct asked *of);
    const char *(*read)(const struct llmobs_json *event);
    const char *call;
} keys[LLMOBS_KEY_TAG] = {LLMOBS_KEYS(K, F)};

const struct llmobs_key_words *llmobs_key_words(enum llmobs_key key)
{
    return &keys[key].words;
}

bool llmobs_key_is_verbatim(enum llmobs_key key)
{
    return !keys[key].make;
}

enum llmobs_cell_kind llmobs_key_kind(const struct llmobs_by_key *key)
{
    return key->key < LLMOBS_KEY_TAG ? keys[key->key].kind
                                     : LLMOBS_CELL_UNKNOWN;
}

bool llmobs_key_is_said(const struct llmobs_by_key *key)
{
    return key->key < LLMOBS_KEY_TAG &&
           keys[key->key].words.uses & LLMOBS_KEY_WORDS;
}

const char *llmobs_key_of(const struct llmobs_by_key *key,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event,
                          struct llmobs_texts *texts)
{
    const struct asked of = {row, event, texts};
    struct llmobs_score score = {.value = NULL};

    if (key->key == LLMOBS_KEY_EVAL) {
        if (llmobs_evaluations_find(row->judged, event,
                                    strchr(key->word, ':') + 1, &score) < 0)
            texts->failed = true;
        return full(score.value);
    }
    if (key->key == LLMOBS_KEY_TAG)
        return full(llmobs_stored_tag(event, key->word + sizeof(TAG_WORD) - 1));
    if (row && keys[key->key].at > 0)
        return llmobs_row_text(row, keys[key->key].at);
    if (keys[key->key].make)
        return keys[key->key].make(&of);
    if (keys[key->key].read)
        return keys[key->key].read(event);
    if (keys[key->key].words.tag)
        return full(llmobs_stored_tag(event, keys[key->key].words.tag));
    return full(
        llmobs_json_text(llmobs_stored_call(event, keys[key->key].call)));
}

struct llmobs_cell llmobs_key_cell(const struct llmobs_by_key *key,
                                   const struct llmobs_row *row,
                                   const struct llmobs_json *event,
                                   struct llmobs_texts *texts)
{
    bool listed = key->key < LLMOBS_KEY_TAG;
    enum llmobs_cell_kind kind =
        listed ? keys[key->key].kind : LLMOBS_CELL_TEXT;
    const void *at = (const char *)row + (listed ? keys[key->key].at : 0);
    struct llmobs_score score;

    if (key->key == LLMOBS_KEY_EVAL &&
        llmobs_evaluations_find(row->judged, event, strchr(key->word, ':') + 1,
                                &score) > 0 &&
        score.number)
        return (struct llmobs_cell){LLMOBS_CELL_NUMBER, NULL, 0, score.score};
    switch (kind) {
    case LLMOBS_CELL_COUNT:
        return llmobs_cell_count(*(const int64_t *)at);
    case LLMOBS_CELL_LENGTH:
        return llmobs_cell_length(*(const int64_t *)at);
    case LLMOBS_CELL_TIME:
        return llmobs_cell_time(*(const int64_t *)at);
    case LLMOBS_CELL_SECONDS:
    case LLMOBS_CELL_MONEY:
        return llmobs_cell_real(kind, *(const double *)at);
    default:
        return llmobs_cell_text(llmobs_key_of(key, row, event, texts));
    }
}

int llmobs_key_add_caller(const struct llmobs_json *event, size_t frames,
                          struct llmobs_buf *out)
{
    struct llmobs_texts texts = {0};
    const struct asked of = {NULL, event, &texts};
    const struct llmobs_json *caller = llmobs_stored_caller(event);
    const struct llmobs_json *list = llmobs_json_get(caller, "frames");
    const char *plugin = read_plugin(event), *line;

    if (!full(llmobs_json_gets(caller, "file")))
        return 0;
    line = read_caller(&of);
    if (line)
        llmobs_buf_addf(out, "by %s", llmobs_stored_path_end(line, NULL));
    if (plugin)
        llmobs_buf_addf(out, ", plugin %s", plugin);
    for (size_t i = 0; i < frames && i < llmobs_json_len(list); i++) {
        const char *frame = llmobs_json_text(llmobs_json_at(list, i));

        if (frame)
            llmobs_buf_addf(out, "\n%.*s", cut(frame), frame);
    }
    llmobs_texts_fini(&texts);
    return llmobs_buf_fail(out, line ? 0 : -ENOMEM);
}

/* -- words ----------------------------------------------------------------- */

int llmobs_key_read(struct llmobs_by_key *key, const char *word, size_t len,
                    enum llmobs_key_use use, const char **near)
{
    /* A tag's name stands in heads of tables and as a member of JSON. */
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    const char *tag = key->word + sizeof(TAG_WORD) - 1;
    struct llmobs_suggest suggest;

    if (near)
        *near = NULL;
    if (len >= sizeof(key->word))
        return -EINVAL;
    memcpy(key->word, word, len);
    key->word[len] = '\0';
    key->key = LLMOBS_KEY_TAG;
    if (strncmp(key->word, TAG_WORD, sizeof(TAG_WORD) - 1) == 0 &&
        *tag != '\0' && tag[strspn(tag, plain)] == '\0')
        return 0;
    key->key = LLMOBS_KEY_EVAL;
    if (llmobs_labels_add(&(struct llmobs_labels){.count = 0}, key->word,
                          len) == 0)
        return 0;
    for (char *at = key->word; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at;
    llmobs_suggest_init(&suggest, key->word);
    for (int i = 0; i < LLMOBS_KEY_TAG; i++) {
        key->key = (enum llmobs_key)i;
        if (!(keys[i].words.uses & (int)use))
            continue;
        if (strcmp(key->word, keys[i].words.word) == 0)
            return 0;
        if (near)
            llmobs_suggest_offer(&suggest, keys[i].words.word);
    }
    if (near)
        *near = suggest.best;
    return -EINVAL;
}

int llmobs_by_read(struct llmobs_by *by, const char *words, const char **near)
{
    *near = NULL;
    for (by->count = 0; by->count < LLMOBS_BY_KEYS;) {
        size_t len = strcspn(words, ",");
        struct llmobs_by_key *key = &by->keys[by->count++];

        if (llmobs_key_read(key, words, len, LLMOBS_KEY_GROUP, near) != 0)
            return -EINVAL;
        if (by->count == 2 && strcmp(key->word, by->keys[0].word) == 0)
            return -EEXIST;
        if (words[len] == '\0')
            return 0;
        words += len + 1;
    }
    return -EINVAL;
}

/* -- ends of paths --------------------------------------------------------- */

/* Orders texts by their ends, so that those with a common member at the end are
 * neighbours: a '/' comes first. */
static int by_end(const void *left, const void *right)
{
    const char *a = **(const char *const *const *)left;
    const char *b = **(const char *const *const *)right;
    size_t i = strlen(a), k = strlen(b);

    while (i > 0 && k > 0 && a[i - 1] == b[k - 1])
        i--, k--;
    if (i == 0 || k == 0)
        return (i > 0) - (k > 0);
    if (a[i - 1] == '/' || b[k - 1] == '/')
        return a[i - 1] == '/' ? -1 : 1;
    return (unsigned char)a[i - 1] < (unsigned char)b[k - 1] ? -1 : 1;
}

/* True where `text` ends with the member or members `end`. */
static bool has_end(const char *text, const char *end)
{
    size_t have = text ? strlen(text) : 0, want = strlen(end);

    return text && have >= want && strcmp(text + have - want, end) == 0 &&
           (have == want || text[have - want - 1] == '/');
}

static int shorten_all(const char **first, size_t stride, size_t count)
{
    const char ***slots = calloc(count + 1, sizeof(*slots)), *before = NULL;
    size_t n = 0, end;

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const char **slot = (void *)((char *)(void *)first + i * stride);

        if (*slot)
            slots[n++] = slot;
    }
    qsort(slots, n, sizeof(*slots), by_end);
    for (size_t i = 0; i < n; i = end) {
        const char *text = *slots[i];
        const char *shown = llmobs_stored_path_end(text, NULL), *more, *behind;

        for (end = i + 1; end < n && strcmp(*slots[end], text) == 0;)
            end++;
        behind = end < n ? *slots[end] : NULL;
        while ((*shown == '\0' || has_end(before, shown) ||
                has_end(behind, shown)) &&
               (more = llmobs_stored_path_end(text, shown)))
            shown = more;
        for (size_t k = i; k < end; k++)
            *slots[k] = shown;
        before = text;
    }
    free(slots);
    return 0;
}

int llmobs_by_shorten(const struct llmobs_by *by, const char **first,
                      size_t stride, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < by->count; i++)
        if (by->keys[i].key < LLMOBS_KEY_TAG &&
            keys[by->keys[i].key].words.uses & LLMOBS_KEY_PATH)
            rc = shorten_all(first + i, stride, count);
    return rc;
}
