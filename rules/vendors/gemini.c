/* The generateContent dialect of Gemini and Vertex AI (WIRE 6.10). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/vendors/gemini_parts.h"
#include "rules/vendors/google.h"
#include "rules/read/cut_json.h"
#include "rules/read/facts.h"
#include "rules/read/message.h"
#include "rules/read/message_content.h"
#include "rules/read/sources.h"
#include "rules/read/stream_parts.h"
#include "rules/read/tools.h"
#include "rules/read/usage.h"

static const char settings[] =
    "temperature\0topP\0topK\0candidateCount\0maxOutputTokens\0stopSequences\0"
    "responseLogprobs\0logprobs\0presencePenalty\0frequencyPenalty\0seed\0"
    "responseMimeType\0safetySettings\0automaticFunctionCalling\0";

#define QUERIES_MAX 64 /* of a candidate */

/* A streamed answer. */
struct stream {
    struct llmobs_buf text;
    struct llmobs_buf thought;
    struct llmobs_json *others; /* messages; NULL: no event came */
    char *role;                 /* of the first content */
    struct llmobs_json *open;   /* the arguments of the last call, in `others`;
                                 * NULL: none */
    struct llmobs_buf piece;    /* a text of the arguments that goes on */
    char *piece_path;           /* the path of that text; NULL: none */
    bool begun;                 /* a first token was seen */
    struct llmobs_json *usage;  /* the last that came */
    struct llmobs_stream_parts candidates;
    char *model; /* the last that came */
};

struct candidate {
    int64_t index;
    char *reason;     /* why it ended; NULL: not known */
    int64_t searches; /* of the web, as its last chunk says that has any */
};

static bool is_request(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    const struct llmobs_json *contents =
        llmobs_json_get(reading->request, "contents");

    if (call->request_truncated)
        return llmobs_cut_json_has(call->request, call->request_tail,
                                   "contents");
    return llmobs_json_is_array(contents) || llmobs_json_is_object(contents);
}

/* -- the functions that a request declares, as tool definitions ------------ */

/* The meaning of the keys of an object in a schema. */
enum names {
    NAMES_KEYWORDS, /* keywords of the schema language, which become snake_case
                     */
    NAMES_OWN       /* the user's own names, whose values are schemas */
};

static struct llmobs_json *snake_value(const char *key,
                                       const struct llmobs_json *value);

/* Gives a schema, or the named schemas below a keyword, in snake_case. The
 * recursion is as deep as the parsed document. */
static struct llmobs_json *snake_object(const struct llmobs_json *from,
                                        enum names names)
{
    struct llmobs_json *out = llmobs_json_object();
    char name[LLMOBS_GOOGLE_SNAKE_CAP];
    int rc = out ? 0 : -ENOMEM;

    for (void *it = llmobs_json_iter(from); rc == 0 && it;
         it = llmobs_json_next(from, it)) {
        const char *key = llmobs_json_iter_key(it);
        const struct llmobs_json *value = llmobs_json_iter_value(it);

        if (names == NAMES_OWN)
            rc = llmobs_json_set(out, key, snake_value("", value));
        else
            rc = llmobs_json_set(out, llmobs_google_snake(key, name),
                                 snake_value(key, value));
    }
    return llmobs_json_done(out, rc);
}

/* Gives the value of a keyword; "": a schema. Examples of the user's data stay
 * as they are. */
static struct llmobs_json *snake_value(const char *key,
                                       const struct llmobs_json *value)
{
    static const char own[] = "properties\0defs\0$defs\0";
    static const char data[] = "default\0example\0enum\0";

    if (llmobs_words_have(data, key))
        return llmobs_json_clone(value);
    if (llmobs_json_is_array(value)) {
        struct llmobs_json *out = llmobs_json_array();
        int rc = out ? 0 : -ENOMEM;

        LLMOBS_JSON_EACH (one, value, rc == 0)
            rc = llmobs_json_add(out, snake_value("", one));
        return llmobs_json_done(out, rc);
    }
    if (llmobs_json_is_object(value))
        return snake_object(
            value, llmobs_words_have(own, key) ? NAMES_OWN : NAMES_KEYWORDS);
    return llmobs_json_clone(value);
}

