/* Removes or redacts the content of an event. */
#include "lib/span/content_filter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/scratch.h"
#include "lib/span/redact.h"

#define CODE_MAX 64
#define SYMBOL_MAX 512

/* The members of an evaluation that are content, besides "json_value". */
static const char judged[] =
    "reasoning\0categorical_value\0text_value\0metadata\0";
/* Ids of the program's own: of who gives feedback, and of its object. */
static const char named[] = "submitter\0feedback_join_key\0";

/* Puts a member of an object, or with a NULL key an element of an array, into a
 * copy. It may put another value, or leave the member out. */
typedef int put_fn(void *ctx, struct llmobs_json *to, const char *key,
                   struct llmobs_json *value);

/* Puts a value, which it takes. */
static int put_value(struct llmobs_json *to, const char *key,
                     struct llmobs_json *value)
{
    return key ? llmobs_json_set(to, key, value) : llmobs_json_add(to, value);
}

/* Gives a copy of an object or array, made by a call of `put` for each member;
 * NULL when memory runs out. */
static struct llmobs_json *copy_members(struct llmobs_json *json, put_fn *put,
                                        void *ctx)
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

/* Like map, but only for an object, so that `put` always has a key. Any other
 * value gives an empty object, as no valid event has another value there. */
static struct llmobs_json *map_members(struct llmobs_json *json, put_fn *put,
                                       void *ctx)
{
    return llmobs_json_is_object(json) ? copy_members(json, put, ctx)
                                       : llmobs_json_object();
}

/* -- an event without content -------------------------------------------- */

bool llmobs_content_is_code(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz"
                              "0123456789_.:#/-");

    return text[len] == '\0' && len <= CODE_MAX;
}

/* True for the name of a module or a function: it has no blank. */
static bool is_symbol(const char *text)
{
    size_t len = strcspn(text, " \t\r\n\"");

    return text[len] == '\0' && len <= SYMBOL_MAX;
}

static int put_bare_error(void *ctx, struct llmobs_json *to, const char *key,
                          struct llmobs_json *value)
{
    const char *type = llmobs_json_text(value);

    (void)ctx;
    if (strcmp(key, "type") != 0)
        type = "";
    return llmobs_json_sets(
        to, key, type && llmobs_content_is_code(type) ? type : "error");
}

/* Keeps numbers, switches, and names without a blank: a program may call
 * metadata of its own as the core's is called. */
static int put_measured(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (llmobs_json_is_array(value))
        value = copy_members(value, put_measured, ctx);
    else if (llmobs_json_is_object(value) || (text && !is_symbol(text)))
        return 0;
    else
        value = llmobs_json_share(value);
    return put_value(to, key, value);
}

/* Keeps the measurements of one model, below its name. */
static int put_of_model(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    if (!llmobs_json_is_object(value) || !is_symbol(key))
        return 0;
    return llmobs_json_set(to, key, copy_members(value, put_measured, ctx));
}

/* Keeps numbers and switches, the core's measurements, and words of a closed
 * list. */
int llmobs_content_bare_metadata(const char *key, struct llmobs_json *value,
                                 struct llmobs_json **out)
{
    static const char words[] =
        "stop_reason\0finish_reason\0encoding_format\0service_tier\0model\0";
    static const char measured[] = "transfer\0truncated\0caller\0";
    bool keep = !llmobs_json_is_array(value);
    struct llmobs_json *tags;

    *out = NULL;
    if (strcmp(key, "_dd") == 0) { /* an agent's manifest has instructions */
        tags = llmobs_json_get(value, "cost_tags");
        if (!llmobs_json_is_array(tags))
            return 0;
        *out = llmobs_json_object();
        return llmobs_json_set(*out, "cost_tags", llmobs_json_share(tags));
    }
    if (llmobs_json_is_object(value)) {
        bool models = strcmp(key, "usage_by_model") == 0;

        if (!models && !llmobs_words_have(measured, key))
            return 0;
        *out = copy_members(value, models ? put_of_model : put_measured, NULL);
        return *out ? 0 : -ENOMEM;
    }
    if (llmobs_json_is_string(value))
        keep = llmobs_words_have(words, key) &&
               llmobs_content_is_code(llmobs_json_text(value));
    if (keep)
        *out = llmobs_json_share(value);
    return 0;
}

