#include "core/privacy/content_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CODE_MAX 64
#define SYMBOL_MAX 512

const char *const llmobs_content_judged[] = {"reasoning", "categorical_value",
                                             "metadata", NULL};

bool llmobs_content_is_in(const char *text, const char *const *list)
{
    while (*list && strcmp(*list, text) != 0)
        list++;
    return *list != NULL;
}

int llmobs_content_put(struct llmobs_json *to, const char *key,
                       struct llmobs_json *value)
{
    return key ? llmobs_json_set(to, key, value) : llmobs_json_add(to, value);
}

struct llmobs_json *llmobs_content_map(struct llmobs_json *json,
                                       llmobs_content_put_fn *put, void *ctx)
{
    bool array = llmobs_json_is_array(json);
    struct llmobs_json *copy =
        array ? llmobs_json_array() : llmobs_json_object();
    int rc = copy ? 0 : -ENOMEM;

    for (size_t i = 0; array && !rc && i < llmobs_json_len(json); i++)
        rc = put(ctx, copy, NULL, llmobs_json_at(json, i));
    for (void *it = array ? NULL : llmobs_json_iter(json); it && !rc;
         it = llmobs_json_next(json, it))
        rc = put(ctx, copy, llmobs_json_iter_key(it),
                 llmobs_json_iter_value(it));
    if (!rc)
        return copy;
    llmobs_json_free(copy);
    return NULL;
}

struct llmobs_json *llmobs_content_members(struct llmobs_json *json,
                                           llmobs_content_put_fn *put,
                                           void *ctx)
{
    return llmobs_json_is_object(json) ? llmobs_content_map(json, put, ctx)
                                       : llmobs_json_object();
}

/* -- an event without content -------------------------------------------- */

/* A word of a provider or of libcurl, not a sentence. */
static bool is_code(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"
                              "0123456789_.:#/-");

    return text[len] == '\0' && len <= CODE_MAX;
}

/* A module's or function's name: no words with blanks between them. */
static bool is_symbol(const char *text)
{
    size_t len = strcspn(text, " \t\r\n\"");

    return text[len] == '\0' && len <= SYMBOL_MAX;
}

static int put_error(void *ctx, struct llmobs_json *to, const char *key,
                     struct llmobs_json *value)
{
    const char *type = llmobs_json_text(value);

    (void)ctx;
    if (strcmp(key, "type") != 0)
        type = "";
    return llmobs_json_sets(to, key, type && is_code(type) ? type : "error");
}

/* Numbers, switches, and names without a blank: a program may call metadata of
 * its own as the core's is called. */
static int put_measured(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (llmobs_json_is_array(value))
        value = llmobs_content_map(value, put_measured, ctx);
    else if (llmobs_json_is_object(value) || (text && !is_symbol(text)))
        return 0;
    else
        value = llmobs_json_share(value);
    return llmobs_content_put(to, key, value);
}

/* Numbers and switches, what was measured, and words of a closed list. */
static int put_metadata(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    static const char *const words[] = {"stop_reason", "finish_reason",
                                        "encoding_format", "service_tier",
                                        NULL};
    static const char *const measured[] = {"transfer", "truncated", "caller",
                                           NULL};
    bool keep = !llmobs_json_is_array(value);

    if (llmobs_json_is_object(value)) {
        if (!llmobs_content_is_in(key, measured))
            return 0;
        return llmobs_json_set(to, key,
                               llmobs_content_map(value, put_measured, ctx));
    }
    if (llmobs_json_is_string(value))
        keep = llmobs_content_is_in(key, words) &&
               is_code(llmobs_json_text(value));
    return keep ? llmobs_json_set(to, key, llmobs_json_share(value)) : 0;
}

static int put_meta(void *ctx, struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    static const char *const plain[] = {"span",           "model_name",
                                        "model_provider", "agent_attribution",
                                        "tool",           NULL};

    if (llmobs_content_is_in(key, plain))
        value = llmobs_json_share(value);
    else if (strcmp(key, "metadata") == 0)
        value = llmobs_content_members(value, put_metadata, ctx);
    else if (strcmp(key, "error") == 0)
        value = llmobs_content_members(value, put_error, ctx);
    else
        return 0;
    return llmobs_json_set(to, key, value);
}

/* One tag repeats the error's type. */
static int put_tag(void *ctx, struct llmobs_json *to, const char *key,
                   struct llmobs_json *value)
{
    static const char lead[] = "error_type:";
    const char *text = llmobs_json_text(value);

    (void)ctx;
    if (text && strncmp(text, lead, sizeof(lead) - 1) == 0 &&
        !is_code(text + sizeof(lead) - 1))
        value = llmobs_json_string("error_type:error");
    else
        value = llmobs_json_share(value);
    return llmobs_content_put(to, key, value);
}

/* Of an evaluation: a category is a word, or is kept from sight. */
static int put_judged(struct llmobs_json *to, const char *key,
                      struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (strcmp(key, "categorical_value") != 0)
        return 0;
    return llmobs_json_sets(to, key, text && is_code(text) ? text : "other");
}

static int put_bare(void *ctx, struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    if (strcmp(key, "meta") == 0)
        value = llmobs_content_members(value, put_meta, ctx);
    else if (strcmp(key, "tags") == 0)
        value = llmobs_content_map(value, put_tag, ctx);
    else if (strcmp(key, "json_value") == 0)
        value = llmobs_content_members(value, put_metadata, ctx);
    else if (llmobs_content_is_in(key, llmobs_content_judged))
        return put_judged(to, key, value);
    else
        value = llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

/* ------------------------------------------------------------------------ */

int llmobs_content_apply(const struct llmobs_privacy *privacy,
                         struct llmobs_json **event)
{
    struct llmobs_json *other;

    if (!llmobs_privacy_applies(privacy))
        return 0;
    other = privacy->content == LLMOBS_CONTENT_OFF
                ? llmobs_content_members(*event, put_bare, NULL)
                : llmobs_content_redact(privacy, *event);
    if (!other)
        return -ENOMEM;
    llmobs_json_free(*event);
    *event = other;
    return 0;
}

int llmobs_content_apply_text(const struct llmobs_privacy *privacy,
                              struct llmobs_text event, struct llmobs_buf *out)
{
    struct llmobs_json *json;
    int rc = llmobs_json_parse(event, &json);

    if (rc)
        return rc;
    rc = llmobs_json_is_object(json) ? llmobs_content_apply(privacy, &json)
                                     : -EINVAL;
    if (!rc)
        rc = llmobs_json_dump(json, LLMOBS_JSON_ASCII, out);
    llmobs_json_free(json);
    return rc;
}

char *llmobs_content_text(const struct llmobs_privacy *privacy,
                          const char *text)
{
    if (privacy->content == LLMOBS_CONTENT_OFF)
        return strdup("");
    if (!privacy->redact)
        return strdup(text);
    return llmobs_content_redact_text(privacy, text);
}
