/* Finds errors in responses and stream events. */
#include "rules/read/error.h"

#include <inttypes.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/text.h"

#define CODE_LEN 32
#define CODE_MAX 64
#define TYPE_MAX 256

/* Google's OpenAI-compatible path answers an array with one document (WIRE
 * 6.12). */
static const struct llmobs_json *unwrap(const struct llmobs_json *body)
{
    return llmobs_json_is_array(body) ? llmobs_json_at(body, 0) : body;
}

/* The places where the body of a 2xx answer tells an error. */
static const struct place {
    const char *in;   /* a member, or the objects of a list; NULL: the body */
    const char *key;  /* of that: a text, an object or true */
    const char *word; /* the only text; NULL: any */
    bool code;        /* it is a number, and no error is 0 */
} places[] = {
    {.key = "error"},
    {.in = "choices", .key = "error"},                       /* OpenRouter */
    {.in = "base_resp", .key = "status_code", .code = true}, /* MiniMax */
    {.key = "error_code", .code = true}, /* Baidu, FastChat */
    {.key = "object", .word = "error"},  /* vLLM */
};

#define PLACES (sizeof(places) / sizeof(places[0]))

/* True for the value of an error. With `shape` alone, also for a value that
 * could become one with another text or number. */
static bool is_error(const struct place *place, const struct llmobs_json *value,
                     bool shape)
{
    const char *text = llmobs_json_text(value);

    if (place->code)
        return llmobs_json_is_int(value) &&
               (shape || llmobs_json_to_int(value) != 0);
    if (text)
        return shape || (place->word ? strcmp(text, place->word) == 0 : *text);
    return !place->word &&
           (llmobs_json_is_true(value) ||
            (llmobs_json_is_object(value) && llmobs_json_len(value) > 0));
}

/* The object whose member at the place is an error; NULL: none. */
static const struct llmobs_json *holder_at(const struct place *place,
                                           const struct llmobs_json *body,
                                           bool shape)
{
    const struct llmobs_json *in =
        place->in ? llmobs_json_get(body, place->in) : body;

    if (is_error(place, llmobs_json_get(in, place->key), shape))
        return in;
    if (place->in)
        LLMOBS_JSON_EACH (one, in, true)
            if (is_error(place, llmobs_json_get(one, place->key), shape))
                return one;
    return NULL;
}

/* The first place that tells an error, and the object that has it; NULL: none.
 */
static const struct place *find(const struct llmobs_json *body,
                                const struct llmobs_json **holder)
{
    for (size_t i = 0; i < PLACES; i++)
        if ((*holder = holder_at(&places[i], body, false)))
            return &places[i];
    return NULL;
}

bool llmobs_error_in(const struct llmobs_json *body)
{
    const struct llmobs_json *holder;

    return find(unwrap(body), &holder) != NULL;
}

bool llmobs_error_in_event(struct llmobs_error_look *look,
                           const struct llmobs_json *body, bool alike)
{
    if (!alike) {
        look->tree = NULL;
    } else if (body != look->tree) {
        /* The last place counts for a body without choices alone: a chunk has
         * its `object`, which is not "error", in each event. */
        size_t count = llmobs_json_get(body, "choices") ? PLACES - 1 : PLACES;

        look->tree = body;
        look->may_be = llmobs_json_is_array(body);
        for (size_t i = 0; !look->may_be && i < count; i++)
            look->may_be = holder_at(&places[i], body, true) != NULL;
    }
    return (!look->tree || look->may_be) && llmobs_error_in(body);
}

bool llmobs_error_in_text(const struct llmobs_event *event)
{
    static const char words[] = "error\0exception\0fail\0timeout\0timed out\0"
                                "unavailable\0bad gateway\0too many\0";
    struct llmobs_text text = event->data;

    if (event->json)
        text = llmobs_text_of(llmobs_json_text(event->json));
    if (event->end > 0 && !llmobs_text_begins(text, "{") &&
        !llmobs_text_begins(text, "[{"))
        LLMOBS_WORDS_EACH (word, words)
            if (llmobs_text_has_nocase(text, word))
                return true;
    return false;
}

/* Gives a code of the provider that is a word: it says more than the type
 * beside it, which may be "invalid_request_error" for every mistake of the
 * client, or "tokens" for a rate limit. A number says less than the type. NULL:
 * no such code. Python programs write "None" for an empty code. */
static const char *code_text(const struct llmobs_json *from)
{
    const char *code = llmobs_json_gets(from, "code");

    return llmobs_has_text(code) && strcmp(code, "None") != 0 &&
                   strcspn(code, " \t\r\n") == strnlen(code, CODE_MAX + 1) &&
                   code[strspn(code, "0123456789")] != '\0'
               ? code
               : NULL;
}

