/* Reads fields and metadata of request bodies. */
#include "rules/read/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/cut_json.h"
#include "rules/read/match.h"
#include "rules/read/text.h"

static int read_ends(struct llmobs_text head, struct llmobs_text tail,
                     const char *keys, struct llmobs_json **out)
{
    static const char model_key[] = "model\0";
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

/* A number or a truth value of a form, as a JSON request would have it; else a
 * share of the text. */
static struct llmobs_json *plain_value(const char *name,
                                       struct llmobs_json *value)
{
    static const char names[] = /* these stay texts */
        "model\0model_id\0prompt\0text\0input\0language\0voice\0user\0";
    const char *text = llmobs_json_text(value);
    struct llmobs_json *plain = NULL;

    if (!text || llmobs_words_have(names, name) ||
        !strchr("-0123456789tf", *text))
        return llmobs_json_share(value);
    if (llmobs_json_parse(llmobs_text_of(text), &plain) == 0 &&
        (llmobs_json_is_number(plain) || llmobs_json_is_true(plain) ||
         llmobs_json_is_false(plain)))
        return plain;
    llmobs_json_free(plain);
    return llmobs_json_share(value);
}

/* A name that comes again, or that ends with "[]", gets a list. */
static int add_field(struct llmobs_json *fields, const char *name,
                     struct llmobs_json *value)
{
    size_t len = strlen(name);
    bool lists = len > 2 && strcmp(name + len - 2, "[]") == 0;
    char *bare = strndup(name, lists ? len - 2 : len);
    struct llmobs_json *list, *before;
    int rc = -ENOMEM;

    if (!bare)
        return rc;
    before = llmobs_json_get(fields, bare);
    value = plain_value(bare, value);
    if (!lists && !before) {
        rc = llmobs_json_set(fields, bare, value);
    } else if (llmobs_json_is_array(before)) {
        rc = llmobs_json_add(before, value);
    } else {
        list = llmobs_json_array();
        rc = before ? llmobs_json_add(list, llmobs_json_share(before)) : 0;
        if (rc == 0)
            rc = llmobs_json_add(list, value);
        else
            llmobs_json_free(value);
        if (rc == 0)
            rc = llmobs_json_set(fields, bare, list);
        else
            llmobs_json_free(list);
    }
    free(bare);
    return rc;
}

/* Reads the lines of lib/text/form.h; a cut line is left out. */
static int read_fields(struct llmobs_text lines, struct llmobs_json **out)
{
    struct llmobs_json *line;
    struct llmobs_text text;
    int rc = 0;

    *out = llmobs_json_object();
    while (*out && rc == 0 && llmobs_text_split(&lines, '\n', &text)) {
        void *member;

        rc = llmobs_json_parse(text, &line);
        member = rc == 0 ? llmobs_json_iter(line) : NULL;
        if (member)
            rc = add_field(*out, llmobs_json_iter_key(member),
                           llmobs_json_iter_value(member));
        llmobs_json_free(line);
        if (rc != -ENOMEM)
            rc = 0;
    }
    return *out ? rc : -ENOMEM;
}

int llmobs_request_read(const struct llmobs_call *call, const char *keys,
                        struct llmobs_json **out)
{
    int rc;

    *out = NULL;
    if (!call->request.data)
        return 0;
    if (call->multipart)
        return read_fields(call->request, out);
    if (call->request_truncated)
        return read_ends(call->request, call->request_tail, keys, out);
    if (!llmobs_match_object(call->request))
        return 0;
    rc = llmobs_json_parse_masked(call->request, false, out);
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

int llmobs_request_metadata(const struct llmobs_json *request, const char *keys,
                            struct llmobs_span *span)
{
    int rc = 0;

    for (; rc == 0 && keys && *keys; keys = llmobs_words_next(keys)) {
        struct llmobs_json *value = llmobs_json_get(request, keys);

        if (value)
            rc =
                llmobs_json_set(span->metadata, keys, llmobs_json_share(value));
    }
    return rc;
}

char *llmobs_request_text(const struct llmobs_call *call)
{
    if (call->multipart) {
        /* The fields of a form as an object. */
        struct llmobs_json *fields = NULL;
        int rc = call->request.data ? read_fields(call->request, &fields) : 0;
        char *text = NULL;

        if (rc == 0)
            text = llmobs_json_len(fields) > 0 ? llmobs_json_dumps(fields, 0)
                                               : strdup("[multipart]");
        llmobs_json_free(fields);
        return text;
    }
    if (call->request_encoded)
        return llmobs_text_word("encoded", call->request_encoded);
    if (!call->request.data)
        return strdup("");
    if (!llmobs_text_readable(call->request))
        return strdup("[binary]");
    return strndup(call->request.data, call->request.len);
}

struct llmobs_text llmobs_request_deployment(const struct llmobs_url *url)
{
    static const struct {
        const char *before, *behind; /* "": any text */
    } marks[] = {
        {"/deployments/", ""},
        {"/serving-endpoints/", "/invocations"},
        {"/endpoints/", "/invocations"},
        {"/endpoints/", "/invocations-response-stream"},
    };
    struct llmobs_text none = {NULL, 0};

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

const char *llmobs_request_named(const struct llmobs_call *call)
{
    static const char names[] = "ai-language-model-id\0ai-model-id\0";
    const char *model = NULL;

    LLMOBS_WORDS_EACH (name, names)
        if (!model)
            model = llmobs_header_find(call->request_headers,
                                       call->request_header_count, name);
    return model;
}