static int read_tools(const struct llmobs_json *request,
                      struct llmobs_json **out)
{
    const struct llmobs_json *tools = llmobs_json_get(request, "tools");
    struct llmobs_json *list = llmobs_json_array();
    int rc = list ? 0 : -ENOMEM;

    *out = NULL;
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(tools); i++) {
        const struct llmobs_json *functions = llmobs_google_get(
            llmobs_google_at(tools, i), "functionDeclarations");

        for (size_t k = 0; rc == 0 && k < llmobs_google_len(functions); k++) {
            const struct llmobs_json *one = llmobs_google_at(functions, k);
            const struct llmobs_json *own = llmobs_json_get(one, "parameters");
            const struct llmobs_json *whole =
                llmobs_google_get(one, "parametersJsonSchema");

            if (llmobs_json_len(one) == 0)
                continue;
            rc = llmobs_json_add(
                list,
                llmobs_tools_definition(llmobs_json_gets(one, "name"),
                                        llmobs_json_gets(one, "description"),
                                        llmobs_json_is_object(own)
                                            ? snake_object(own, NAMES_KEYWORDS)
                                        : llmobs_json_is_object(whole)
                                            ? llmobs_json_clone(whole)
                                            : llmobs_json_object()));
        }
    }
    if (rc == 0 && llmobs_json_len(list) > 0)
        *out = list;
    else
        llmobs_json_free(list);
    return rc;
}

/* -- the request, and an answer in one piece ------------------------------- */

static int read_request(struct llmobs_reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_google_metadata(
        llmobs_google_get(reading->request, "generationConfig"),
        reading->request, settings, span);
    const struct llmobs_json *contents;
    struct llmobs_json *list;

    if (rc < 0 || reading->classified->call->request_truncated)
        return rc;
    span->input_messages = llmobs_json_array();
    contents = llmobs_json_get(reading->request, "contents");
    list = span->input_messages;
    rc = llmobs_gemini_add_content(
        list, llmobs_google_get(reading->request, "systemInstruction"),
        "system");
    llmobs_fact_apart(span);
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(contents); i++) {
        const struct llmobs_json *content = llmobs_google_at(contents, i);

        rc = llmobs_gemini_add_content(list, content,
                                       llmobs_gemini_role(content, "user"));
    }
    return rc < 0 ? rc : read_tools(reading->request, &span->tool_definitions);
}

static int read_usage(const struct llmobs_json *usage, struct llmobs_span *span)
{
    static const struct llmobs_google_counts counts = {
        .input = "promptTokenCount",
        .tools = "toolUsePromptTokenCount",
        .output = "candidatesTokenCount",
        .thoughts = "thoughtsTokenCount",
        .total = "totalTokenCount",
        .cached = "cachedContentTokenCount",
    };

    llmobs_google_usage(usage, &counts, span);
    return llmobs_json_sets(span->metadata, "traffic_type",
                            llmobs_google_gets(usage, "trafficType"));
}

static bool is_reason(const char *reason)
{
    return reason && *reason &&
           strcmp(reason, "FINISH_REASON_UNSPECIFIED") != 0;
}

/* Why a prompt was refused. Its numbers differ from a candidate's reasons. */
static const char *block_of(const struct llmobs_json *body)
{
    const struct llmobs_json *reason = llmobs_google_get(
        llmobs_google_get(body, "promptFeedback"), "blockReason");

    if (llmobs_json_is_int(reason) && llmobs_json_to_int(reason) > 0)
        return llmobs_json_to_int(reason) == 1 ? "SAFETY" : "OTHER";
    return llmobs_json_text(reason);
}

/* Notes a refused prompt, whose answer has no candidates. */
static void set_block(struct llmobs_reading *reading,
                      const struct llmobs_json *body)
{
    if (is_reason(block_of(body)))
        llmobs_fact_finish(reading->span, block_of(body));
}

