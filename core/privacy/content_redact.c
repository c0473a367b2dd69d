/* content_redact - an event without what the patterns match: the half of
 * content.h that LLMOBS_REDACT asks for. */
#include "core/privacy/content_inner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/scratch.h"
#include "core/privacy/redact.h"

/* Of a redacted text. */
#define TEXT_MAX ((size_t)1 << 31)

struct cleaning {
    struct llmobs_redaction redaction;
    int nest;     /* JSON in texts: so deep are we */
    int depth;    /* in how many containers, those in texts included */
    bool changed; /* something was replaced */
};

static struct llmobs_json *cleaned(struct cleaning *c,
                                   struct llmobs_json *json);

/* -- texts --------------------------------------------------------------- */

static const char *next_line(const char *text)
{
    text = strchr(text, '\n');
    return text ? text + strspn(text, "\r\n \t") : NULL;
}

/* Events or lines of JSON, or half a document: in its pieces, and behind its
 * escapes, a match may hide. */
static bool is_opaque(const char *text)
{
    bool json = *text == '{' || *text == '[';

    if (json && strstr(text, "\\u"))
        return true;
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "data:", 5) == 0 ||
            (json && line != text && *line == '{'))
            return true;
    return false;
}

/* Gives the text of a cleaned value, NULL where nothing in it was replaced. */
static int clean_json(struct cleaning *c, struct llmobs_json *json, char **out)
{
    bool before = c->changed;
    struct llmobs_json *clean;
    int rc = 0;

    c->changed = false;
    c->nest++;
    clean = cleaned(c, json);
    c->nest--;
    if (!clean)
        rc = -ENOMEM;
    else if (c->changed &&
             !(*out = llmobs_json_dumps(clean, LLMOBS_JSON_KEEP_ORDER)))
        rc = -ENOMEM;
    c->changed = before;
    llmobs_json_free(clean);
    return rc;
}

/* The same of a text that is JSON; of one that may hide some, a word in its
 * place. */
static int clean_inner(struct cleaning *c, const char *text, char **out)
{
    const char *first = text + strspn(text, " \t\r\n");
    struct llmobs_json *inner = NULL;
    int rc = -EINVAL;

    *out = NULL;
    if (*first && strchr("{[\"", *first))
        rc =
            llmobs_json_parse((struct llmobs_text){text, strlen(text)}, &inner);
    if (rc == -ENOMEM || (rc && !is_opaque(first)))
        return rc == -ENOMEM ? rc : 0;
    if (!rc && c->nest < LLMOBS_CONTENT_NEST) {
        rc = clean_json(c, inner, out);
    } else {
        *out = strdup(LLMOBS_REDACTED);
        rc = *out ? 0 : -ENOMEM;
    }
    llmobs_json_free(inner);
    return rc;
}

/* Of a form or a URL: it has %xx, or '+' in the place of blanks. */
static bool is_encoded(struct llmobs_text text)
{
    const char *at = text.data;

    while ((at = strchr(at, '%')) &&
           llmobs_text_escape(text, (size_t)(at - text.data)) < 0)
        at++;
    return at || (strchr(text.data, '+') && !strpbrk(text.data, " \t\r\n"));
}

/* Gives the text in plain; no longer than it was. */
static char *decode(struct llmobs_text text)
{
    char *plain = malloc(text.len + 1);
    size_t n = 0;

    for (size_t i = 0; plain && i < text.len; i++) {
        int c = llmobs_text_escape(text, i);

        if (c < 0)
            c = text.data[i] == '+' ? ' ' : text.data[i];
        else
            i += 2;
        plain[n++] = (char)(c ? c : ' ');
    }
    if (plain)
        plain[n] = '\0';
    return plain;
}

/* A text in which only the decoded form has a match is replaced as a whole. */
static int clean_encoded(struct cleaning *c, const char *text,
                         struct llmobs_buf *buf, bool *matched)
{
    struct llmobs_text whole = {text, strlen(text)};
    char *plain;
    int rc;

    *matched = false;
    if (!is_encoded(whole))
        return 0;
    plain = decode(whole);
    if (!plain)
        return -ENOMEM;
    rc = llmobs_redaction_text(&c->redaction,
                               (struct llmobs_text){plain, strlen(plain)}, buf,
                               matched);
    free(plain);
    if (rc || !*matched)
        return rc;
    llmobs_buf_cut(buf, 0);
    return llmobs_buf_adds(buf, LLMOBS_REDACTED);
}

