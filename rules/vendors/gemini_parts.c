/* Reads the parts of Gemini's contents. */
#include "rules/vendors/gemini_parts.h"

#include <stdlib.h>
#include <string.h>

#include "rules/vendors/google.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/tools.h"

const char *llmobs_gemini_role(const struct llmobs_json *content,
                               const char *fallback)
{
    const char *role = llmobs_json_gets(content, "role");

    if (!role || !*role)
        return fallback;
    return strcmp(role, "model") == 0 ? "assistant" : role;
}

bool llmobs_gemini_has_data(const struct llmobs_json *part)
{
    static const char *const bare[] = {"text", "thought", "thoughtSignature",
                                       "thought_signature"};

    for (void *it = llmobs_json_iter(part); it;
         it = llmobs_json_next(part, it)) {
        const char *key = llmobs_json_iter_key(it);
        size_t i = 0, count = sizeof(bare) / sizeof(bare[0]);

        while (i < count && strcmp(key, bare[i]) != 0)
            i++;
        if (i == count && !llmobs_json_is_null(llmobs_json_iter_value(it)))
            return true;
    }
    return false;
}

bool llmobs_gemini_is_thought(const struct llmobs_json *part)
{
    return llmobs_json_is_true(llmobs_json_get(part, "thought"));
}

/* The name of a function, or the type of a tool of Google's. */
static const char *name_of(const struct llmobs_json *value)
{
    const char *name = llmobs_json_gets(value, "name");

    return name ? name : llmobs_google_gets(value, "toolType");
}

static int read_call(const struct llmobs_json *value,
                     struct llmobs_json *message)
{
    return llmobs_message_set_one(
        message, "tool_calls",
        llmobs_tools_call(
            name_of(value), llmobs_json_gets(value, "id"), "function_call",
            llmobs_tools_arguments(llmobs_json_get(value, "args"))));
}

/* Gives the JSON text of a value, as a string value. */
static struct llmobs_json *dumped(const struct llmobs_json *value,
                                  unsigned flags)
{
    char *text = llmobs_json_dumps(value, flags | LLMOBS_JSON_ASCII);
    struct llmobs_json *string = llmobs_json_string(text);

    free(text);
    return string;
}

static int read_part(const struct llmobs_json *part,
                     struct llmobs_json *message);

/* Pictures and files of a result have a line each behind its text. */
static int read_response(const struct llmobs_json *value,
                         struct llmobs_json *message)
{
    const struct llmobs_json *response = llmobs_json_get(value, "response");
    const struct llmobs_json *parts = llmobs_json_get(value, "parts");
    const char *name = name_of(value);
    struct llmobs_json *result =
        !response || llmobs_json_is_null(response) ? llmobs_json_string("")
        : llmobs_json_is_string(response)
            ? llmobs_json_share((struct llmobs_json *)(uintptr_t)response)
            : dumped(response, LLMOBS_JSON_KEEP_ORDER);
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_message_content_append(&text, llmobs_json_text(result));
    LLMOBS_JSON_EACH (part, parts, rc == 0) {
        struct llmobs_json *said = llmobs_json_object();
        const char *line;

        rc = llmobs_json_is_object(part) ? read_part(part, said) : 0;
        line = llmobs_json_gets(said, "content");
        if (rc == 0 && line && text.len > 0)
            rc = llmobs_message_content_append(&text, "\n");
        if (rc == 0)
            rc = llmobs_message_content_append(&text, line);
        llmobs_json_free(said);
    }
    llmobs_json_free(result);
    result = rc == 0 ? llmobs_message_content_string(&text) : NULL;
    llmobs_buf_fini(&text);
    return llmobs_message_set_one(
        message, "tool_results",
        llmobs_tools_result(name ? name : "", llmobs_json_gets(value, "id"),
                            "function_response", result));
}

/* Sets the content to the JSON text of two members. */
static int set_pair(struct llmobs_json *message, const char *const keys[2],
                    const char *const texts[2])
{
    struct llmobs_json *pair = llmobs_json_object();
    int rc = llmobs_json_sets(pair, keys[0], texts[0]);

    if (rc == 0)
        rc = llmobs_json_sets(pair, keys[1], texts[1]);
    if (rc == 0)
        rc = llmobs_json_set(message, "content", dumped(pair, 0));
    llmobs_json_free(pair);
    return rc;
}