/* Notes the provider's own words on the end of an answer, or on a refusal. */
static int set_words(struct llmobs_reading *reading,
                     const struct llmobs_json *body)
{
    const struct llmobs_json *candidate =
        llmobs_google_at(llmobs_google_get(body, "candidates"), 0);

    return llmobs_json_set_texts(
        reading->span->metadata, "block_reason_message",
        llmobs_google_gets(llmobs_google_get(body, "promptFeedback"),
                           "blockReasonMessage"),
        "finish_message", llmobs_google_gets(candidate, "finishMessage"), NULL);
}

/* Gemini is paid by the query from version 3 on: not for one that is empty, and
 * once for one that is repeated. */
static int64_t searches_of(const struct llmobs_json *candidate)
{
    const struct llmobs_json *queries = llmobs_google_get(
        llmobs_google_get(candidate, "groundingMetadata"), "webSearchQueries");
    int64_t count = 0;

    for (size_t i = 0; i < llmobs_json_len(queries) && i < QUERIES_MAX; i++) {
        const char *query = llmobs_json_text(llmobs_json_at(queries, i));
        bool paid = llmobs_has_text(query);

        for (size_t k = 0; paid && k < i; k++)
            paid = !llmobs_text_is(
                llmobs_text_of(llmobs_json_text(llmobs_json_at(queries, k))),
                query);
        count += paid;
    }
    return count;
}

/* A prompt that is grounded in maps is paid once. */
static void put_maps(struct llmobs_span *span,
                     const struct llmobs_json *candidate)
{
    const struct llmobs_json *chunks = llmobs_google_get(
        llmobs_google_get(candidate, "groundingMetadata"), "groundingChunks");

    LLMOBS_JSON_EACH (one, chunks, true)
        if (llmobs_json_get(one, "maps"))
            llmobs_usage_piece(span, "maps", 1);
}

static int read_document(struct llmobs_reading *reading,
                         const struct llmobs_json *body)
{
    const struct llmobs_json *candidates = llmobs_json_get(body, "candidates");
    struct llmobs_json *list = llmobs_json_array();
    int64_t searches = 0;
    int rc = list ? 0 : -ENOMEM;

    reading->span->output_messages = list;
    for (size_t i = 0; rc == 0 && i < llmobs_google_len(candidates); i++) {
        const struct llmobs_json *candidate = llmobs_google_at(candidates, i);
        const struct llmobs_json *content =
            llmobs_json_get(candidate, "content");
        char word[LLMOBS_GOOGLE_REASON_CAP];

        searches += searches_of(candidate);
        put_maps(reading->span, candidate);
        llmobs_fact_finish(
            reading->span,
            llmobs_google_reason(llmobs_google_get(candidate, "finishReason"),
                                 word));
        rc = llmobs_gemini_add_content(
            list, content, llmobs_gemini_role(content, "assistant"));
    }
    llmobs_usage_piece(reading->span, "web_search", searches);
    if (llmobs_google_len(candidates) == 0)
        set_block(reading, body);
    if (rc == 0)
        rc =
            read_usage(llmobs_google_get(body, "usageMetadata"), reading->span);
    if (rc == 0)
        rc = set_words(reading, body);
    if (rc == 0)
        rc = llmobs_sources_read(reading->span, body, LLMOBS_SOURCES_GEMINI);
    return rc < 0 ? rc
                  : llmobs_reading_model(
                        reading, llmobs_json_gets(body, "modelVersion"));
}

/* -- a value at a place like "$.list[0].name" ----------------------------- */

/* Source: RFC 9535, of its singular queries those without a negative index. An
 * array grows by one value at a time. */
#define PATH_STEPS 32
#define PATH_NAME 128

/* One step of a path. */
struct step {
    char name[PATH_NAME];
    size_t index;
    bool indexed; /* into an array; else a member's name */
};

/* Reads the text up to one of `ends`. Gives the rest; NULL: too long. */
static const char *read_member(const char *path, const char *ends,
                               struct step *step)
{
    size_t len = strcspn(path, ends);

    if (len == 0 || len >= sizeof(step->name))
        return NULL;
    memcpy(step->name, path, len);
    step->name[len] = '\0';
    return path + len;
}