/* The text with what the patterns match replaced, NULL: it has nothing. */
static int clean_plain(struct cleaning *c, const char *text, char **out)
{
    struct llmobs_buf buf;
    bool matched = false, hidden = false;
    int rc;

    *out = NULL;
    llmobs_buf_init(&buf, TEXT_MAX);
    rc = llmobs_redaction_text(&c->redaction,
                               (struct llmobs_text){text, strlen(text)}, &buf,
                               &matched);
    if (!rc && matched)
        *out = llmobs_buf_take(&buf, NULL);
    if (!rc)
        rc = clean_encoded(c, *out ? *out : text, &buf, &hidden);
    if (!rc && hidden) {
        free(*out);
        *out = llmobs_buf_take(&buf, NULL);
    }
    llmobs_buf_fini(&buf);
    return rc;
}

/* The text without what the patterns match, in *out; NULL: it is clean. */
static int clean_text(struct cleaning *c, const char *text, char **out)
{
    char *inner, *plain;
    int rc = clean_inner(c, text, &inner);

    *out = NULL;
    if (rc)
        return rc;
    rc = clean_plain(c, inner ? inner : text, &plain);
    if (!rc)
        *out = plain ? plain : inner;
    if (*out != inner)
        free(inner);
    if (*out != plain)
        free(plain);
    c->changed |= *out != NULL;
    return rc;
}

/* -- values -------------------------------------------------------------- */

/* Names that the form of an event gives are no content, whatever a pattern
 * says. */
static const char *const form[] = {
    "messages",    "documents",     "value",      "prompt",
    "role",        "content",       "tool_calls", "tool_results",
    "name",        "arguments",     "type",       "tool_id",
    "text",        "score",         "id",         "result",
    "audio_parts", "image_parts",   "mime_type",  "description",
    "schema",      "version",       "variables",  "template",
    "ml_app",      "chat_template", "tags",       "message",
    "stack",       "transfer",      "truncated",  "caller",
    NULL};

static struct llmobs_json *clean_string(struct cleaning *c,
                                        struct llmobs_json *json)
{
    struct llmobs_json *clean;
    char *text;

    if (clean_text(c, llmobs_json_text(json), &text) != 0)
        return NULL;
    clean = text ? llmobs_json_string(text) : llmobs_json_share(json);
    free(text);
    return clean;
}

/* A number may be a card's. */
static struct llmobs_json *clean_number(struct cleaning *c,
                                        struct llmobs_json *json)
{
    char *digits = llmobs_json_dumps(json, 0), *text = NULL;
    struct llmobs_json *clean = NULL;

    if (digits && clean_text(c, digits, &text) == 0)
        clean = text ? llmobs_json_string(text) : llmobs_json_share(json);
    free(digits);
    free(text);
    return clean;
}

/* Gives the value of a member, which the member's name alone may make a secret.
 */
static struct llmobs_json *clean_member(struct cleaning *c, const char *key,
                                        struct llmobs_json *value)
{
    const char *why = NULL;
    char text[64];

    if (key && (llmobs_json_is_string(value) || llmobs_json_is_number(value)))
        why = llmobs_redaction_member(&c->redaction, key);
    if (!why)
        return cleaned(c, value);
    snprintf(text, sizeof(text), "[redacted:%s]", why);
    c->changed = true;
    return llmobs_json_string(text);
}

static int put_clean(void *ctx, struct llmobs_json *to, const char *key,
                     struct llmobs_json *value)
{
    char *other = NULL;
    int rc = key && !llmobs_content_is_in(key, form)
                 ? clean_text(ctx, key, &other)
                 : 0;

    if (!rc)
        rc = llmobs_content_put(to, other ? other : key,
                                clean_member(ctx, key, value));
    free(other);
    return rc;
}

/* A level takes the stack of a few calls, and a thread may have little of it:
 * what is deeper is replaced. */
static struct llmobs_json *clean_container(struct cleaning *c,
                                           struct llmobs_json *json)
{
    struct llmobs_json *clean;

    if (c->depth == LLMOBS_CONTENT_DEPTH) {
        c->changed = true;
        return llmobs_json_string(LLMOBS_REDACTED);
    }
    c->depth++;
    clean = llmobs_content_map(json, put_clean, c);
    c->depth--;
    return clean;
}

/* Gives the value without what the patterns match; NULL without memory. */
static struct llmobs_json *cleaned(struct cleaning *c, struct llmobs_json *json)
{
    if (llmobs_json_is_string(json))
        return clean_string(c, json);
    if (llmobs_json_is_number(json))
        return clean_number(c, json);
    if (llmobs_json_is_array(json) || llmobs_json_is_object(json))
        return clean_container(c, json);
    return llmobs_json_share(json);
}

/* -- an event ------------------------------------------------------------ */

/* Of the agent above: its name may be content, its id is none. */
static int put_agent(void *ctx, struct llmobs_json *to, const char *key,
                     struct llmobs_json *value)
{
    if (strcmp(key, "pagent_name") != 0)
        return llmobs_json_set(to, key, llmobs_json_share(value));
    return llmobs_json_set(to, key, cleaned(ctx, value));
}

