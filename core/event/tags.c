#include "core/event/limits.h"
#include "core/event/tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/carrier.h"
#include "lib/base/sha256.h"
#include "llmobs.h"

#define TAG_MAX ((size_t)1 << 30)
#define VALUE_MAX 200 /* bytes of a value that a request says */
#define ROOM 160      /* bytes of a tag without memory of its own */

/* Puts the tag "key:value". While tags are gathered they are an object, so the
 * last tag with a key counts. Its values are the whole tags. The key has `len`
 * bytes; `ours`: the library's words, in which no secret is searched. */
static int put_tag(struct llmobs_json *tags, const char *key, size_t len,
                   const char *value, bool ours)
{
    char room[ROOM];
    struct llmobs_json *json;
    struct llmobs_buf tag;
    int rc;

    llmobs_buf_init(&tag, TAG_MAX);
    llmobs_buf_lend(&tag, room, sizeof(room));
    rc = llmobs_buf_add(&tag, key, len);
    if (!rc)
        rc = llmobs_buf_addc(&tag, ':');
    if (!rc)
        rc = llmobs_buf_adds(&tag, value ? value : "");
    if (!rc) {
        /* The intake would split the tag at a comma (WIRE 1.8). */
        for (char *comma = tag.data + len; (comma = strchr(comma, ','));)
            *comma = '_';
        json = llmobs_json_stringn(tag.data, tag.len);
        if (ours)
            (void)llmobs_json_searched(json);
        /* "tag" is the one key that a span may have with several values. */
        if (len != 3 || memcmp(tag.data, "tag", len) != 0)
            tag.data[len] = '\0';
        rc = llmobs_json_set(tags, tag.data, json);
    }
    llmobs_buf_fini(&tag);
    return rc ? -ENOMEM : 0;
}

static int put_own_tag(struct llmobs_json *tags, const char *key,
                       const char *value)
{
    return put_tag(tags, key, strlen(key), value, false);
}

/* Puts the tag "key:value"; the value may hold colons. */
static int put_pair(struct llmobs_json *tags, const char *pair)
{
    size_t len = strcspn(pair, ":");

    if (len == 0)
        return 0;
    return put_tag(tags, pair, len, pair[len] ? pair + len + 1 : "", false);
}

static int gather_own(const struct llmobs_span *span,
                      const struct llmobs_config *config,
                      struct llmobs_json *tags)
{
    const char *language = span->foreign ? span->language : config->language;
    const struct {
        const char *key;
        const char *value;
        bool there, ours;
    } own[] = {
        {"version", config->version, true, false},
        {"env", config->env, true, false},
        {"service", config->service, true, false},
        {"source", "integration", true, true},
        {"ml_app", span->context.ml_app, true, false},
        {"agent_service", span->context.ml_app, true, false},
        {"ddtrace.version", LLMOBS_VERSION, true, true},
        {"language", language ? language : "c", true, true},
        {"error", span->failed ? "1" : "0", true, true},
        {"error_type", span->error_type, span->failed, false},
        {"session_id", span->context.session_id,
         span->context.session_id[0] != '\0', false},
        {"integration", span->integration, span->integration != NULL, true},
        {"git.repository_url", config->git_url, config->git_url != NULL, false},
        {"git.commit.sha", config->git_sha, config->git_sha != NULL, false},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(own) / sizeof(*own) && !rc; i++) {
        if (own[i].there)
            rc = put_tag(tags, own[i].key, strlen(own[i].key), own[i].value,
                         own[i].ours);
    }
    return rc;
}

/* Puts the tag of one member of an experiment's baggage, "key=value;property"
 * behind LLMOBS_EXPERIMENT, named as Datadog's SDK names it. Changes `key`. */
static int put_experiment(struct llmobs_json *tags, char *key)
{
    static const char names[] = "run_id\0run_iteration\0dataset_id\0"
                                "dataset_name\0project_id\0project_name\0";
    static const char lead[] = "experiment_"; /* it stands before the key */
    char *value = strchr(key, '='), *out;
    struct llmobs_text from;
    int c;

    if (!value)
        return 0;
    out = ++value;
    value[strcspn(value, ";")] = key[strcspn(key, " \t=")] = '\0';
    from = llmobs_text_trim(llmobs_text_of(value));
    for (size_t i = 0; i < from.len; i++) {
        c = llmobs_text_escape(from, i);
        i += c < 0 ? 0 : 2;
        c = c < 0 ? from.data[i] : c;
        *out++ = (unsigned char)c < ' ' || c == 0x7f ? '_' : (char)c;
    }
    *out = '\0';
    if (*value && llmobs_words_have(names, key))
        return put_own_tag(tags, key, value);
    return *value && llmobs_words_have("id\0name\0", key)
               ? put_own_tag(tags, key - strlen(lead), value)
               : 0;
}

