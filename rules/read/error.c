#include "rules/read/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool llmobs_error_in(const struct llmobs_json *body)
{
    const struct llmobs_json *error;

    body = unwrap(body);
    error = llmobs_json_get(body, "error");
    if (llmobs_json_is_object(error) ? llmobs_json_len(error) > 0
                                     : llmobs_has_text(llmobs_json_text(error)))
        return true;
    return llmobs_json_says(body, "object", "error");
}

bool llmobs_error_in_event(struct llmobs_error_look *look,
                           const struct llmobs_json *body, bool alike)
{
    if (!alike) {
        look->tree = NULL;
    } else if (body != look->tree) {
        look->tree = body;
        look->may_be = llmobs_json_is_array(body) ||
                       llmobs_json_get(body, "error") ||
                       llmobs_json_get(body, "object");
    }
    return (!look->tree || look->may_be) && llmobs_error_in(body);
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
    static const char *const keys[] = {"type", "code", "status", "error_type",
                                       "err_code"};
    const char *code = code_text(from);

    for (size_t i = 0; !code && i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = llmobs_json_gets(from, keys[i]);

        if (llmobs_has_text(text) && strcmp(text, "None") != 0)
            return text;
    }
    return code;
}

static const char *message_text(const struct llmobs_json *body,
                                const struct llmobs_json *error)
{
    static const char *const keys[] = {"message", "detail", "Message",
                                       "err_msg"};
    static const char *const within[] = {"message", "detail", "reason", "msg",
                                         "error"};
    const char *text = llmobs_json_text(error);

    for (size_t i = 0;
         !llmobs_has_text(text) && i < sizeof(within) / sizeof(within[0]); i++)
        text = llmobs_json_gets(error, within[i]);
    for (size_t i = 0;
         !llmobs_has_text(text) && i < sizeof(keys) / sizeof(keys[0]); i++)
        text = llmobs_json_gets(body, keys[i]);
    return llmobs_has_text(text) ? text : NULL;
}

static bool is_html(struct llmobs_text text, const struct llmobs_call *call)
{
    const char *type = llmobs_header_find(
        call->response_headers, call->response_header_count, "content-type");

    return llmobs_text_begins(llmobs_text_unblank(text), "<") ||
           llmobs_text_has_nocase(llmobs_text_of(type), "text/html");
}

/* Notes the code of the first error. */
static void set_code(const struct llmobs_json *from, struct llmobs_span *span)
{
    if (!span->failed)
        llmobs_span_fact(&span->facts, LLMOBS_FACT_ERROR_CODE, code_text(from));
}

static int fail_with(struct llmobs_span *span, const char *type,
                     const char *message, struct llmobs_text raw,
                     const struct llmobs_call *call)
{
    char status[CODE_LEN], *copy;
    int rc;

    if (message)
        return llmobs_span_fail(span, type, message);
    raw = llmobs_text_strip(llmobs_text_cut(raw, LLMOBS_ERROR_TEXT_CUT));
    if (raw.len == 0 || call->encoded || is_html(raw, call) ||
        !llmobs_text_readable(raw)) {
        snprintf(status, sizeof(status), "HTTP %ld", call->status);
        return llmobs_span_fail(span, type, status);
    }
    copy = strndup(raw.data, raw.len);
    rc = llmobs_span_fail(span, type, copy);
    free(copy);
    return rc;
}

/* AWS has the type in a header, followed by the address of its description. */
static struct llmobs_text header_type(const struct llmobs_call *call)
{
    const char *type =
        llmobs_header_find(call->response_headers, call->response_header_count,
                           "x-amzn-errortype");

    return (struct llmobs_text){type, type ? strcspn(type, ":") : 0};
}

/* Sets the type if the body does not have it as a text. A code below 0 is one
 * of JSON-RPC, and no HTTP status. */
static void other_type(const struct llmobs_json *from, struct llmobs_text told,
                       const struct llmobs_call *call, char *out)
{
    const struct llmobs_json *code = llmobs_json_get(from, "code");
    long long number =
        llmobs_json_is_int(code) ? llmobs_json_to_int(code) : call->status;

    if (told.len == 0)
        told = header_type(call);
    if (told.len > 0)
        snprintf(out, TYPE_MAX, "%.*s",
                 told.len < TYPE_MAX ? (int)told.len : TYPE_MAX - 1, told.data);
    else
        snprintf(out, TYPE_MAX, "%s%lld", number < 0 ? "" : "http_", number);
}

int llmobs_error_read_as(struct llmobs_text type,
                         const struct llmobs_json *body, struct llmobs_text raw,
                         const struct llmobs_call *call,
                         struct llmobs_span *span)
{
    const struct llmobs_json *error, *from;
    const char *text = NULL;
    char other[TYPE_MAX];

    body = unwrap(body);
    error = llmobs_json_get(body, "error");
    if (!error) /* as watsonx and Cloudflare have it */
        error = llmobs_json_at(llmobs_json_get(body, "errors"), 0);
    if (!error && /* as ElevenLabs has it */
        llmobs_json_is_object(llmobs_json_get(body, "detail")))
        error = llmobs_json_get(body, "detail");
    from = llmobs_json_is_object(error) ? error : body;
    set_code(from, span);
    if (type.len == 0)
        text = type_text(from);
    if (!text) {
        other_type(from, type, call, other);
        text = other;
    }
    return fail_with(span, text, message_text(body, error), raw, call);
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