static const char *read_index(const char *path, struct step *step)
{
    step->indexed = true;
    if (*path < '0' || *path > '9')
        return NULL;
    for (; *path >= '0' && *path <= '9'; path++) {
        if (step->index > 1000000)
            return NULL;
        step->index = step->index * 10 + (size_t)(*path - '0');
    }
    return *path == ']' ? path + 1 : NULL;
}

/* Gives the rest of the path behind a step; NULL: it was the last. */
static const char *read_step(const char *path, struct step *step)
{
    const char quote[] = {path[0] ? path[1] : '\0', '\0'};

    *step = (struct step){.indexed = false};
    if (*path == '.')
        return read_member(path + 1, ".[", step);
    if (*path != '[')
        return NULL;
    if (*quote != '\'' && *quote != '"')
        return read_index(path + 1, step);
    path = read_member(path + 2, quote, step);
    return path && path[0] == *quote && path[1] == ']' ? path + 2 : NULL;
}

static struct llmobs_json *value_at(const struct llmobs_json *in,
                                    const struct step *step)
{
    return step->indexed ? llmobs_json_at(in, step->index)
                         : llmobs_json_get(in, step->name);
}

static int put_at(struct llmobs_json *in, const struct step *step,
                  struct llmobs_json *value)
{
    if (!step->indexed)
        return llmobs_json_set(in, step->name, value);
    if (step->index == llmobs_json_len(in))
        return llmobs_json_add(in, value);
    llmobs_json_free(value);
    return -EINVAL;
}

/* Gives the object or array at the step; makes it if missing. NULL: another
 * value is there, or memory ran out. */
static struct llmobs_json *go_on(struct llmobs_json *in,
                                 const struct step *step, bool array)
{
    struct llmobs_json *next = value_at(in, step);

    if (!next &&
        put_at(in, step, array ? llmobs_json_array() : llmobs_json_object()) ==
            0)
        next = value_at(in, step);
    return array == llmobs_json_is_array(next) ? next : NULL;
}

/* Sets the value there; the objects and arrays on the way are made. Takes
 * `value`, also on error; NULL is -ENOMEM. -EINVAL: no such place. */
static int set_at(struct llmobs_json *root, const char *path,
                  struct llmobs_json *value)
{
    struct step step, next;
    struct llmobs_json *in = root;
    int rc = value ? -EINVAL : -ENOMEM;

    path = path[0] == '$' ? read_step(path + 1, &step) : NULL;
    for (int i = 0; in && path && *path && i < PATH_STEPS; i++) {
        path = read_step(path, &next);
        in = path ? go_on(in, &step, next.indexed) : NULL;
        step = next;
    }
    if (value && in && path && !*path)
        return put_at(in, &step, value);
    llmobs_json_free(value);
    return rc;
}

/* -- a call whose arguments come in pieces --------------------------------- */

/* Puts the joined text at its place in the arguments. */
static int put_piece(struct stream *stream)
{
    int rc = 0;

    if (stream->open && stream->piece_path)
        rc = set_at(stream->open, stream->piece_path,
                    llmobs_message_content_string(&stream->piece));
    llmobs_buf_cut(&stream->piece, 0);
    free(stream->piece_path);
    stream->piece_path = NULL;
    return rc == -EINVAL ? 0 : rc;
}

/* Sets a value at its path in the arguments; passes over an invalid path. */
static int put_value(struct llmobs_json *arguments, const char *path,
                     const struct llmobs_json *from)
{
    static const char kinds[] = "numberValue\0boolValue\0nullValue\0";
    int rc = 0;

    LLMOBS_WORDS_EACH (kind, kinds) {
        const struct llmobs_json *value = llmobs_google_get(from, kind);

        if (!value)
            continue;
        rc = set_at(
            arguments, path,
            strcmp(kind, "nullValue") == 0
                ? llmobs_json_null()
                : llmobs_json_share((struct llmobs_json *)(uintptr_t)value));
    }
    return rc == -EINVAL ? 0 : rc;
}