static int gather_tags(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_json *tags)
{
    const struct llmobs_json *extra = span->extra_tags;
    const char *experiment = span->context.experiment;
    char *members = *experiment ? strdup(experiment) : NULL;
    char *rest = members, *member;
    int rc = *experiment && !members ? -ENOMEM : 0;

    for (char **tag = config->tags; tag && *tag && !rc; tag++)
        rc = put_pair(tags, *tag);
    if (!rc)
        rc = gather_own(span, config, tags);
    while (!rc && (member = strsep(&rest, ",")) != NULL)
        if (llmobs_text_begins(llmobs_text_of(member), LLMOBS_EXPERIMENT))
            rc = put_experiment(tags, member + strlen(LLMOBS_EXPERIMENT));
    free(members);
    for (size_t i = 0;
         i < llmobs_json_len(extra) && i < LLMOBS_LIMIT_TAGS && !rc; i++) {
        const char *pair = llmobs_json_text(llmobs_json_at(extra, i));

        rc = pair ? put_pair(tags, pair) : 0;
    }
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(llmobs_json_text(*(struct llmobs_json *const *)a),
                  llmobs_json_text(*(struct llmobs_json *const *)b));
}

/* Puts the tags into an array, which it makes. */
static int fill_list(const struct llmobs_json *tags, bool sorted,
                     struct llmobs_json **out)
{
    size_t count = llmobs_json_len(tags), at = 0;
    struct llmobs_json **list = calloc(count + 1, sizeof(*list));
    int rc = list ? 0 : -ENOMEM;

    *out = llmobs_json_array();
    for (void *it = llmobs_json_iter(tags); it && !rc;
         it = llmobs_json_next(tags, it))
        list[at++] = llmobs_json_iter_value(it);
    if (sorted && at > 1)
        qsort(list, at, sizeof(*list), by_text);
    for (size_t i = 0; i < at && !rc; i++)
        rc = llmobs_json_add(*out, llmobs_json_share(list[i]));
    free(list);
    return *out ? rc : -ENOMEM;
}

/* Takes `tags`. NULL: they could not be gathered. */
static struct llmobs_json *list_of_tags(struct llmobs_json *tags, int rc,
                                        bool sorted)
{
    struct llmobs_json *out = NULL;

    if (!rc)
        rc = fill_list(tags, sorted, &out);
    llmobs_json_free(tags);
    if (!rc)
        return out;
    llmobs_json_free(out);
    return NULL;
}

struct llmobs_json *llmobs_tags_make(const struct llmobs_span *span,
                                     const struct llmobs_config *config)
{
    struct llmobs_json *tags = llmobs_json_object();

    return list_of_tags(tags, tags ? gather_tags(span, config, tags) : -ENOMEM,
                        true);
}

/* -- what the request says ------------------------------------------------- */