static int put_bare_metadata(void *ctx, struct llmobs_json *to, const char *key,
                             struct llmobs_json *value)
{
    struct llmobs_json *kept;
    int rc = llmobs_content_bare_metadata(key, value, &kept);

    (void)ctx;
    return rc || !kept ? rc : llmobs_json_set(to, key, kept);
}

static int put_bare_meta(void *ctx, struct llmobs_json *to, const char *key,
                         struct llmobs_json *value)
{
    static const char plain[] =
        "span\0model_name\0model_provider\0agent_attribution\0tool\0";

    if (llmobs_words_have(plain, key))
        value = llmobs_json_share(value);
    else if (strcmp(key, "metadata") == 0)
        value = map_members(value, put_bare_metadata, ctx);
    else if (strcmp(key, "error") == 0)
        value = map_members(value, put_bare_error, ctx);
    else
        return 0;
    return llmobs_json_set(to, key, value);
}

/* Drops the tag that repeats the error's type. */
static int put_bare_tag(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    static const char lead[] = "error_type:";
    const char *text = llmobs_json_text(value);

    (void)ctx;
    if (text && strncmp(text, lead, sizeof(lead) - 1) == 0 &&
        !llmobs_content_is_code(text + sizeof(lead) - 1))
        value = llmobs_json_string("error_type:error");
    else
        value = llmobs_json_share(value);
    return put_value(to, key, value);
}

/* Facts of a call that stay as they are: the core's own, and names that meta
 * has too. The other texts come from a peer or a body. */
static bool is_plain_fact(const char *key)
{
    static const char plain[] =
        "parent\0host\0tracestate\0service\0resource\0apm_trace\0dd_service\0"
        "env\0version\0executable\0chunk_gaps_ns\0";

    return llmobs_words_have(plain, key);
}

/* Keeps numbers, switches, names of models, and words: ids and reasons. */
static int put_bare_fact(void *ctx, struct llmobs_json *to, const char *key,
                         struct llmobs_json *value)
{
    static const char models[] = "request_model\0response_model\0";

    if (key && (is_plain_fact(key) || llmobs_words_have(models, key)))
        return llmobs_json_set(to, key, llmobs_json_share(value));
    return put_measured(ctx, to, key, value);
}

static int put_bare(void *ctx, struct llmobs_json *to, const char *key,
                    struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (strcmp(key, "meta") == 0)
        value = map_members(value, put_bare_meta, ctx);
    else if (strcmp(key, "_call") == 0)
        value = map_members(value, put_bare_fact, ctx);
    else if (strcmp(key, "tags") == 0)
        value = copy_members(value, put_bare_tag, ctx);
    else if (strcmp(key, "json_value") == 0)
        value = map_members(value, put_bare_metadata, ctx);
    else if (strcmp(key, "categorical_value") == 0) /* a word, no sentence */
        return llmobs_json_sets(
            to, key, text && llmobs_content_is_code(text) ? text : "other");
    else if (llmobs_words_have(judged, key))
        return 0;
    else
        value = llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

/* The most bytes of a redacted text. */
#define TEXT_MAX ((size_t)1 << 31)

struct cleaning {
    struct llmobs_redaction redaction;
    int nest;     /* how many levels of JSON in texts are open */
    int depth;    /* how many containers, those in texts included */
    bool changed; /* a value was replaced */
};

static struct llmobs_json *cleaned(struct cleaning *c,
                                   struct llmobs_json *json);

/* -- texts --------------------------------------------------------------- */

/* True for a text of events, of lines of JSON, or of half a document with
 * escapes: a match may lie across its pieces or hide behind its escapes. */
static bool is_opaque(const char *text)
{
    bool json = *text == '{' || *text == '[';

    if (json && strstr(text, "\\u"))
        return true;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += line == text ? 0 : strspn(line, "\r\n \t");
        if (strncmp(line, "data:", 5) == 0 ||
            (json && line != text && *line == '{'))
            return true;
    }
    return false;
}

