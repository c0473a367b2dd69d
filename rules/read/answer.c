/* Recognizes a response's format. */
#include "rules/read/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/read/match.h"
#include "rules/read/media.h"
#include "rules/read/message.h"
#include "rules/read/text.h"

#define WORD_MAX 512
#define MIME_MAX 128

static const char *content_type(const struct llmobs_call *call)
{
    return llmobs_header_find(call->response_headers,
                              call->response_header_count, "content-type");
}

/* True when the text begins as a line of an event stream does, or is too short
 * to tell. */
static bool begins_stream(struct llmobs_text text)
{
    static const char *const fields[] = {"data:", "event:", ":",
                                         "id:",   "retry:", "error:"};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t n = strlen(fields[i]);

        if (memcmp(text.data, fields[i], text.len < n ? text.len : n) == 0)
            return true;
    }
    return false;
}

static bool is_typed(const struct llmobs_call *call)
{
    return llmobs_text_has_nocase(llmobs_text_of(content_type(call)),
                                  "text/event-stream");
}

static bool is_sse(const struct llmobs_call *call, struct llmobs_text text,
                   bool asked)
{
    const char *type = content_type(call);
    bool typed = is_typed(call);

    if (text.len == 0)
        return typed;
    if (text.data[0] == '{' || text.data[0] == '[')
        return false;
    if (typed)
        return true;
    return (asked || !type || !*type) && begins_stream(text);
}

/* False for an error: it comes as one document, even if a stream was asked
 * for. */
static bool is_framed(const struct llmobs_call *call, struct llmobs_text text,
                      enum llmobs_framing framing)
{
    char first = text.len > 0 ? text.data[0] : '\0';

    if (call->status >= 300)
        return false;
    /* AWS's message begins with its length, whose first byte is always 0. */
    if (framing == LLMOBS_FRAMING_AWS)
        return text.len > 0 && first == '\0';
    return (framing == LLMOBS_FRAMING_LINES && first == '{') ||
           (framing == LLMOBS_FRAMING_ARRAY && first == '[');
}

static bool is_stream(const struct llmobs_call *call, struct llmobs_text text,
                      bool asked, enum llmobs_framing framing,
                      struct llmobs_answer *answer)
{
    answer->framing = LLMOBS_FRAMING_SSE;
    if (is_sse(call, text, asked))
        return true;
    answer->framing = LLMOBS_FRAMING_AWS;
    if (call->status < 300 && (text.len == 0 || text.data[0] != '{') &&
        llmobs_text_has_nocase(llmobs_text_of(content_type(call)),
                               "application/vnd.amazon.eventstream"))
        return true;
    answer->framing = framing;
    return (asked || /* two documents are a stream, also where nobody asked */
            (framing == LLMOBS_FRAMING_LINES &&
             llmobs_text_has_any(text, "}\n{\0}\r\n{\0"))) &&
           is_framed(call, text, framing);
}

int llmobs_answer_read(const struct llmobs_call *call, bool stream,
                       enum llmobs_framing framing,
                       struct llmobs_answer *answer)
{
    struct llmobs_text text = {NULL, 0};
    bool document;

    answer->json = NULL;
    answer->form = LLMOBS_ANSWER_OTHER;
    if (call->encoded)
        return 0;
    if (call->response.data)
        text = llmobs_text_unblank(call->response);
    document = text.len > 0 && (text.data[0] == '{' || text.data[0] == '[');
    if (is_stream(call, text, stream, framing, answer))
        answer->form = LLMOBS_ANSWER_STREAM;
    else if (text.len == 0)
        answer->form = LLMOBS_ANSWER_EMPTY;
    else if (document && call->response_truncated)
        answer->form = LLMOBS_ANSWER_CUT;
    else if (document) {
        /* Reads a document. That of an error may stand before a stream's
         * events. */
        int rc = llmobs_json_parse_masked(text, call->lends, &answer->json);

        if (rc == 0)
            answer->form = LLMOBS_ANSWER_JSON;
        else if (rc == -E2BIG)
            answer->form = LLMOBS_ANSWER_BEYOND;
        else if (rc == -EINVAL && is_typed(call) &&
                 llmobs_text_has_any(text, "\ndata:\0")) {
            answer->form = LLMOBS_ANSWER_STREAM;
            answer->framing = LLMOBS_FRAMING_SSE;
        }
        return rc == -ENOMEM ? rc : 0;
    }
    return 0;
}

void llmobs_answer_fini(struct llmobs_answer *answer)
{
    llmobs_json_free(answer->json);
    answer->json = NULL;
}

/* A word for a body that is not text: its media type, without parameters. */
static char *binary_word(const char *type)
{
    char *bare = type && *type ? strndup(type, strcspn(type, "; ")) : NULL;
    char *out = llmobs_text_word("binary data", bare);

    free(bare);
    return out;
}

/* A word for a sound or a picture, with its size; NULL in *out: neither. */
static int media_word(const struct llmobs_call *call, char **out)
{
    static const char *const kinds[] = {"audio", "image", "video"};
    const char *type = content_type(call);
    uint64_t size =
        call->response_size ? call->response_size : call->response.len;
    char mime[MIME_MAX];
    struct llmobs_buf word;
    int rc = 0;

    *out = NULL;
    snprintf(mime, sizeof(mime), "%.*s", type ? (int)strcspn(type, "; ") : 0,
             type ? type : "");
    llmobs_buf_init(&word, WORD_MAX);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncasecmp(mime, kinds[i], strlen(kinds[i])) == 0 &&
            mime[strlen(kinds[i])] == '/')
            rc = llmobs_media_mark(&word, kinds[i], mime, size);
    if (rc == 0 && word.len > 0) {
        *out = strndup(word.data, word.len);
        rc = *out ? 0 : -ENOMEM;
    }
    llmobs_buf_fini(&word);
    return rc;
}

static bool says(struct llmobs_text text, const char *name, const char *value)
{
    const char *at = text.len > 0 ? text.data : "";
    const char *end = at + text.len;
    size_t len = strlen(name);

    while ((at = memmem(at, (size_t)(end - at), name, len)) != NULL) {
        bool named = at > text.data && at[-1] == '"';

        at += len;
        while (named && at < end && strchr("\": \t\r\n", *at))
            at++;
        if (named && (size_t)(end - at) >= strlen(value) && at[-1] == '"' &&
            strncmp(at, value, strlen(value)) == 0)
            return true;
    }
    return false;
}

bool llmobs_answer_says(const struct llmobs_call *call, const char *name,
                        const char *value)
{
    return says(call->response, name, value) ||
           says(call->response_tail, name, value);
}

bool llmobs_answer_may_have(const struct llmobs_call *call, const char *words)
{
    return call->status >= 300 || !llmobs_match_object(call->response) ||
           llmobs_text_has_any(call->response, words) ||
           llmobs_text_has_any(call->response_tail, words);
}

char *llmobs_answer_text(const struct llmobs_call *call)
{
    struct llmobs_text text = call->response;
    char *word;

    if (call->encoded)
        return llmobs_text_word("encoded", call->encoded);
    if (!text.data)
        return strdup("");
    if (media_word(call, &word) < 0 || word)
        return word;
    if (!llmobs_text_readable(text))
        return binary_word(content_type(call));
    text = llmobs_text_cut(text, LLMOBS_ANSWER_TEXT_CUT);
    return strndup(text.data, text.len);
}

struct llmobs_json *llmobs_answer_message(const struct llmobs_call *call)
{
    return llmobs_message_take(llmobs_answer_text(call));
}