static int add_argument(struct stream *stream, const struct llmobs_json *from)
{
    const char *path = llmobs_google_gets(from, "jsonPath");
    const char *text = llmobs_google_gets(from, "stringValue");
    int rc = 0;

    if (!path)
        return 0;
    if (!stream->piece_path || strcmp(stream->piece_path, path) != 0)
        rc = put_piece(stream);
    if (rc < 0 || !text)
        return rc < 0 ? rc : put_value(stream->open, path, from);
    if (!stream->piece_path) {
        stream->piece_path = strdup(path);
        if (!stream->piece_path)
            return -ENOMEM;
    }
    return llmobs_message_content_append(&stream->piece, text);
}

/* -- an answer in pieces --------------------------------------------------- */

static int add_part(struct stream *stream, const struct llmobs_json *part)
{
    const struct llmobs_json *call = llmobs_google_get(part, "functionCall");
    const char *text = llmobs_json_gets(part, "text");
    size_t count = llmobs_json_len(stream->others);
    int rc;

    if (llmobs_json_is_object(call) && !llmobs_has_text(text)) {
        /* Adds a call, or a piece of the last one: its arguments, texts of
         * these, or nothing at the end. */
        const struct llmobs_json *pieces =
            llmobs_google_get(call, "partialArgs");
        const struct llmobs_json *more = llmobs_json_get(call, "args");

        rc = 0;
        if (!stream->open || llmobs_has_text(llmobs_json_gets(call, "name"))) {
            struct llmobs_json *message;

            /* A piece with a name begins a call. */
            rc = put_piece(stream);
            if (rc == 0)
                rc = llmobs_gemini_add_part(stream->others, part, stream->role);
            message = llmobs_json_at(stream->others,
                                     llmobs_json_len(stream->others) - 1);
            stream->open = llmobs_json_get(
                llmobs_json_at(llmobs_json_get(message, "tool_calls"), 0),
                "arguments");
            stream->begun = true;
            more = NULL;
        }
        for (void *it = llmobs_json_iter(more); rc == 0 && it;
             it = llmobs_json_next(more, it))
            rc = llmobs_json_set(stream->open, llmobs_json_iter_key(it),
                                 llmobs_json_clone(llmobs_json_iter_value(it)));
        LLMOBS_JSON_EACH (one, pieces, rc == 0)
            rc = add_argument(stream, one);
        return rc == 0 && !llmobs_json_is_true(
                              llmobs_google_get(call, "willContinue"))
                   ? put_piece(stream)
                   : rc;
    }
    if (text && *text) {
        stream->begun = true;
        return llmobs_message_content_append(
            llmobs_gemini_is_thought(part) ? &stream->thought : &stream->text,
            text);
    }
    if (!llmobs_gemini_has_data(part))
        return 0;
    rc = llmobs_gemini_add_part(stream->others, part, stream->role);
    if (llmobs_json_len(stream->others) > count)
        stream->begun = true;
    return rc;
}

static int add_joined(struct llmobs_json *list, const char *role,
                      const struct llmobs_buf *text)
{
    if (text->len == 0)
        return 0;
    return llmobs_message_add_text(list, role, llmobs_buf_text(text));
}

static int add_reason(struct llmobs_reading *reading,
                      const struct llmobs_json *from)
{
    char word[LLMOBS_GOOGLE_REASON_CAP];
    const char *reason =
        llmobs_google_reason(llmobs_google_get(from, "finishReason"), word);
    struct stream *stream = reading->state;
    struct candidate *candidate;
    void *item;
    int rc = llmobs_stream_part_at(
        &stream->candidates, sizeof(*candidate), LLMOBS_FACT_ITEMS,
        llmobs_json_to_int(llmobs_json_get(from, "index")), &item);

    if (is_reason(reason))
        reading->done = true;
    if (rc < 0)
        return rc == -ENOSPC ? 0 : rc;
    candidate = item;
    put_maps(reading->span, from);
    if (searches_of(from) > 0)
        candidate->searches = searches_of(from);
    return is_reason(reason) ? llmobs_span_set(&candidate->reason, reason) : 0;
}

/* The count of an earlier chunk stays where the last one has none (usage.h),
 * but for the answer's if the last total is the prompt and the thoughts. */
