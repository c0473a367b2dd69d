#include "rules/read/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/match.h"
#include "rules/read/message.h"
#include "rules/read/text.h"

static int read_ends(struct llmobs_text head, struct llmobs_text tail,
                     const char *const *keys, struct llmobs_json **out)
{
    static const char *const model_key[] = {"model", NULL};
    struct llmobs_json *model;
    int rc = -ENOMEM;

    if (!llmobs_match_object(head))
        return 0;
    *out = llmobs_cut_json_object(head, tail, keys);
    model = llmobs_cut_json_object(head, tail, model_key);
    if (*out && model)
        rc = llmobs_json_sets(*out, "model", llmobs_json_gets(model, "model"));
    llmobs_json_free(model);
    return rc;
}

int llmobs_request_read(const struct llmobs_call *call, const char *const *keys,
                        struct llmobs_json **out)
{
    int rc;

    *out = NULL;
    if (call->multipart || !call->request.data)
        return 0;
    if (call->request_truncated)
        return read_ends(call->request, call->request_tail, keys, out);
    if (!llmobs_match_object(call->request))
        return 0;
    rc = llmobs_json_parse(call->request, out);
    if (rc == -E2BIG) {
        rc = read_ends(call->request, call->request, keys, out);
        return rc < 0 ? rc : 1;
    }
    if (rc == 0 && !llmobs_json_is_object(*out)) {
        llmobs_json_free(*out);
        *out = NULL;
    }
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_request_metadata(const struct llmobs_json *request,
                            const char *const *keys, struct llmobs_span *span)
{
    int rc = 0;

    for (; rc == 0 && *keys; keys++) {
        struct llmobs_json *value = llmobs_json_get(request, *keys);

        if (value)
            rc = llmobs_json_set(span->metadata, *keys,
                                 llmobs_json_share(value));
    }
    return rc;
}

char *llmobs_request_text(const struct llmobs_call *call)
{
    if (call->multipart)
        return strdup("[multipart]");
    if (call->request_encoded)
        return llmobs_text_word("encoded", call->request_encoded);
    if (!call->request.data)
        return strdup("");
    if (!llmobs_text_readable(call->request))
        return strdup("[binary]");
    return strndup(call->request.data, call->request.len);
}

struct llmobs_json *llmobs_request_text_message(const struct llmobs_call *call)
{
    return llmobs_message_take(llmobs_request_text(call));
}

struct llmobs_text llmobs_request_deployment(const struct llmobs_url *url)
{
    static const struct {
        const char *before, *behind; /* "": anything */
    } marks[] = {
        {"/deployments/", ""},
        {"/serving-endpoints/", "/invocations"},
        {"/endpoints/", "/invocations"},
    };
    struct llmobs_text none = {NULL, 0};

    if (url->path.len == 0)
        return none;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t len = strlen(marks[i].before);
        const char *end = url->path.data + url->path.len, *at, *slash;

        if (!llmobs_text_ends(url->path, marks[i].behind))
            continue;
        at = memmem(url->path.data, url->path.len, marks[i].before, len);
        if (!at)
            continue;
        at += len;
        slash = memchr(at, '/', (size_t)(end - at));
        return (struct llmobs_text){at, (size_t)((slash ? slash : end) - at)};
    }
    return none;
}

int llmobs_request_segment(const struct llmobs_url *url, size_t back,
                           const char *key, struct llmobs_span *span)
{
    char *segment = llmobs_url_segment(url->path, back);
    int rc = segment ? 0 : -ENOMEM;

    if (rc == 0 && *segment)
        rc = llmobs_json_sets(span->metadata, key, segment);
    free(segment);
    return rc;
}

bool llmobs_request_has_messages(const struct llmobs_call *call,
                                 const struct llmobs_json *request)
{
    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail,
                                   "messages");
    return llmobs_json_is_array(llmobs_json_get(request, "messages"));
}