/* The code, else the first text of type and its synonyms that is not empty. */
static const char *type_text(const struct llmobs_json *from)
{
    /* The last two: Databricks, and AWS behind a gateway, which may write
     * "NAMESPACE#TYPE". */
    static const char keys[] = "type\0code\0status\0error_type\0err_code\0"
                               "error_code\0__type\0";
    const char *code = code_text(from);

    LLMOBS_WORDS_EACH (key, keys) {
        const char *text = code ? code : llmobs_json_gets(from, key);
        const char *name = text ? strrchr(text, '#') : NULL;

        bool digits = text && text[strspn(text, "0123456789")] == '\0';

        if (llmobs_has_text(text) && strcmp(text, "None") != 0 &&
            !(digits && strcmp(key, "error_code") == 0))
            return name && name[1] != '\0' ? name + 1 : text;
    }
    return NULL;
}

static const char *message_text(const struct llmobs_json *body,
                                const struct llmobs_json *error)
{
    static const char within[] = "message\0detail\0reason\0msg\0error\0"
                                 "status_msg\0error_msg\0";
    static const char keys[] = "message\0detail\0Message\0err_msg\0"
                               "msg\0error_msg\0text\0";
    const char *text = llmobs_json_text(error);

    LLMOBS_WORDS_EACH (key, within)
        if (!llmobs_has_text(text))
            text = llmobs_json_gets(error, key);
    LLMOBS_WORDS_EACH (key, keys)
        if (!llmobs_has_text(text))
            text = llmobs_json_gets(body, key);
    return llmobs_has_text(text) ? text : NULL;
}

/* Gives the message and, behind it, the words of the provider behind a gateway,
 * those beside an error that is a text (Scaleway), or the quota that is used up
 * and the time until it is not (Google); NULL in *out: there are none. */
static int add_cause(const struct llmobs_json *body,
                     const struct llmobs_json *error, const char *message,
                     char **out)
{
    const struct llmobs_json *raw =
        llmobs_json_get(llmobs_json_get(error, "metadata"), "raw");
    const char *beside =
        llmobs_json_is_string(error) ? message_text(body, NULL) : NULL;
    const char *quota = NULL, *delay = NULL;
    char *text;
    int rc;

    *out = NULL;
    if (!message)
        return 0;
    if (llmobs_json_len(raw) > 0) {
        text = llmobs_json_dumps(raw, 0);
        rc = text ? llmobs_span_set_format(out, "%s: %s", message, text)
                  : -ENOMEM;
        free(text);
        return rc;
    }
    LLMOBS_JSON_EACH (one, llmobs_json_get(error, "details"), true) {
        LLMOBS_JSON_EACH (failed, llmobs_json_get(one, "violations"), !quota)
            quota = llmobs_json_gets(failed, "quotaId");
        if (!delay)
            delay = llmobs_json_gets(one, "retryDelay");
    }
    if (quota || delay)
        return llmobs_span_set_format(
            out, "%s (%s%s%s%s)", message, quota ? quota : "",
            quota && delay ? ", " : "", delay ? "retry in " : "",
            delay ? delay : "");
    if (llmobs_has_text(llmobs_json_text(raw)))
        beside = llmobs_json_text(raw);
    return llmobs_has_text(beside) && strcmp(beside, message) != 0
               ? llmobs_span_set_format(out, "%s: %s", message, beside)
               : 0;
}

bool llmobs_error_known(const struct llmobs_json *body)
{
    return llmobs_error_in(body) || message_text(body, NULL);
}

/* True for a code that is no success: neither 0, 2xx, nor such a word. */
static bool is_failing(const struct llmobs_json *code)
{
    static const char good[] = "0\0200\0ok\0success\0";
    const char *text = llmobs_json_text(code);
    int64_t number = llmobs_json_is_int(code) ? llmobs_json_to_int(code) : 0;

    LLMOBS_WORDS_EACH (word, good)
        if (text && strcasecmp(text, word) == 0)
            return false;
    return llmobs_has_text(text) ||
           (number != 0 && (number < 200 || number > 299));
}

bool llmobs_error_alone(const struct llmobs_json *body)
{
    const struct llmobs_json *errors = llmobs_json_get(body, "errors");
    const struct llmobs_json *detail = llmobs_json_get(body, "detail");
    void *it = llmobs_json_iter(body);

    /* Any other content may be the result, in a form that nobody reads. */
    for (; it; it = llmobs_json_next(body, it)) {
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        if (llmobs_json_is_container(value) && llmobs_json_len(value) > 0 &&
            value != errors && value != detail)
            return false;
    }
    return llmobs_json_is_false(llmobs_json_get(body, "success")) ||
           (llmobs_json_is_array(errors) && llmobs_json_len(errors) > 0) ||
           (is_failing(llmobs_json_get(body, "code")) &&
            message_text(body, detail));
}

