#include "core/event/limits.h"
#include "core/event/tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "llmobs.h"

#define TAG_MAX ((size_t)1 << 30)
#define ROOM 160 /* bytes of a tag without memory of its own */

/* Puts a tag "key:value", whose key has `len` bytes. Changes the text in `tag`,
 * which the caller only frees afterwards. */
static int tags_set_tag(struct llmobs_json *tags, struct llmobs_buf *tag,
                        size_t len)
{
    struct llmobs_json *json;

    /* The intake would split the tag at a comma (WIRE 1.8). */
    for (char *comma = tag->data + len; (comma = strchr(comma, ','));)
        *comma = '_';
    json = llmobs_json_stringn(tag->data, tag->len);
    tag->data[len] = '\0';
    return llmobs_json_set(tags, tag->data, json);
}

/* While tags are gathered they are an object, so the last tag with a key
 * counts. Its values are the whole tags. The key has `len` bytes. */
static int tags_put_tag(struct llmobs_json *tags, const char *key, size_t len,
                        const char *value)
{
    char room[ROOM];
    struct llmobs_buf tag;
    int rc;

    llmobs_buf_init(&tag, TAG_MAX);
    llmobs_buf_lend(&tag, room, sizeof(room));
    rc = llmobs_buf_add(&tag, key, len);
    if (!rc)
        rc = llmobs_buf_addc(&tag, ':');
    if (!rc)
        rc = llmobs_buf_adds(&tag, value ? value : "");
    if (!rc)
        rc = tags_set_tag(tags, &tag, len);
    llmobs_buf_fini(&tag);
    return rc ? -ENOMEM : 0;
}

static int tags_put_own(struct llmobs_json *tags, const char *key,
                        const char *value)
{
    return tags_put_tag(tags, key, strlen(key), value);
}

/* Puts the tag "key:value"; the value may hold colons. */
static int tags_put_pair(struct llmobs_json *tags, const char *pair)
{
    size_t len = strcspn(pair, ":");

    if (len == 0)
        return 0;
    return tags_put_tag(tags, pair, len, pair[len] ? pair + len + 1 : "");
}

static int gather_own(const struct llmobs_span *span,
                      const struct llmobs_config *config,
                      struct llmobs_json *tags)
{
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
        {"language", "c", true},
        {"error", span->failed ? "1" : "0", true},
        {"error_type", span->error_type, span->failed},
        {"session_id", span->context.session_id,
         span->context.session_id[0] != '\0'},
        {"integration", span->integration, span->integration != NULL},
        {"git.repository_url", config->git_url, config->git_url != NULL},
        {"git.commit.sha", config->git_sha, config->git_sha != NULL},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(own) / sizeof(*own) && !rc; i++) {
        if (own[i].there)
            rc = tags_put_own(tags, own[i].key, own[i].value);
    }
    return rc;
}

static int gather_tags(const struct llmobs_span *span,
                       const struct llmobs_config *config,
                       struct llmobs_json *tags)
{
    const struct llmobs_json *extra = span->extra_tags;
    int rc = 0;

    for (char **tag = config->tags; tag && *tag && !rc; tag++)
        rc = tags_put_pair(tags, *tag);
    if (!rc)
        rc = gather_own(span, config, tags);
    for (size_t i = 0;
         i < llmobs_json_len(extra) && i < LLMOBS_LIMIT_TAGS && !rc; i++) {
        const char *pair = llmobs_json_text(llmobs_json_at(extra, i));

        rc = pair ? tags_put_pair(tags, pair) : 0;
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
static struct llmobs_json *tags_list_of(struct llmobs_json *tags, int rc,
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

    return tags_list_of(tags, tags ? gather_tags(span, config, tags) : -ENOMEM,
                        true);
}

struct llmobs_json *llmobs_tags_of_evaluation(
    const struct llmobs_evaluation_tag *list, size_t count, const char *ml_app)
{
    struct llmobs_json *tags = llmobs_json_object();
    int rc =
        tags ? tags_put_own(tags, "ddtrace.version", LLMOBS_VERSION) : -ENOMEM;

    if (!rc)
        rc = tags_put_own(tags, "ml_app", ml_app);
    for (size_t i = 0; i < count && !rc; i++)
        rc = tags_put_own(tags, list[i].key, list[i].value);
    return tags_list_of(tags, rc, false);
}
