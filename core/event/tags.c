/* Collects an event's tags. */
#include "core/event/limits.h"
#include "core/event/tags.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/trace/carrier.h"
#include "lib/base/sha256.h"
#include "lib/span/secrets.h"
#include "llmobs.h"

#define TAG_MAX ((size_t)1 << 30)
#define VALUE_MAX 200 /* bytes of a value that a request says */
#define ROOM 160      /* bytes of a tag without memory of its own */
#define GATHERED 511  /* usual bytes of all tags, and a NUL */

/* Puts the tag "key:value" into an object, so the last tag with a key counts;
 * its values are the whole tags. Their secrets are masked. */
static int put_tag(struct llmobs_json *tags, const char *key, const char *value)
{
    size_t len = strlen(key);
    char room[ROOM];
    struct llmobs_json *json;
    struct llmobs_buf tag;
    int rc;

    llmobs_buf_init(&tag, TAG_MAX);
    llmobs_buf_lend(&tag, room, sizeof(room));
    (void)llmobs_buf_add(&tag, key, len);
    (void)llmobs_buf_addc(&tag, ':');
    (void)llmobs_buf_adds(&tag, value);
    (void)llmobs_buf_addc(&tag, '"'); /* as in an event */
    if (!tag.error) {
        char *comma = strchr(tag.data + len, ',');

        if (comma) /* it may lie between the name and the value of a pair */
            llmobs_secrets_mask(tag.data, tag.len);
        /* The intake would split the tag at a comma (WIRE 1.8). */
        for (; comma; comma = strchr(comma, ','))
            *comma = '_';
        llmobs_secrets_mask(tag.data, tag.len);
        llmobs_buf_cut(&tag, tag.len - 1);
        json = llmobs_json_stringn(tag.data, tag.len);
        /* "tag" is the one key that a span may have with several values. */
        (void)llmobs_json_set(tags, strcmp(key, "tag") ? key : tag.data,
                              llmobs_json_searched(json));
    }
    rc = tag.error ? -ENOMEM : llmobs_json_error(tags);
    llmobs_buf_fini(&tag);
    return rc;
}

/* Adds a tag to those that are gathered: its key and its value, each a C
 * string. The key has `len` bytes. */
static void add_tag(struct llmobs_buf *out, const char *key, size_t len,
                    const char *value)
{
    (void)llmobs_buf_add(out, key, len);
    (void)llmobs_buf_addc(out, '\0');
    (void)llmobs_buf_adds(out, value ? value : "");
    (void)llmobs_buf_addc(out, '\0');
}

/* Adds the tag "key:value"; the value may hold colons. */
static void add_pair(struct llmobs_buf *out, const char *pair)
{
    size_t len = strcspn(pair, ":");

    if (len > 0)
        add_tag(out, pair, len, pair[len] ? pair + len + 1 : "");
}