/* Gives the text of the cleaned value in *out; NULL: the value is clean.
 */
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

/* Cleans a text that is JSON. A text in which a match may hide is replaced; any
 * other text is left to clean_plain. */
static int clean_inner(struct cleaning *c, const char *text, char **out)
{
    const char *first = text + strspn(text, " \t\r\n");
    struct llmobs_json *inner = NULL;
    int rc = -EINVAL;

    *out = NULL;
    if (*first && strchr("{[\"", *first))
        rc = llmobs_json_parse(llmobs_text_of(text), &inner);
    if (rc == -ENOMEM || (rc && !is_opaque(first)))
        return rc == -ENOMEM ? rc : 0;
    if (!rc && c->nest < LLMOBS_CONTENT_FILTER_NEST) {
        rc = clean_json(c, inner, out);
    } else {
        *out = strdup(LLMOBS_REDACTED);
        rc = *out ? 0 : -ENOMEM;
    }
    llmobs_json_free(inner);
    return rc;
}

/* Gives the decoded text, which is never longer. */
static char *decode_form(struct llmobs_text text)
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

/* Replaces the whole text where only its decoded form has a match. */
static int clean_encoded(struct cleaning *c, const char *text,
                         struct llmobs_buf *buf, bool *matched)
{
    struct llmobs_text whole = llmobs_text_of(text);
    char *plain;
    int rc;
    const char *at;

    *matched = false;
    /* A text of a form or a URL has %xx, or '+' instead of blanks. */
    at = whole.data;
    while ((at = strchr(at, '%')) &&
           llmobs_text_escape(whole, (size_t)(at - whole.data)) < 0)
        at++;
    if (!at && (!strchr(whole.data, '+') || strpbrk(whole.data, " \t\r\n")))
        return 0;
    plain = decode_form(whole);
    if (!plain)
        return -ENOMEM;
    rc = llmobs_redaction_text(&c->redaction, llmobs_text_of(plain), buf,
                               matched);
    free(plain);
    if (rc || !*matched)
        return rc;
    llmobs_buf_cut(buf, 0);
    return llmobs_buf_adds(buf, LLMOBS_REDACTED);
}