static int fail_with(struct llmobs_span *span, const char *type,
                     const char *message, struct llmobs_text raw,
                     const struct llmobs_call *call)
{
    char status[CODE_LEN], *copy;
    const char *kind;
    int rc;

    if (message)
        return llmobs_span_fail(span, type, message);
    raw = llmobs_text_strip(llmobs_text_cut(raw, LLMOBS_ERROR_TEXT_CUT));
    kind = llmobs_header_find(call->response_headers,
                              call->response_header_count, "content-type");
    if (raw.len == 0 || call->encoded ||
        llmobs_text_begins(llmobs_text_unblank(raw), "<") ||
        llmobs_text_has_nocase(llmobs_text_of(kind), "text/html") ||
        !llmobs_text_readable(raw)) {
        snprintf(status, sizeof(status), "HTTP %ld", call->status);
        return llmobs_span_fail(span, type, status);
    }
    copy = strndup(raw.data, raw.len);
    rc = llmobs_span_fail(span, type, copy);
    free(copy);
    return rc;
}

int llmobs_error_read_as(struct llmobs_text type,
                         const struct llmobs_json *body, struct llmobs_text raw,
                         const struct llmobs_call *call,
                         struct llmobs_span *span)
{
    const struct place *place = NULL;
    const struct llmobs_json *from = NULL, *error;
    const char *text = NULL, *told;
    char other[TYPE_MAX], *whole;
    int rc;

    body = unwrap(body);
    if (call->status < 300)
        place = find(body, &from);
    error = place && place->code          ? from
            : place && !place->word       ? llmobs_json_get(from, "error")
            : llmobs_json_is_string(body) ? body
                                          : llmobs_json_get(body, "error");
    if (!error) /* as watsonx and Cloudflare have it */
        error = llmobs_json_at(llmobs_json_get(body, "errors"), 0);
    if (!error && /* as ElevenLabs has it */
        llmobs_json_is_object(llmobs_json_get(body, "detail")))
        error = llmobs_json_get(body, "detail");
    from = llmobs_json_is_object(error) ? error : body;
    if (!span->failed) /* the code of the first error counts */
        llmobs_span_fact(&span->facts, LLMOBS_FACT_ERROR_CODE, code_text(from));
    if (type.len == 0)
        text = type_text(from);
    if (!text && place && place->code)
        snprintf(other, sizeof(other), "%" PRId64,
                 llmobs_json_to_int(llmobs_json_get(from, place->key)));
    else if (!text) {
        /* Sets the type if the body does not have it as a text. A code that is
         * no HTTP status is the provider's own, or one of JSON-RPC. */
        const struct llmobs_json *code = llmobs_json_get(from, "code");
        long long number =
            llmobs_json_is_int(code) ? llmobs_json_to_int(code) : 0;

        number = number ? number : call->status;

        /* AWS has the type in a header, followed by the address of its
         * description. */
        if (type.len == 0) {
            type.data = llmobs_header_find(call->response_headers,
                                           call->response_header_count,
                                           "x-amzn-errortype");
            type.len = type.data ? strcspn(type.data, ":") : 0;
        }
        if (type.len > 0)
            snprintf(other, TYPE_MAX, "%.*s",
                     type.len < TYPE_MAX ? (int)type.len : TYPE_MAX - 1,
                     type.data);
        else
            snprintf(other, TYPE_MAX, "%s%lld",
                     number < 100 || number > 599 ? "" : "http_", number);
    }
    told = message_text(body, error);
    rc = add_cause(body, error, told, &whole);
    if (rc == 0)
        rc = fail_with(span, text ? text : other, whole ? whole : told, raw,
                       call);
    free(whole);
    return rc;
}

int llmobs_error_read(const struct llmobs_json *body, struct llmobs_text raw,
                      const struct llmobs_call *call, struct llmobs_span *span)
{
    return llmobs_error_read_as((struct llmobs_text){NULL, 0}, body, raw, call,
                                span);
}

int llmobs_error_of_status(const struct llmobs_json *body,
                           const struct llmobs_call *call,
                           struct llmobs_span *span)
{
    const struct llmobs_text none = {NULL, 0};

    if (call->status < 300 || call->status == LLMOBS_NOT_MODIFIED ||
        (!body && !call->transport_ok))
        return 0;
    if (call->status < 400)
        return llmobs_error_read(NULL, none, call, span);
    return llmobs_error_read(body, call->response, call, span);
}