static void add_own(const struct llmobs_span *span,
                    const struct llmobs_config *config, struct llmobs_buf *out)
{
    const char *language = span->foreign ? span->language : config->language;
    const struct {
        const char *key;
        const char *value;
        bool there;
    } own[] = {
        {"version", config->version, true},
        {"env", config->env, true},
        {"service", config->service, true},
        {"source", "integration", true},
        {"ml_app", span->context.ml_app, true},
        {"agent_service", span->context.ml_app, true},
        {"ddtrace.version", LLMOBS_VERSION, true},
        {"language", language ? language : "c", true},
        {"error", span->failed ? "1" : "0", true},
        {"error_type", span->error_type, span->failed},
        {"session_id", span->context.session_id,
         span->context.session_id[0] != '\0'},
        {"integration", span->integration, span->integration != NULL},
        {"git.repository_url", config->git_url, config->git_url != NULL},
        {"git.commit.sha", config->git_sha, config->git_sha != NULL},
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (own[i].there)
            add_tag(out, own[i].key, strlen(own[i].key), own[i].value);
}

/* Adds the tag of one member of an experiment's baggage, "key=value;property"
 * behind LLMOBS_EXPERIMENT, named as Datadog's SDK names it. Changes `key`. */
static void add_experiment(struct llmobs_buf *tags, char *key)
{
    static const char names[] = "run_id\0run_iteration\0dataset_id\0"
                                "dataset_name\0project_id\0project_name\0";
    static const char lead[] = "experiment_"; /* it stands before the key */
    char *value = strchr(key, '='), *out;
    struct llmobs_text from;
    int c;

    if (!value)
        return;
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
    if (*value && llmobs_words_have("id\0name\0", key))
        key -= strlen(lead);
    else if (!*value || !llmobs_words_have(names, key))
        return;
    add_tag(tags, key, strlen(key), value);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(llmobs_json_text(*(struct llmobs_json *const *)a),
                  llmobs_json_text(*(struct llmobs_json *const *)b));
}

/* Gives an array of the tags that were gathered; NULL: no memory. */
static struct llmobs_json *make_list(const struct llmobs_buf *from, bool sorted)
{
    struct llmobs_json *tags = llmobs_json_object(), **list = NULL;
    struct llmobs_json *out = llmobs_json_array();
    int rc = tags && out ? from->error : -ENOMEM;
    size_t at = 0;

    for (const char *key = from->data, *value;
         !rc && key < from->data + from->len; key = llmobs_words_next(value)) {
        value = llmobs_words_next(key);
        rc = put_tag(tags, key, value);
    }
    if (!rc)
        list = calloc(llmobs_json_len(tags) + 1, sizeof(*list));
    for (void *it = llmobs_json_iter(list ? tags : NULL); it;
         it = llmobs_json_next(tags, it))
        list[at++] = llmobs_json_iter_value(it);
    if (sorted && at > 1)
        qsort(list, at, sizeof(*list), by_text);
    for (size_t i = 0; i < at; i++)
        (void)llmobs_json_add(out, llmobs_json_share(list[i]));
    llmobs_json_free(tags);
    rc = list ? llmobs_json_error(out) : -ENOMEM;
    free(list);
    return llmobs_json_done(llmobs_json_searched(out), rc);
}

/* The tags of the last event: those of the next are mostly the same. Whoever
 * uses them takes them away, so that no other thread does. */
struct kept {
    struct llmobs_json *list;
    size_t len;
    char gathered[];
};

/* Gives the kept list of the same tags, or makes one and keeps it. */
static struct llmobs_json *find_list(const struct llmobs_buf *from)
{
    static struct kept *_Atomic last;
    struct kept *kept = atomic_exchange(&last, NULL);
    struct llmobs_json *list;

    if (kept && kept->len == from->len &&
        memcmp(kept->gathered, from->data, from->len) == 0) {
        list = llmobs_json_share(kept->list);
    } else {
        list = make_list(from, true);
        if (kept)
            llmobs_json_free(kept->list);
        free(kept);
        kept = list ? malloc(sizeof(*kept) + from->len) : NULL;
        if (kept) {
            *kept = (struct kept){llmobs_json_share(list), from->len};
            memcpy(kept->gathered, from->data, from->len);
        }
    }
    kept = atomic_exchange(&last, kept);
    if (kept)
        llmobs_json_free(kept->list);
    free(kept);
    return list;
}

struct llmobs_json *llmobs_tags_make(const struct llmobs_span *span,
                                     const struct llmobs_config *config)
{
    const struct llmobs_json *extra = span->extra_tags;
    const char *experiment = span->context.experiment;
    char *members = *experiment ? strdup(experiment) : NULL;
    char *rest = members, *member;
    struct llmobs_json *list = NULL;
    struct llmobs_buf out;

    llmobs_buf_init(&out, TAG_MAX);
    (void)llmobs_buf_reserve(&out, GATHERED);
    for (char **tag = config->tags; tag && *tag; tag++)
        add_pair(&out, *tag);
    add_own(span, config, &out);
    while ((member = strsep(&rest, ",")) != NULL)
        if (llmobs_text_begins(llmobs_text_of(member), LLMOBS_EXPERIMENT))
            add_experiment(&out, member + strlen(LLMOBS_EXPERIMENT));
    for (size_t i = 0; i < llmobs_json_len(extra) && i < LLMOBS_LIMIT_TAGS; i++)
        if (llmobs_json_text(llmobs_json_at(extra, i)))
            add_pair(&out, llmobs_json_text(llmobs_json_at(extra, i)));
    if (!out.error && (members || !*experiment))
        list = find_list(&out);
    free(members);
    llmobs_buf_fini(&out);
    return list;
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

struct hiding {
    enum llmobs_request_tags mode;
    const char *key; /* of the hashes, or NULL */
    bool lost;       /* the key was another process's */
};

/* Writes the value of a pair as it may leave the process, or "": not at all.
 * True for the name of a person, as it was sent. */
static bool write_value(const char *value, bool user,
                        const struct hiding *hiding, char out[VALUE_MAX + 1])
{
    if (holds_address(value) ||
        (user && hiding->mode == LLMOBS_REQUEST_TAGS_HASH)) {
        *out = '\0';
        if (!hiding->lost)
            llmobs_sha256_named(hiding->key, value, out);
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
                           const struct hiding *hiding)
{
    const struct llmobs_json *is = llmobs_json_get(span->metadata, "user");
    const char *user = llmobs_json_text(is);
    char value[VALUE_MAX + 1];

    if (!is || (!user && hiding->mode == LLMOBS_REQUEST_TAGS_PLAIN &&
                llmobs_json_len(is) == 0))
        return;
    if (!user || hiding->mode >= LLMOBS_REQUEST_TAGS_OFF) {
        llmobs_json_unset(span->metadata, "user");
    } else if (!write_value(user, true, hiding, value)) {
        llmobs_json_unset(span->metadata, "user");
        if (*value)
            (void)llmobs_json_sets(span->metadata, "user", value);
    }
}

/* True where a tag stays without content: its name is not the program's, or the
 * user lists it. */
static bool is_kept(const struct llmobs_config *config, struct llmobs_text key)
{
    static const char known[] =
        "user_id\0session_id\0agent_id\0parent_agent_id\0agent_type\0"
        "request_class\0app\0openai.organization\0openai.project\0";
    struct llmobs_text rest = llmobs_text_of(config->kept_tags), word;

    LLMOBS_WORDS_EACH (one, known)
        if (llmobs_text_is(key, one))
            return true;
    while (llmobs_text_next(&rest, &word))
        if (word.len == key.len &&
            strncasecmp(word.data, key.data, key.len) == 0)
            return true;
    return false;
}

enum llmobs_request_tags llmobs_tags_mode(const struct llmobs_config *config)
{
    return config->request_tags |
           (config->privacy.content == LLMOBS_CONTENT_FULL
                ? 0
                : LLMOBS_REQUEST_TAGS_BARE) |
           (config->hash_key ? LLMOBS_REQUEST_TAGS_KEYED : 0);
}

void llmobs_tags_add_requested(struct llmobs_span *span,
                               enum llmobs_request_tags mode,
                               const struct llmobs_config *config)
{
    unsigned here = llmobs_tags_mode(config), all = here | mode;
    bool bare = all & LLMOBS_REQUEST_TAGS_BARE;
    struct hiding hiding = {mode & LLMOBS_REQUEST_TAGS_MODE, config->hash_key,
                            all & ~here & LLMOBS_REQUEST_TAGS_KEYED};
    size_t own = llmobs_json_len(span->extra_tags);
    char *session = span->context.session_id, value[VALUE_MAX + 1];
    void *it = llmobs_json_iter(span->said);

    if (hiding.mode < config->request_tags)
        hiding.mode = config->request_tags;
    if (hiding.mode == LLMOBS_REQUEST_TAGS_PLAIN && (bare || hiding.lost))
        hiding.mode = LLMOBS_REQUEST_TAGS_HASH;
    hide_parameter(span, &hiding);
    if (hiding.mode >= LLMOBS_REQUEST_TAGS_OFF)
        return;
    for (; it; it = llmobs_json_next(span->said, it)) {
        const char *pair = llmobs_json_text(llmobs_json_iter_value(it));
        struct llmobs_text key = {pair, strcspn(pair, ":")};
        bool user = write_value(pair + key.len + 1,
                                pair_has_key(pair, "user", 4) ||
                                    llmobs_text_is(key, "email"),
                                &hiding, value);

        if (!*value || (bare && !is_kept(config, key)))
            continue;
        /* An exporter without content must not hash it without the key. */
        if (user && config->hash_key)
            llmobs_span_fact_add_word(&span->facts, LLMOBS_FACT_USERS,
                                      LLMOBS_FACT_USERS_KEYED);
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
    struct llmobs_json *tags;
    struct llmobs_buf out;

    llmobs_buf_init(&out, TAG_MAX);
    add_pair(&out, "ddtrace.version:" LLMOBS_VERSION);
    add_tag(&out, "ml_app", strlen("ml_app"), ml_app);
    for (size_t i = 0; i < count; i++)
        add_tag(&out, list[i].key, strlen(list[i].key), list[i].value);
    tags = make_list(&out, false);
    llmobs_buf_fini(&out);
    return tags;
}