static int put_meta(void *ctx, struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    static const char *const plain[] = {"span", "model_name", "model_provider",
                                        NULL};

    if (llmobs_content_is_in(key, plain))
        value = llmobs_json_share(value);
    else if (strcmp(key, "metadata") == 0 && !llmobs_json_is_object(value))
        value = llmobs_json_object();
    else if (strcmp(key, "agent_attribution") == 0)
        value = llmobs_content_members(value, put_agent, ctx);
    else
        value = cleaned(ctx, value);
    return llmobs_json_set(to, key, value);
}

/* True for "key:value" of a key that the configuration or the core gives. */
static bool is_ours(const char *tag)
{
    static const char *const keys[] = {"version",
                                       "env",
                                       "service",
                                       "source",
                                       "ml_app",
                                       "language",
                                       "error",
                                       "ml-proxy",
                                       "session_id",
                                       "agent_service",
                                       "http.status_code",
                                       "ddtrace.version",
                                       "integration",
                                       NULL};
    size_t len = strcspn(tag, ":");
    char key[32];

    if (len >= sizeof(key))
        return false;
    memcpy(key, tag, len);
    key[len] = '\0';
    return llmobs_content_is_in(key, keys);
}

static int put_tag(void *ctx, struct llmobs_json *to, const char *key,
                   struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (text && is_ours(text))
        return llmobs_content_put(to, key, llmobs_json_share(value));
    return put_clean(ctx, to, key, value);
}

/* The tag that an evaluation looks for, as the span that has it was told. */
static struct llmobs_json *clean_tag(struct cleaning *c,
                                     struct llmobs_json *pair)
{
    const char *key = llmobs_json_gets(pair, "key");
    const char *value = llmobs_json_gets(pair, "value");
    struct llmobs_json *clean;
    char *tag = NULL, *other = NULL;
    int rc = 0;

    if (!key || !value)
        return cleaned(c, pair);
    clean = llmobs_json_object();
    if (asprintf(&tag, "%s:%s", key, value) < 0) {
        tag = NULL;
        rc = -ENOMEM;
    }
    if (!rc && !is_ours(tag))
        rc = clean_text(c, tag, &other);
    if (!rc && other) {
        size_t len = strlen(key) + 1;
        bool same = strncmp(other, tag, len) == 0;

        key = same ? key : LLMOBS_REDACTED;
        value = same ? other + len : other;
    }
    if (!rc)
        rc = llmobs_json_sets(clean, "key", key);
    if (!rc)
        rc = llmobs_json_sets(clean, "value", value);
    free(tag);
    free(other);
    if (!rc)
        return clean;
    llmobs_json_free(clean);
    return NULL;
}

static int put_join(void *ctx, struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    value = strcmp(key, "tag") == 0 ? clean_tag(ctx, value)
                                    : llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

static int put_redacted(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    if (strcmp(key, "meta") == 0)
        value = llmobs_content_members(value, put_meta, ctx);
    else if (strcmp(key, "tags") == 0)
        value = llmobs_content_map(value, put_tag, ctx);
    else if (strcmp(key, "join_on") == 0)
        value = llmobs_content_members(value, put_join, ctx);
    else if (strcmp(key, "name") == 0 || strcmp(key, "label") == 0 ||
             strcmp(key, "json_value") == 0 ||
             llmobs_content_is_in(key, llmobs_content_judged))
        value = cleaned(ctx, value);
    else
        value = llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

static struct cleaning *begin_cleaning(const struct llmobs_privacy *privacy)
{
    struct cleaning *c = llmobs_scratch_take(sizeof(*c));

    if (!c)
        return NULL;
    memset(c, 0, sizeof(*c));
    llmobs_redaction_begin(&c->redaction, privacy->redact);
    return c;
}

static void end_cleaning(struct cleaning *c)
{
    llmobs_redaction_end(&c->redaction);
    if (c->redaction.too_long)
        llmobs_log_once(LLMOBS_LOG_WARN, "redact",
                        "LLMOBS_REDACT: a pattern takes too long for a text: "
                        "all of the text is replaced");
    llmobs_scratch_give(c);
}

struct llmobs_json *llmobs_content_redact(const struct llmobs_privacy *privacy,
                                          struct llmobs_json *event)
{
    struct cleaning *c = begin_cleaning(privacy);
    struct llmobs_json *clean;

    if (!c)
        return NULL;
    clean = llmobs_content_members(event, put_redacted, c);
    end_cleaning(c);
    return clean;
}

char *llmobs_content_redact_text(const struct llmobs_privacy *privacy,
                                 const char *text)
{
    struct cleaning *c = begin_cleaning(privacy);
    char *out;
    int rc;

    if (!c)
        return NULL;
    rc = clean_text(c, text, &out);
    end_cleaning(c);
    if (rc)
        return NULL;
    return out ? out : strdup(text);
}