static int add_usage(struct stream *stream, const struct llmobs_json *usage)
{
    static const char parts[] = "promptTokenCount\0toolUsePromptTokenCount\0"
                                "thoughtsTokenCount\0";
    static const char said[] = "candidatesTokenCount\0candidates_token_count\0";
    int rc = llmobs_usage_replace(&stream->usage, usage);
    int64_t sum = 0;

    if (rc < 0 || llmobs_google_get(usage, "candidatesTokenCount") ||
        llmobs_usage_value(llmobs_google_get(usage, "thoughtsTokenCount")) <= 0)
        return rc;
    LLMOBS_WORDS_EACH (part, parts)
        sum = llmobs_usage_add(
            sum, llmobs_usage_value(llmobs_google_get(usage, part)));
    if (sum == llmobs_usage_value(llmobs_google_get(usage, "totalTokenCount")))
        LLMOBS_WORDS_EACH (key, said)
            llmobs_json_unset(stream->usage, key);
    return 0;
}

static int read_event(struct llmobs_reading *reading,
                      const struct llmobs_event *event)
{
    const struct llmobs_json *chunk = event->json;
    const struct llmobs_json *candidates = llmobs_json_get(chunk, "candidates");
    const char *model = llmobs_json_gets(chunk, "modelVersion");
    size_t count = llmobs_google_len(candidates);
    struct stream *stream = reading->state;
    int rc = 0;

    if (!stream->others)
        stream->others = llmobs_json_array();
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct llmobs_json *candidate = llmobs_google_at(candidates, i);
        const struct llmobs_json *content =
            llmobs_json_get(candidate, "content");
        const struct llmobs_json *parts = llmobs_json_get(content, "parts");

        rc = add_reason(reading, candidate);
        if (rc < 0 || !llmobs_json_is_object(content))
            continue;
        if (!stream->role)
            stream->role = strdup(llmobs_gemini_role(content, "assistant"));
        rc = stream->role ? 0 : -ENOMEM;
        for (size_t k = 0; rc == 0 && k < llmobs_google_len(parts); k++)
            rc = add_part(stream, llmobs_google_at(parts, k));
    }
    if (stream->begun)
        llmobs_reading_token(reading, event);
    if (rc == 0 && is_reason(block_of(chunk))) {
        reading->done = true;
        if (stream->candidates.count == 0)
            set_block(reading, chunk);
    }
    if (rc == 0)
        rc = add_usage(stream, llmobs_google_get(chunk, "usageMetadata"));
    if (rc == 0 && model && *model)
        rc = llmobs_span_set(&stream->model, model);
    if (rc == 0 && reading->done) /* the words are those of the end */
        rc = set_words(reading, chunk);
    return rc < 0 ? rc
                  : llmobs_sources_event(reading, event, LLMOBS_SOURCES_GEMINI);
}

static const struct candidate *candidate_of(const struct stream *stream,
                                            size_t i)
{
    return (const struct candidate *)stream->candidates.items + i;
}

static int finish_stream(struct llmobs_reading *reading)
{
    struct stream *stream = reading->state;
    struct llmobs_json *list;
    int64_t searches = 0;
    int rc = llmobs_reading_model(reading, stream->model);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RESPONSE_MODEL,
                     stream->model);
    if (rc == 0)
        rc = read_usage(stream->usage, reading->span);
    for (size_t i = 0; i < stream->candidates.count; i++) {
        searches += candidate_of(stream, i)->searches;
        llmobs_fact_finish(reading->span, candidate_of(stream, i)->reason);
    }
    llmobs_usage_piece(reading->span, "web_search", searches);
    if (rc < 0 || !stream->others)
        return rc;
    /* All thoughts joined, all texts joined, the other parts in their order. */
    list = reading->span->output_messages = llmobs_json_array();
    rc = list ? put_piece(stream) : -ENOMEM;
    if (rc == 0)
        rc = add_joined(list, "reasoning", &stream->thought);
    if (rc == 0)
        rc = add_joined(list, stream->role, &stream->text);
    LLMOBS_JSON_EACH (one, stream->others, rc == 0)
        rc = llmobs_json_add(list, llmobs_json_share(one));
    return rc;
}

