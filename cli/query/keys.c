#include "cli/query/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/cell.h"
#include "cli/query/stored.h"
#include "cli/query/row.h"
#include "cli/shared/accounts.h"
#include "cli/shared/suggest.h"

#define TAG_WORD "tag:"

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

static const char *read_script(const struct asked *of)
{
    return llmobs_stored_script(of->event);
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
    const char *script = read_script(of), *name = function;
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
static const char *read_plugin(const struct asked *of)
{
    const char *tag = full(llmobs_stored_tag(of->event, "plugin"));
    const struct llmobs_json *plugins =
        llmobs_json_get(llmobs_stored_caller(of->event), "plugins");
    size_t count = llmobs_json_len(plugins);

    if (tag || count == 0)
        return tag;
    return full(llmobs_json_text(llmobs_json_at(plugins, count - 1)));
}

static const char *read_host(const struct asked *of)
{
    return full(llmobs_json_text(llmobs_stored_call(of->event, "hostname")));
}

static const char *read_page(const struct asked *of)
{
    return full(llmobs_json_text(llmobs_stored_call(of->event, "page")));
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

/* -- when and how it ended ------------------------------------------------- */

static const char *read_day(const struct asked *of)
{
    char day[LLMOBS_CELL_CLOCK];

    return llmobs_cell_clock(of->row->start_ns, "%Y-%m-%d", day)
               ? llmobs_texts_share(of->texts, day)
               : NULL;
}

/* The model that was asked for: calls that failed have no other, and would be
 * rows of their own beside those that went well. */
static const char *read_model(const struct asked *of)
{
    const char *model =
        full(llmobs_json_text(llmobs_stored_call(of->event, "request_model")));

    return model ? model : of->row->model;
}

/* A call that failed without a type is an "error". */
static const char *read_error(const struct asked *of)
{
    if (!of->row->failed)
        return NULL;
    return of->row->error_type ? of->row->error_type : "error";
}

/* -- the table ------------------------------------------------------------- */

#define AT(member) .at = offsetof(struct llmobs_row, member)

/* Of each key the word, and where its value is: a tag, what `read` gives, else
 * the text at `at` in a row. */
static const struct {
    const char *word;
    const char *tag;
    const char *(*read)(const struct asked *of);
    size_t at;
    bool path;
} keys[LLMOBS_KEY_COUNT] = {
    [LLMOBS_KEY_SCRIPT] = {"script", .read = read_script, .path = true},
    [LLMOBS_KEY_CALLER] = {"caller", .read = read_caller, .path = true},
    [LLMOBS_KEY_PLUGIN] = {"plugin", .read = read_plugin},
    [LLMOBS_KEY_PAGE] = {"page", .read = read_page},
    [LLMOBS_KEY_UNIT] = {"unit", .tag = "unit"},
    [LLMOBS_KEY_HOST] = {"host", .read = read_host},
    [LLMOBS_KEY_OS_USER] = {"os_user", .read = read_os_user},
    [LLMOBS_KEY_USER] = {"user", .tag = "user_id"},
    [LLMOBS_KEY_KEY] = {"key", .tag = "key"},
    [LLMOBS_KEY_RUN] = {"run", .read = read_run},
    [LLMOBS_KEY_MODEL] = {"model", .read = read_model},
    [LLMOBS_KEY_PROVIDER] = {"provider", AT(provider)},
    [LLMOBS_KEY_ML_APP] = {"ml_app", AT(ml_app)},
    [LLMOBS_KEY_SERVICE] = {"service", AT(service)},
    [LLMOBS_KEY_KIND] = {"kind", AT(kind)},
    [LLMOBS_KEY_SESSION] = {"session", AT(session)},
    [LLMOBS_KEY_DAY] = {"day", .read = read_day},
    [LLMOBS_KEY_ERROR] = {"error", .read = read_error},
    [LLMOBS_KEY_TAG] = {.word = NULL},
    [LLMOBS_KEY_EVAL] = {.word = NULL},
};

const char *llmobs_key_word(enum llmobs_key key)
{
    return keys[key].word;
}

bool llmobs_key_is_path(enum llmobs_key key)
{
    return keys[key].path;
}

const char *llmobs_key_of(const struct llmobs_by_key *key,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event,
                          struct llmobs_texts *texts)
{
    const struct asked of = {row, event, texts};
    const char *tag = keys[key->key].tag;
    struct llmobs_score score = {.value = NULL};

    if (key->key == LLMOBS_KEY_EVAL) {
        if (llmobs_evaluations_find(row->judged, event,
                                    strchr(key->word, ':') + 1, &score) < 0)
            texts->failed = true;
        return full(score.value);
    }
    if (key->key == LLMOBS_KEY_TAG)
        tag = key->word + sizeof(TAG_WORD) - 1;
    if (tag)
        return full(llmobs_stored_tag(event, tag));
    if (keys[key->key].read)
        return keys[key->key].read(&of);
    return llmobs_row_text(row, keys[key->key].at);
}

int llmobs_key_add_caller(const struct llmobs_json *event, size_t frames,
                          struct llmobs_buf *out)
{
    struct llmobs_texts texts = {0};
    const struct asked of = {NULL, event, &texts};
    const struct llmobs_json *caller = llmobs_stored_caller(event);
    const struct llmobs_json *list = llmobs_json_get(caller, "frames");
    const char *plugin = read_plugin(&of), *line;

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

/* The name stands in heads of tables and as a member of JSON. */
static bool is_tag_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    const char *name = word + sizeof(TAG_WORD) - 1;

    return strncmp(word, TAG_WORD, sizeof(TAG_WORD) - 1) == 0 &&
           *name != '\0' && name[strspn(name, plain)] == '\0';
}

int llmobs_key_read(struct llmobs_by_key *key, const char *word, size_t len)
{
    if (len >= sizeof(key->word))
        return -EINVAL;
    memcpy(key->word, word, len);
    key->word[len] = '\0';
    key->key = LLMOBS_KEY_TAG;
    if (is_tag_word(key->word))
        return 0;
    key->key = LLMOBS_KEY_EVAL;
    if (llmobs_labels_add(&(struct llmobs_labels){.count = 0}, key->word,
                          len) == 0)
        return 0;
    for (char *at = key->word; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at;
    for (int i = 0; i < LLMOBS_KEY_TAG; i++) {
        key->key = (enum llmobs_key)i;
        if (strcmp(key->word, keys[i].word) == 0)
            return 0;
    }
    return -EINVAL;
}

int llmobs_by_read(struct llmobs_by *by, const char *words, const char **near)
{
    struct llmobs_suggest suggest;

    *near = NULL;
    for (by->count = 0; by->count < LLMOBS_BY_KEYS;) {
        size_t len = strcspn(words, ",");
        struct llmobs_by_key *key = &by->keys[by->count++];

        if (llmobs_key_read(key, words, len) != 0) {
            llmobs_suggest_init(&suggest, key->word);
            for (int i = 0; i < LLMOBS_KEY_TAG; i++)
                llmobs_suggest_offer(&suggest, keys[i].word);
            *near = len < sizeof(key->word) ? suggest.best : NULL;
            return -EINVAL;
        }
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

/* Shortens the equal texts at `slots`, between two others. */
static void shorten(const char ***slots, size_t count, const char *before,
                    const char *behind)
{
    const char *path = *slots[0], *end = llmobs_stored_path_end(path, NULL),
               *more;

    while ((*end == '\0' || has_end(before, end) || has_end(behind, end)) &&
           (more = llmobs_stored_path_end(path, end)))
        end = more;
    for (size_t i = 0; i < count; i++)
        *slots[i] = end;
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

        for (end = i + 1; end < n && strcmp(*slots[end], text) == 0;)
            end++;
        shorten(slots + i, end - i, before, end < n ? *slots[end] : NULL);
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
        if (keys[by->keys[i].key].path)
            rc = shorten_all(first + i, stride, count);
    return rc;
}