/* Gives the text with each match replaced in *out; NULL: it has no match. */
static int clean_plain(struct cleaning *c, const char *text, char **out)
{
    struct llmobs_buf buf;
    bool matched = false, hidden = false;
    int rc;

    *out = NULL;
    llmobs_buf_init(&buf, TEXT_MAX);
    rc = llmobs_redaction_text(&c->redaction, llmobs_text_of(text), &buf,
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

/* Gives the cleaned text in *out, of JSON or not; NULL: the text is clean. */
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

/* The names of members that every event may have are not content, even where a
 * pattern matches them. */
static const char form[] =
    "messages\0documents\0value\0prompt\0role\0content\0tool_calls\0"
    "tool_results\0name\0arguments\0type\0tool_id\0text\0score\0id\0result\0"
    "audio_parts\0image_parts\0mime_type\0description\0schema\0version\0"
    "variables\0template\0ml_app\0chat_template\0tags\0message\0stack\0"
    "transfer\0truncated\0caller\0";

/* Answers a text or a number, which is written as `text`. */
static struct llmobs_json *clean_scalar(struct cleaning *c,
                                        struct llmobs_json *json,
                                        const char *text)
{
    struct llmobs_json *clean = NULL;
    char *other = NULL;

    if (text && clean_text(c, text, &other) == 0)
        clean = other ? llmobs_json_string(other) : llmobs_json_share(json);
    free(other);
    return clean;
}

/* Gives the cleaned value of a member; the member's name alone may make the
 * value a secret. */
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
    int rc =
        key && !llmobs_words_have(form, key) ? clean_text(ctx, key, &other) : 0;

    if (!rc)
        rc = put_value(to, other ? other : key, clean_member(ctx, key, value));
    free(other);
    return rc;
}

/* Gives the cleaned copy of a value; NULL when memory runs out. */
static struct llmobs_json *cleaned(struct cleaning *c, struct llmobs_json *json)
{
    struct llmobs_json *clean;
    char *digits;

    if (llmobs_json_is_string(json))
        return clean_scalar(c, json, llmobs_json_text(json));
    if (llmobs_json_is_container(json)) {
        /* Replaces a value that is too deep: each level takes the stack of a
         * few calls, and a thread may have little stack. */
        if (c->depth == LLMOBS_CONTENT_FILTER_DEPTH) {
            c->changed = true;
            return llmobs_json_string(LLMOBS_REDACTED);
        }
        c->depth++;
        clean = copy_members(json, put_clean, c);
        c->depth--;
        return clean;
    }
    if (!llmobs_json_is_number(json))
        return llmobs_json_share(json);
    digits = llmobs_json_dumps(json, 0);
    clean = clean_scalar(c, json, digits);
    free(digits);
    return clean;
}

/* -- a redacted event ---------------------------------------------------- */

/* The name of the parent agent may be content; its id is not. */
static int put_redacted_agent(void *ctx, struct llmobs_json *to,
                              const char *key, struct llmobs_json *value)
{
    if (strcmp(key, "pagent_name") != 0)
        return llmobs_json_set(to, key, llmobs_json_share(value));
    return llmobs_json_set(to, key, cleaned(ctx, value));
}

static int put_redacted_meta(void *ctx, struct llmobs_json *to, const char *key,
                             struct llmobs_json *value)
{
    static const char plain[] = "span\0model_name\0model_provider\0";

    if (llmobs_words_have(plain, key))
        value = llmobs_json_share(value);
    else if (strcmp(key, "metadata") == 0 && !llmobs_json_is_object(value))
        value = llmobs_json_object();
    else if (strcmp(key, "agent_attribution") == 0)
        value = map_members(value, put_redacted_agent, ctx);
    else
        value = cleaned(ctx, value);
    return llmobs_json_set(to, key, value);
}

/* True for a tag "key:value" whose key comes from the configuration or the
 * core. */
static bool is_fixed_tag(const char *tag)
{
    static const char keys[] =
        "version\0env\0service\0source\0ml_app\0language\0error\0ml-proxy\0"
        "session_id\0agent_service\0http.status_code\0ddtrace.version\0"
        "integration\0";
    size_t len = strcspn(tag, ":");
    char key[32];

    if (len >= sizeof(key))
        return false;
    memcpy(key, tag, len);
    key[len] = '\0';
    return llmobs_words_have(keys, key);
}

static int put_redacted_tag(void *ctx, struct llmobs_json *to, const char *key,
                            struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (text && is_fixed_tag(text))
        return put_value(to, key, llmobs_json_share(value));
    return put_clean(ctx, to, key, value);
}

/* Cleans the tag that joins an evaluation to a span as the span's own tag is
 * cleaned: the two must stay equal. */
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
    if (!rc && !is_fixed_tag(tag))
        rc = clean_text(c, tag, &other);
    if (!rc && other) {
        size_t len = strlen(key) + 1;
        bool same = strncmp(other, tag, len) == 0;

        key = same ? key : LLMOBS_REDACTED;
        value = same ? other + len : other;
    }
    if (!rc)
        rc = llmobs_json_set_texts(clean, "key", key, "value", value, NULL);
    free(tag);
    free(other);
    if (!rc)
        return clean;
    llmobs_json_free(clean);
    return NULL;
}