static int read_code(const struct llmobs_json *value,
                     struct llmobs_json *message)
{
    static const char *const keys[] = {"language", "code"};
    const char *language = llmobs_json_gets(value, "language");
    const char *code = llmobs_json_gets(value, "code");

    return set_pair(message, keys,
                    (const char *const[]){language ? language : "UNKNOWN",
                                          code ? code : ""});
}

static int read_outcome(const struct llmobs_json *value,
                        struct llmobs_json *message)
{
    static const char *const keys[] = {"outcome", "output"};
    const char *outcome = llmobs_json_gets(value, "outcome");
    const char *output = llmobs_json_gets(value, "output");

    return set_pair(
        message, keys,
        (const char *const[]){outcome ? outcome : "OUTCOME_UNSPECIFIED",
                              output ? output : ""});
}

/* Sets the content to a marker for data, "[what: detail]". */
static int set_marker(struct llmobs_json *message, const char *what,
                      const char *detail)
{
    bool told = detail && *detail;
    struct llmobs_buf text;
    int rc;

    llmobs_buf_init(&text, LLMOBS_MESSAGE_CONTENT_MAX);
    rc = llmobs_message_content_append(&text, what);
    if (rc == 0 && told)
        rc = llmobs_message_content_append(&text, ": ");
    if (rc == 0 && told)
        rc = llmobs_message_content_append(&text, detail);
    if (rc == 0)
        rc = llmobs_message_content_append(&text, "]");
    if (rc == 0)
        rc = llmobs_json_set(message, "content",
                             llmobs_message_content_string(&text));
    llmobs_buf_fini(&text);
    return rc;
}

static int read_inline(const struct llmobs_json *value,
                       struct llmobs_json *message)
{
    return set_marker(message, "[inline data",
                      llmobs_google_gets(value, "mimeType"));
}

static int read_file(const struct llmobs_json *value,
                     struct llmobs_json *message)
{
    const char *detail = llmobs_google_gets(value, "fileUri");

    if (!detail || !*detail)
        detail = llmobs_google_gets(value, "mimeType");
    return set_marker(message, "[file data", detail);
}

static const struct {
    const char *name;
    int (*read)(const struct llmobs_json *value, struct llmobs_json *message);
} kinds[] = {
    {"functionCall", read_call},   {"functionResponse", read_response},
    {"executableCode", read_code}, {"codeExecutionResult", read_outcome},
    {"inlineData", read_inline},   {"fileData", read_file},
    {"toolCall", read_call},       {"toolResponse", read_response},
};

static int read_part(const struct llmobs_json *part,
                     struct llmobs_json *message)
{
    struct llmobs_json *text = llmobs_json_get(part, "text");

    if (llmobs_json_is_string(text) &&
        (llmobs_json_text_len(text) > 0 || !llmobs_gemini_has_data(part)))
        return llmobs_json_set(message, "content", llmobs_json_share(text));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct llmobs_json *value =
            llmobs_google_get(part, kinds[i].name);

        if (llmobs_json_is_object(value))
            return kinds[i].read(value, message);
    }
    return llmobs_json_set(message, "content", dumped(part, 0));
}

int llmobs_gemini_add_part(struct llmobs_json *list,
                           const struct llmobs_json *part, const char *role)
{
    struct llmobs_json *message;
    int rc;

    if (llmobs_json_is_string(part))
        return llmobs_message_add_string(list, role, part);
    if (!llmobs_json_is_object(part) ||
        (!llmobs_json_gets(part, "text") && !llmobs_gemini_has_data(part)))
        return 0;
    if (llmobs_gemini_is_thought(part))
        role = "reasoning";
    message = llmobs_json_object();
    rc = llmobs_json_sets(message, "role", role);
    if (rc == 0)
        rc = read_part(part, message);
    return llmobs_json_add_made(list, message, rc);
}

int llmobs_gemini_add_content(struct llmobs_json *list,
                              const struct llmobs_json *content,
                              const char *role)
{
    const struct llmobs_json *parts = llmobs_json_get(content, "parts");
    int rc = 0;

    if (llmobs_json_is_string(content))
        return llmobs_gemini_add_part(list, content, role);
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(parts); i++)
        rc = llmobs_gemini_add_part(list, llmobs_google_at(parts, i), role);
    return rc;
}