static bool is_word(char c)
{
    return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* True where a name with a point stands behind an '@', and its last part is no
 * number: "pkg@1.2" is not an address. */
static bool holds_address(const char *text)
{
    for (const char *at = text; *at; at++) {
        /* "%40" in a URL */
        const char *end = at + (*at == '@' ? 1 : strncmp(at, "%40", 3) ? 0 : 3);
        const char *point = NULL;

        if (end == at || at == text || at[-1] == ' ')
            continue;
        for (; is_word(*end) || (*end == '.' && is_word(end[1])); end++)
            if (*end == '.')
                point = end;
        if (point && !llmobs_is_digit(point[1]))
            return true;
    }
    return false;
}

/* Writes the value of a pair as it may leave the process. True for the name of
 * a person, as it was sent. */
static bool write_value(const char *value, bool user,
                        enum llmobs_request_tags mode, char out[VALUE_MAX + 1])
{
    if (holds_address(value) || (user && mode == LLMOBS_REQUEST_TAGS_HASH)) {
        llmobs_sha256_named(value, out);
        return false;
    }
    llmobs_context_text(out, VALUE_MAX + 1, llmobs_text_of(value));
    for (; *out; out++)
        if ((unsigned char)*out < ' ' || *out == 0x7f)
            *out = '_';
    return user;
}

/* True where the pair has this key, which ends with its colon. */
static bool pair_has_key(const char *pair, const char *key, size_t len)
{
    return pair && strncmp(pair, key, len) == 0;
}

static bool has_tag(const struct llmobs_span *span, size_t own,
                    const struct llmobs_config *config, const char *key,
                    size_t len)
{
    char **tag = config->tags;

    while (tag && *tag && !pair_has_key(*tag, key, len))
        tag++;
    for (size_t i = 0; i < own && !(tag && *tag); i++)
        if (pair_has_key(llmobs_json_text(llmobs_json_at(span->extra_tags, i)),
                         key, len))
            return true;
    return tag && *tag;
}

/* Adds the tag; `user`: as a name that exporters without content hash. */
static void add_own_tag(struct llmobs_span *span, struct llmobs_text key,
                        const char *value, bool user)
{
    struct llmobs_buf tag;

    llmobs_buf_init(&tag, TAG_MAX);
    if (!span->extra_tags)
        span->extra_tags = llmobs_json_array();
    if (llmobs_buf_add(&tag, key.data, key.len) == 0 && user)
        llmobs_span_fact_add_word(&span->facts, LLMOBS_FACT_USERS, tag.data);
    if (llmobs_buf_addc(&tag, ':') == 0 && llmobs_buf_adds(&tag, value) == 0)
        (void)llmobs_json_add(span->extra_tags, llmobs_json_string(tag.data));
    llmobs_buf_fini(&tag);
}

/* The parameters of the request have the same name of a user. A name that is no
 * text, such as a number, cannot be hashed: it goes out as it is sent, or not
 * at all. */
static void hide_parameter(struct llmobs_span *span,
                           enum llmobs_request_tags mode)
{
    const struct llmobs_json *is = llmobs_json_get(span->metadata, "user");
    const char *user = llmobs_json_text(is);
    char value[VALUE_MAX + 1];

    if (!is || (!user && mode == LLMOBS_REQUEST_TAGS_PLAIN &&
                llmobs_json_len(is) == 0))
        return;
    if (!user || mode >= LLMOBS_REQUEST_TAGS_OFF) {
        llmobs_json_unset(span->metadata, "user");
    } else if (!write_value(user, true, mode, value)) {
        llmobs_json_unset(span->metadata, "user");
        (void)llmobs_json_sets(span->metadata, "user", value);
    }
}

void llmobs_tags_add_requested(struct llmobs_span *span,
                               enum llmobs_request_tags mode,
                               const struct llmobs_config *config)
{
    size_t own = llmobs_json_len(span->extra_tags);
    char *session = span->context.session_id, value[VALUE_MAX + 1];
    void *it = llmobs_json_iter(span->said);

    if (mode < config->request_tags)
        mode = config->request_tags;
    if (mode == LLMOBS_REQUEST_TAGS_PLAIN &&
        config->privacy.content != LLMOBS_CONTENT_FULL)
        mode = LLMOBS_REQUEST_TAGS_HASH;
    hide_parameter(span, mode);
    if (mode >= LLMOBS_REQUEST_TAGS_OFF)
        return;
    for (; it; it = llmobs_json_next(span->said, it)) {
        const char *pair = llmobs_json_text(llmobs_json_iter_value(it));
        struct llmobs_text key = {pair, strcspn(pair, ":")};
        bool user = write_value(pair + key.len + 1,
                                pair_has_key(pair, "user", 4) ||
                                    llmobs_text_is(key, "email"),
                                mode, value);

        if (!llmobs_text_is(key, "session_id")) {
            if (!has_tag(span, own, config, pair, key.len + 1))
                add_own_tag(span, key, value, user);
        } else if (!*session) {
            llmobs_context_text(session, sizeof(span->context.session_id),
                                llmobs_text_of(value));
        }
    }
}

struct llmobs_json *llmobs_tags_of_evaluation(
    const struct llmobs_evaluation_tag *list, size_t count, const char *ml_app)
{
    struct llmobs_json *tags = llmobs_json_object();
    int rc =
        tags ? put_own_tag(tags, "ddtrace.version", LLMOBS_VERSION) : -ENOMEM;

    if (!rc)
        rc = put_own_tag(tags, "ml_app", ml_app);
    for (size_t i = 0; i < count && !rc; i++)
        rc = put_own_tag(tags, list[i].key, list[i].value);
    return list_of_tags(tags, rc, false);
}