static void free_stream(void *state)
{
    struct stream *stream = state;

    for (size_t i = 0; i < stream->candidates.count; i++)
        free(candidate_of(stream, i)->reason);
    llmobs_stream_parts_fini(&stream->candidates);
    llmobs_buf_fini(&stream->text);
    llmobs_buf_fini(&stream->thought);
    llmobs_buf_fini(&stream->piece);
    llmobs_json_free(stream->others);
    free(stream->piece_path);
    free(stream->role);
    llmobs_json_free(stream->usage);
    free(stream->model);
}

static int read_ends(struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;
    struct llmobs_json *usage =
        llmobs_cut_json_last(call->response_tail, "usageMetadata");
    struct llmobs_json *model =
        llmobs_cut_json_last(call->response_tail, "modelVersion");
    struct llmobs_json *reason =
        llmobs_cut_json_last(call->response_tail, "finishReason");
    char word[LLMOBS_GOOGLE_REASON_CAP];
    const char *why = llmobs_google_reason(reason, word);
    int rc = llmobs_reading_model(reading, llmobs_json_text(model));

    reading->span->complete = is_reason(why);
    llmobs_fact_finish(reading->span, why);
    if (rc == 0)
        rc = read_usage(usage, reading->span);
    llmobs_json_free(usage);
    llmobs_json_free(model);
    llmobs_json_free(reason);
    return rc;
}

const struct llmobs_form llmobs_form_gemini = {
    .keys = "generationConfig\0generation_config\0safetySettings\0"
            "safety_settings\0",
    .confirm = is_request,
    .begin = llmobs_google_begin,
    .request = read_request,
    .document = read_document,
    .event = read_event,
    .model = llmobs_google_model,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct stream, free_stream),
    .framing = LLMOBS_FRAMING_ARRAY,
    .failed_role = "assistant",
};

/* -- Code Assist ------------------------------------------------------------
 */

/* The request stands beside its model, the answer below `response`.
 *
 * Source: google-gemini/gemini-cli, packages/core/src/code_assist. */
static bool is_wrapped(const struct llmobs_reading *reading)
{
    const struct llmobs_call *call = reading->classified->call;

    return call->request_truncated
               ? llmobs_cut_json_has(call->request, call->request_tail, "model")
               : llmobs_json_get(llmobs_json_get(reading->request, "request"),
                                 "contents") != NULL;
}

static int unwrap_request(struct llmobs_reading *reading)
{
    struct llmobs_json *inner = llmobs_json_get(reading->request, "request");
    const char *model = llmobs_json_gets(reading->request, "model");
    const char *vendor = model ? llmobs_google_vendor(model) : NULL;
    int rc = llmobs_reading_model(reading, model);

    llmobs_fact_asked(reading, model);
    if (rc == 0 && vendor && !reading->classified->proxied)
        rc = llmobs_span_set(&reading->span->model_provider, vendor);
    if (llmobs_json_is_object(inner)) {
        inner = llmobs_json_share(inner);
        llmobs_json_free(reading->request);
        reading->request = inner;
    }
    return rc;
}

static int unwrap_document(struct llmobs_reading *reading,
                           const struct llmobs_json *body)
{
    const struct llmobs_json *inner = llmobs_json_get(body, "response");

    llmobs_fact_answer(reading, inner);
    return read_document(reading, inner ? inner : body);
}

static int unwrap_event(struct llmobs_reading *reading,
                        const struct llmobs_event *event)
{
    struct llmobs_event inner = *event;

    inner.json = llmobs_json_get(event->json, "response");
    if (!inner.json)
        return 0;
    llmobs_fact_event(reading, &inner);
    return read_event(reading, &inner);
}

const struct llmobs_form llmobs_form_gemini_assist = {
    .keys = "model\0",
    .confirm = is_wrapped,
    .begin = unwrap_request,
    .request = read_request,
    .document = unwrap_document,
    .event = unwrap_event,
    .finish = finish_stream,
    .ends = read_ends,
    LLMOBS_STATE(struct stream, free_stream),
    .framing = LLMOBS_FRAMING_ARRAY,
    .failed_role = "assistant",
};