static int put_redacted_join(void *ctx, struct llmobs_json *to, const char *key,
                             struct llmobs_json *value)
{
    value = strcmp(key, "tag") == 0 ? clean_tag(ctx, value)
                                    : llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

/* Numbers and switches stay: they are the core's, or counts. */
static int put_redacted_fact(void *ctx, struct llmobs_json *to, const char *key,
                             struct llmobs_json *value)
{
    bool text = llmobs_json_is_string(value) || llmobs_json_is_array(value);

    value = text && !is_plain_fact(key) ? cleaned(ctx, value)
                                        : llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

static int put_redacted(void *ctx, struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    if (strcmp(key, "meta") == 0)
        value = map_members(value, put_redacted_meta, ctx);
    else if (strcmp(key, "_call") == 0)
        value = map_members(value, put_redacted_fact, ctx);
    else if (strcmp(key, "tags") == 0)
        value = copy_members(value, put_redacted_tag, ctx);
    else if (strcmp(key, "join_on") == 0)
        value = map_members(value, put_redacted_join, ctx);
    else if (strcmp(key, "name") == 0 || strcmp(key, "label") == 0 ||
             strcmp(key, "json_value") == 0 || llmobs_words_have(judged, key) ||
             llmobs_words_have(named, key))
        value = cleaned(ctx, value);
    else
        value = llmobs_json_share(value);
    return llmobs_json_set(to, key, value);
}

static struct cleaning *begin_cleaning(const struct llmobs_privacy *privacy)
{
    struct cleaning *c = llmobs_scratch_alloc(sizeof(*c));

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
    llmobs_scratch_free(c);
}

/* -- the public functions ------------------------------------------------ */

static atomic_bool held;

void llmobs_privacy_hold(bool holds)
{
    atomic_store(&held, holds);
}

bool llmobs_privacy_withholds(const struct llmobs_privacy *privacy)
{
    return llmobs_privacy_applies(privacy) || atomic_load(&held);
}

int llmobs_content_filter_event(const struct llmobs_privacy *privacy,
                                struct llmobs_json **event)
{
    struct llmobs_json *other = NULL;
    struct cleaning *c;

    if (!llmobs_privacy_applies(privacy))
        return 0;
    if (privacy->content == LLMOBS_CONTENT_OFF) {
        other = map_members(*event, put_bare, NULL);
    } else if ((c = begin_cleaning(privacy))) {
        other = map_members(*event, put_redacted, c);
        end_cleaning(c);
    }
    if (!other)
        return -ENOMEM;
    llmobs_json_free(*event);
    *event = other;
    return 0;
}

int llmobs_content_filter_json(const struct llmobs_privacy *privacy,
                               struct llmobs_text event, struct llmobs_buf *out)
{
    struct llmobs_json *json;
    int rc = llmobs_json_parse(event, &json);

    if (rc)
        return rc;
    rc = llmobs_json_is_object(json)
             ? llmobs_content_filter_event(privacy, &json)
             : -EINVAL;
    if (!rc)
        rc = llmobs_json_dump(json, LLMOBS_JSON_ASCII, out);
    llmobs_json_free(json);
    return rc;
}

char *llmobs_content_filter_text(const struct llmobs_privacy *privacy,
                                 const char *text)
{
    struct cleaning *c;
    char *out;
    int rc;

    if (privacy->content == LLMOBS_CONTENT_OFF)
        return strdup("");
    if (!privacy->redact)
        return strdup(text);
    c = begin_cleaning(privacy);
    if (!c)
        return NULL;
    rc = clean_text(c, text, &out);
    end_cleaning(c);
    if (rc)
        return NULL;
    return out ? out : strdup(text);
}
