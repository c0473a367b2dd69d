#include "core/event/evaluation.h"
#include "core/event/tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llmobs.h"

/* While tags are gathered they are an object, so the last one of a key counts.
 */
static int put_tag(struct llmobs_json *tags, const char *key, const char *value)
{
    char *copy = strdup(value ? value : "");
    int rc;

    if (!copy)
        return -ENOMEM;
    /* The intake would split the tag at a comma (WIRE 1.8). */
    for (char *comma = copy; (comma = strchr(comma, ','));)
        *comma = '_';
    rc = llmobs_json_sets(tags, key, copy);
    free(copy);
    return rc;
}

/* "key:value"; the value may hold colons. */
static int put_pair(struct llmobs_json *tags, const char *pair)
{
    size_t len = strcspn(pair, ":");
    char *key;
    int rc;

    if (len == 0)
        return 0;
    key = strndup(pair, len);
    if (!key)
        return -ENOMEM;
    rc = put_tag(tags, key, pair[len] ? pair + len + 1 : "");
    free(key);
    return rc;
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
            rc = put_tag(tags, own[i].key, own[i].value);
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
        rc = put_pair(tags, *tag);
    if (!rc)
        rc = gather_own(span, config, tags);
    for (size_t i = 0; i < llmobs_json_len(extra) && !rc; i++) {
        const char *pair = llmobs_json_text(llmobs_json_at(extra, i));

        rc = pair ? put_pair(tags, pair) : 0;
    }
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int print_tags(const struct llmobs_json *tags, char **list, bool sorted)
{
    size_t at = 0;

    for (void *it = llmobs_json_iter(tags); it;
         it = llmobs_json_next(tags, it)) {
        if (asprintf(&list[at], "%s:%s", llmobs_json_iter_key(it),
                     llmobs_json_text(llmobs_json_iter_value(it))) < 0) {
            list[at] = NULL;
            return -ENOMEM;
        }
        at++;
    }
    if (sorted)
        qsort(list, at, sizeof(*list), by_text);
    return 0;
}

/* Takes `tags`; NULL where they could not be gathered. */
static struct llmobs_json *list_of(struct llmobs_json *tags, int rc,
                                   bool sorted)
{
    struct llmobs_json *out = llmobs_json_array();
    char **list = NULL;

    if (!rc && out) {
        list = calloc(llmobs_json_len(tags) + 1, sizeof(*list));
        rc = list ? print_tags(tags, list, sorted) : -ENOMEM;
    }
    for (size_t i = 0; list && list[i]; i++) {
        if (!rc)
            rc = llmobs_json_add(out, llmobs_json_string(list[i]));
        free(list[i]);
    }
    free(list);
    llmobs_json_free(tags);
    if (rc == 0)
        return out;
    llmobs_json_free(out);
    return NULL;
}

struct llmobs_json *llmobs_tags_make(const struct llmobs_span *span,
                                     const struct llmobs_config *config)
{
    struct llmobs_json *tags = llmobs_json_object();

    return list_of(tags, tags ? gather_tags(span, config, tags) : -ENOMEM,
                   true);
}

struct llmobs_json *llmobs_tags_of_evaluation(
    const struct llmobs_evaluation *evaluation, const char *ml_app)
{
    struct llmobs_json *tags = llmobs_json_object();
    int rc = tags ? put_tag(tags, "ddtrace.version", LLMOBS_VERSION) : -ENOMEM;

    if (!rc)
        rc = put_tag(tags, "ml_app", ml_app);
    for (size_t i = 0; i < evaluation->tag_count && !rc; i++)
        rc = put_tag(tags, evaluation->tags[i].key, evaluation->tags[i].value);
    return list_of(tags, rc, false);
}
