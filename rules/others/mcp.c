/* MCP over its Streamable HTTP transport, as a client speaks it (WIRE 6.14). A
 * message is one of JSON-RPC 2.0; until protocol version 2025-03-26 a body may
 * be a list of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/answer.h"
#include "rules/read/cut_json.h"
#include "rules/read/dialect.h"
#include "rules/read/error.h"
#include "rules/read/match.h"
#include "rules/read/text.h"

#define SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define PROTOCOL "io.modelcontextprotocol/protocolVersion"
#define SERVER_TAGS "mcp_server_"
#define NAME_MAX_LEN 256
#define CODE_LEN 32
#define PARTS_DEPTH_MAX 8

/* The requests that make a span. Names and kinds of the first three are those
 * of Datadog's SDK for Python, which makes none for the others. */
static const struct operation {
    const char *method;
    const char *span_name;
    enum llmobs_kind kind;
    const char *target; /* the parameter that names what it is about */
} operations[] = {
    {"tools/call", "MCP Client Tool Call", LLMOBS_KIND_TOOL, "name"},
    {"initialize", "MCP Client Initialize", LLMOBS_KIND_TASK, NULL},
    {"tools/list", "MCP Client list Tools", LLMOBS_KIND_TASK, NULL},
    {"server/discover", "MCP Client Discover", LLMOBS_KIND_TASK, NULL},
    {"prompts/get", "MCP Client Get Prompt", LLMOBS_KIND_TASK, "name"},
    {"resources/read", "MCP Client Read Resource", LLMOBS_KIND_TASK, NULL},
};

/* A call while it is read. */
struct reading {
    const struct llmobs_call *call;
    struct llmobs_span *span;
    struct llmobs_json *body;          /* of the request; NULL: cut */
    struct llmobs_json *requests;      /* those in it that make a span */
    const struct operation *operation; /* of the only one; NULL: of several */
    struct llmobs_json *answers;       /* to them, as they came */
};

static const char *request_header(const struct llmobs_call *call,
                                  const char *name)
{
    return llmobs_header_find(call->request_headers, call->request_header_count,
                              name);
}

/* -- the request ------------------------------------------------------------
 */

static const struct operation *find_operation(const char *method)
{
    for (size_t i = 0; method && i < sizeof(operations) / sizeof(*operations);
         i++)
        if (strcmp(operations[i].method, method) == 0)
            return &operations[i];
    return NULL;
}

/* A message without an id is a notification, one without a method an answer to
 * a request of the server's. */
static bool is_request(const struct llmobs_json *message)
{
    const char *version = llmobs_json_gets(message, "jsonrpc");
    const struct llmobs_json *id = llmobs_json_get(message, "id");

    return version && strcmp(version, "2.0") == 0 &&
           (llmobs_json_is_string(id) || llmobs_json_is_number(id)) &&
           find_operation(llmobs_json_gets(message, "method"));
}

static int add_request(struct reading *reading, struct llmobs_json *message)
{
    return is_request(message)
               ? llmobs_json_add(reading->requests, llmobs_json_share(message))
               : 0;
}

static int add_requests(struct reading *reading)
{
    struct llmobs_json *body = reading->body;
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return add_request(reading, body);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(body); i++)
        rc = add_request(reading, llmobs_json_at(body, i));
    return rc;
}

/* The text from the value of `key` on, which is an object; empty: there is
 * none. */
static struct llmobs_text from_object(struct llmobs_text text, const char *key)
{
    const struct llmobs_text none = {NULL, 0};
    const char *end = text.data + text.len, *at = NULL;

    if (text.len > 0)
        at = memmem(text.data, text.len, key, strlen(key));
    if (at)
        at = memchr(at, '{', (size_t)(end - at));
    return at ? (struct llmobs_text){at, (size_t)(end - at)} : none;
}

/* Of a request whose middle is missing: the members at its ends, and the name
 * among its parameters. Current protocol versions say the method in the header,
 * too. */
static struct llmobs_json *cut_request(const struct llmobs_call *call)
{
    static const char *const keys[] = {"jsonrpc", "id", "method", NULL};
    struct llmobs_text head = call->request, tail = call->request_tail;
    struct llmobs_text inner = from_object(head, "\"params\"");
    struct llmobs_json *message, *name = NULL, *params;

    if (!llmobs_match_object(head))
        return llmobs_json_object();
    if (tail.len == 0)
        tail = head;
    params = llmobs_json_object();
    message = llmobs_cut_json_object(head, tail, keys);
    if (inner.len > 0)
        name = llmobs_cut_json_first(inner, "name");
    if (!llmobs_json_gets(message, "method"))
        (void)llmobs_json_sets(message, "method",
                               request_header(call, "mcp-method"));
    (void)llmobs_json_sets(params, "name", llmobs_json_text(name));
    (void)llmobs_json_set(message, "params", params);
    llmobs_json_free(name);
    return message;
}

static int read_requests(struct reading *reading)
{
    const struct llmobs_call *call = reading->call;
    int rc = call->request_truncated
                 ? -E2BIG
                 : llmobs_json_parse(call->request, &reading->body);

    if (rc == -E2BIG) {
        reading->span->input_dropped = true;
        reading->body = cut_request(call);
        rc = reading->body ? 0 : -ENOMEM;
    }
    if (rc == 0)
        rc = add_requests(reading);
    if (rc < 0)
        return rc == -ENOMEM ? rc : -ENOENT;
    return llmobs_json_len(reading->requests) > 0 ? 0 : -ENOENT;
}

/* -- what the request says ---------------------------------------------------
 */

static int set_json(char **field, const struct llmobs_json *value)
{
    char *text = llmobs_json_dumps(value, LLMOBS_JSON_KEEP_ORDER);

    if (!text)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}

static int name_span(struct reading *reading, const char *target)
{
    const struct operation *operation = reading->operation;
    char name[NAME_MAX_LEN];

    if (!operation->target)
        return llmobs_span_set(&reading->span->name, operation->span_name);
    snprintf(name, sizeof(name), "%s: %s", operation->span_name,
             target                                ? target
             : operation->kind == LLMOBS_KIND_TOOL ? "unknown_tool"
                                                   : "unknown");
    return llmobs_span_set(&reading->span->name, name);
}

static bool is_own(const char *key)
{
    return strcmp(key, "_meta") == 0 || strcmp(key, "requestState") == 0;
}

/* The arguments are the value, as Datadog's SDK for Python has it; of another
 * request the parameters without the protocol's own. */
static int set_input(struct reading *reading, const struct llmobs_json *params)
{
    struct llmobs_json *value;
    int rc;

    if (reading->span->input_dropped)
        return 0;
    if (reading->operation->kind == LLMOBS_KIND_TOOL) {
        value = llmobs_json_get(params, "arguments");
        value = llmobs_json_is_object(value) ? llmobs_json_share(value)
                                             : llmobs_json_object();
    } else {
        value = llmobs_json_object();
        for (void *it = llmobs_json_iter(params); it;
             it = llmobs_json_next(params, it))
            if (!is_own(llmobs_json_iter_key(it)))
                (void)llmobs_json_set(
                    value, llmobs_json_iter_key(it),
                    llmobs_json_share(llmobs_json_iter_value(it)));
    }
    rc = value ? set_json(&reading->span->input_value, value) : -ENOMEM;
    llmobs_json_free(value);
    return rc;
}

static void tell_version(struct reading *reading,
                         const struct llmobs_json *params)
{
    const char *version = request_header(reading->call, "mcp-protocol-version");

    if (!version)
        version = llmobs_json_gets(llmobs_json_get(params, "_meta"), PROTOCOL);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_MCP_PROTOCOL, version);
}

/* The value is a hash of the id (allowlist.h). The server gives it in its
 * answer to initialize. */
static void tell_session(struct reading *reading)
{
    static const char name[] = "mcp-session-id";
    const struct llmobs_call *call = reading->call;
    const char *session = request_header(call, name);

    if (!session)
        session = llmobs_header_find(call->response_headers,
                                     call->response_header_count, name);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_MCP_SESSION, session);
}

static void tell_id(struct reading *reading, const struct llmobs_json *id)
{
    char *text = llmobs_json_is_string(id) ? NULL : llmobs_json_dumps(id, 0);

    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_RPC_ID,
                     text ? text : llmobs_json_text(id));
    free(text);
}

static int read_request(struct reading *reading,
                        const struct llmobs_json *message)
{
    const struct llmobs_json *params = llmobs_json_get(message, "params");
    struct llmobs_facts *facts = &reading->span->facts;
    const char *method = llmobs_json_gets(message, "method"), *target = NULL;
    int rc;

    reading->operation = find_operation(method);
    reading->span->kind = reading->operation->kind;
    if (reading->operation->target)
        target = llmobs_json_gets(params, reading->operation->target);
    llmobs_span_fact(facts, LLMOBS_FACT_MCP_METHOD, method);
    llmobs_span_fact(facts, LLMOBS_FACT_MCP_TARGET, target);
    tell_id(reading, llmobs_json_get(message, "id"));
    tell_version(reading, params);
    rc = name_span(reading, target);
    return rc < 0 ? rc : set_input(reading, params);
}

/* Of several requests in one body there is one span, for they are one call. */
static int read_batch(struct reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_span_set(&span->name, "MCP Client Batch");

    span->kind = LLMOBS_KIND_TASK;
    tell_version(reading, NULL);
    return rc < 0 ? rc : set_json(&span->input_value, reading->requests);
}

/* -- the answer ---------------------------------------------------------------
 */

static bool same_id(const struct llmobs_json *a, const struct llmobs_json *b)
{
    if (llmobs_json_is_string(a) && llmobs_json_is_string(b))
        return strcmp(llmobs_json_text(a), llmobs_json_text(b)) == 0;
    if (llmobs_json_is_int(a) && llmobs_json_is_int(b))
        return llmobs_json_to_int(a) == llmobs_json_to_int(b);
    return llmobs_json_is_number(a) && llmobs_json_is_number(b) &&
           llmobs_json_to_real(a) == llmobs_json_to_real(b);
}

/* A server that could not read the request's id answers with an error without
 * one. */
static bool answers(const struct reading *reading,
                    const struct llmobs_json *message)
{
    const struct llmobs_json *error = llmobs_json_get(message, "error");
    const struct llmobs_json *id = llmobs_json_get(message, "id");

    if (!error && !llmobs_json_get(message, "result"))
        return false;
    if (!id || llmobs_json_is_null(id))
        return error && reading->operation;
    for (size_t i = 0; i < llmobs_json_len(reading->requests); i++)
        if (same_id(id, llmobs_json_get(llmobs_json_at(reading->requests, i),
                                        "id")))
            return true;
    return false;
}

static bool is_answered(const struct reading *reading)
{
    return llmobs_json_len(reading->answers) >=
           llmobs_json_len(reading->requests);
}

static int take_message(struct reading *reading, struct llmobs_json *message)
{
    if (is_answered(reading) || !answers(reading, message))
        return 0;
    return llmobs_json_add(reading->answers, llmobs_json_share(message));
}

/* Notifications and requests of the server's come on a stream, too. */
static int take_messages(struct reading *reading, struct llmobs_json *body)
{
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return take_message(reading, body);
    for (size_t i = 0; rc == 0 && i < llmobs_json_len(body); i++)
        rc = take_message(reading, llmobs_json_at(body, i));
    return rc;
}

/* Since 2025-11-25 a server that has given an event an id may let go of the
 * stream: the client fetches the answer by a GET, which is no call. */
static bool goes_on_elsewhere(const struct reading *reading,
                              const struct llmobs_events *events)
{
    return events->sse.has_ids && reading->call->transport_ok;
}

static int take_events(struct reading *reading, struct llmobs_text text,
                       bool whole)
{
    struct llmobs_events events;
    struct llmobs_event event;
    int rc = 0, more = 0;

    llmobs_events_init(&events, LLMOBS_FRAMING_SSE, text, whole);
    while (rc == 0 && !is_answered(reading) &&
           (more = llmobs_events_next(&events, &event)) == 1)
        if (event.json)
            rc = take_messages(reading, event.json);
    if (is_answered(reading) || goes_on_elsewhere(reading, &events))
        reading->span->complete = true;
    llmobs_events_fini(&events);
    return more < 0 ? more : rc;
}

static int take_stream(struct reading *reading)
{
    const struct llmobs_call *call = reading->call;
    int rc = take_events(reading, call->response, true);

    if (rc == 0 && call->response_truncated)
        rc = take_events(reading, call->response_tail, false);
    reading->span->streamed = true;
    return rc;
}

/* An answer whose middle is missing still says whether the tool failed. */
static int take_ends(struct reading *reading)
{
    struct llmobs_text tail = reading->call->response_tail;
    struct llmobs_json *failed;
    int rc = 0;

    if (tail.len == 0)
        tail = reading->call->response;
    failed = llmobs_cut_json_last(tail, "isError");
    reading->span->output_dropped = true;
    if (llmobs_json_is_true(failed))
        rc = llmobs_span_fail(reading->span, "tool_error", "");
    llmobs_json_free(failed);
    return rc;
}

static int take_answer(struct reading *reading, struct llmobs_answer *answer)
{
    switch (answer->form) {
    case LLMOBS_ANSWER_JSON:
        reading->span->complete = true;
        return take_messages(reading, answer->json);
    case LLMOBS_ANSWER_STREAM:
        return take_stream(reading);
    case LLMOBS_ANSWER_CUT:
    case LLMOBS_ANSWER_BEYOND:
        return take_ends(reading);
    default:
        return 0;
    }
}

/* -- what the answer says
 * ------------------------------------------------------ */

static int set_or_empty(struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    return llmobs_json_set(to, key,
                           llmobs_json_is_object(value)
                               ? llmobs_json_share(value)
                               : llmobs_json_object());
}

/* Takes the bytes of images, audio and files out, which are base64 in members
 * of these names: down to the parts of a message of a prompt in a batch. */
static void drop_bytes(struct llmobs_json *value, int depth)
{
    if (depth > PARTS_DEPTH_MAX)
        return;
    for (size_t i = 0; i < llmobs_json_len(value); i++)
        drop_bytes(llmobs_json_at(value, i), depth + 1);
    if (!llmobs_json_is_object(value))
        return;
    if (llmobs_json_get(value, "mimeType")) {
        llmobs_json_unset(value, "data");
        llmobs_json_unset(value, "blob");
    }
    for (void *it = llmobs_json_iter(value); it;
         it = llmobs_json_next(value, it))
        drop_bytes(llmobs_json_iter_value(it), depth + 1);
}

/* A part without its bytes: images and audio are told by their type alone. */
static int add_part(struct llmobs_json *parts, const struct llmobs_json *part)
{
    static const char *const keys[] = {"name", "uri", "mimeType"};
    const struct llmobs_json *resource = llmobs_json_get(part, "resource");
    const char *type = llmobs_json_gets(part, "type");
    const char *text = llmobs_json_gets(part, "text");
    struct llmobs_json *out = llmobs_json_object();
    int rc = llmobs_json_sets(out, "type", type ? type : "");

    if (rc == 0)
        rc = set_or_empty(out, "annotations",
                          llmobs_json_get(part, "annotations"));
    if (rc == 0)
        rc = set_or_empty(out, "meta", llmobs_json_get(part, "_meta"));
    if (!text)
        text = llmobs_json_gets(resource, "text");
    if (rc == 0)
        rc = llmobs_json_sets(out, "text", text);
    for (size_t i = 0; rc == 0 && i < sizeof(keys) / sizeof(*keys); i++) {
        const char *value = llmobs_json_gets(part, keys[i]);

        rc = llmobs_json_sets(
            out, keys[i], value ? value : llmobs_json_gets(resource, keys[i]));
    }
    if (rc < 0) {
        llmobs_json_free(out);
        return rc;
    }
    return llmobs_json_add(parts, out);
}

/* Sets an output as the server wrote it, without the bytes of its parts. */
static int set_output(struct reading *reading, const struct llmobs_json *value)
{
    struct llmobs_json *copy = llmobs_json_clone(value);
    int rc = copy ? 0 : -ENOMEM;

    if (rc == 0)
        drop_bytes(copy, 0);
    if (rc == 0)
        rc = set_json(&reading->span->output_value, copy);
    llmobs_json_free(copy);
    return rc;
}

static int fail_tool(struct llmobs_span *span, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    const char *text = llmobs_json_gets(llmobs_json_at(content, 0), "text");

    return llmobs_span_fail(span, "tool_error", text);
}

/* Beside the parts there may be the same as one value, which is told where no
 * part is. */
static int fill_tool(struct llmobs_json *out, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    struct llmobs_json *value = llmobs_json_get(result, "structuredContent");
    struct llmobs_json *parts = llmobs_json_array();
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(content); i++)
        if (llmobs_json_is_object(llmobs_json_at(content, i)))
            rc = add_part(parts, llmobs_json_at(content, i));
    if (rc == 0 && value && llmobs_json_len(parts) == 0)
        rc =
            llmobs_json_set(out, "structuredContent", llmobs_json_share(value));
    if (rc < 0) {
        llmobs_json_free(parts);
        return rc;
    }
    return llmobs_json_set(out, "content", parts);
}

static int read_tool(struct reading *reading, const struct llmobs_json *result)
{
    struct llmobs_json *out = llmobs_json_object();
    bool failed = llmobs_json_is_true(llmobs_json_get(result, "isError"));
    int rc = fill_tool(out, result);

    if (rc == 0)
        rc = llmobs_json_set(out, "isError", llmobs_json_bool(failed));
    if (rc == 0)
        rc = set_json(&reading->span->output_value, out);
    if (rc == 0 && failed)
        rc = fail_tool(reading->span, result);
    llmobs_json_free(out);
    return rc;
}

static bool is_complete(const struct llmobs_json *result)
{
    const char *type = llmobs_json_gets(result, "resultType");

    return !type || strcmp(type, "complete") == 0;
}

/* The server wants to know more before it goes on: what it asks for is the
 * output. Its state is its own, and may be a secret. */
static int read_asked(struct reading *reading, const struct llmobs_json *result)
{
    struct llmobs_json *out = llmobs_json_object();
    struct llmobs_json *asked = llmobs_json_get(result, "inputRequests");
    int rc = llmobs_json_sets(out, "resultType",
                              llmobs_json_gets(result, "resultType"));

    if (rc == 0 && asked)
        rc = llmobs_json_set(out, "inputRequests", llmobs_json_share(asked));
    if (rc == 0)
        rc = set_json(&reading->span->output_value, out);
    llmobs_json_free(out);
    return rc;
}

static int add_tag(struct llmobs_json **tags, const char *key,
                   const char *value)
{
    char text[NAME_MAX_LEN];

    if (!value || !*value)
        return 0;
    if (!*tags)
        *tags = llmobs_json_array();
    snprintf(text, sizeof(text), "%s:%s", key, value);
    return llmobs_json_add(*tags, llmobs_json_string(text));
}

/* Until 2025-11-25 only the answer to initialize says who the server is, for
 * all calls of its session. */
static int tag_server(struct reading *reading, const struct llmobs_json *result)
{
    const struct llmobs_json *info = llmobs_json_get(result, "serverInfo");
    struct llmobs_json **tags = &reading->span->extra_tags;
    int rc;

    if (!llmobs_json_is_object(info))
        info = llmobs_json_get(llmobs_json_get(result, "_meta"), SERVER_INFO);
    rc = add_tag(tags, SERVER_TAGS "name", llmobs_json_gets(info, "name"));
    if (rc == 0)
        rc = add_tag(tags, SERVER_TAGS "version",
                     llmobs_json_gets(info, "version"));
    if (rc == 0)
        rc =
            add_tag(tags, SERVER_TAGS "title", llmobs_json_gets(info, "title"));
    return rc;
}

static int fail_rpc(struct llmobs_span *span, const struct llmobs_json *error)
{
    const struct llmobs_json *code = llmobs_json_get(error, "code");
    const char *message = llmobs_json_gets(error, "message");
    char type[CODE_LEN] = "jsonrpc_error";

    if (llmobs_json_is_int(code))
        snprintf(type, sizeof(type), "%lld",
                 (long long)llmobs_json_to_int(code));
    return llmobs_span_fail(span, type, message);
}

static int read_result(struct reading *reading,
                       const struct llmobs_json *message)
{
    const struct llmobs_json *result = llmobs_json_get(message, "result");
    int rc;

    if (llmobs_json_get(message, "error"))
        return fail_rpc(reading->span, llmobs_json_get(message, "error"));
    rc = tag_server(reading, result);
    if (rc < 0)
        return rc;
    if (reading->operation->kind == LLMOBS_KIND_TASK)
        llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_MCP_PROTOCOL,
                         llmobs_json_gets(result, "protocolVersion"));
    if (!is_complete(result))
        return read_asked(reading, result);
    if (reading->operation->kind == LLMOBS_KIND_TOOL)
        return read_tool(reading, result);
    return set_output(reading, result);
}

static int read_batch_results(struct reading *reading)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(reading->answers); i++) {
        const struct llmobs_json *message = llmobs_json_at(reading->answers, i);
        const struct llmobs_json *error = llmobs_json_get(message, "error");
        const struct llmobs_json *result = llmobs_json_get(message, "result");

        if (error)
            rc = fail_rpc(reading->span, error);
        else if (llmobs_json_is_true(llmobs_json_get(result, "isError")))
            rc = fail_tool(reading->span, result);
    }
    return rc < 0 ? rc : set_output(reading, reading->answers);
}

static int read_answer(struct reading *reading)
{
    struct llmobs_answer answer;
    int rc =
        llmobs_answer_read(reading->call, true, LLMOBS_FRAMING_SSE, &answer);

    if (rc == 0)
        rc = take_answer(reading, &answer);
    if (rc == 0 && llmobs_json_len(reading->answers) > 0)
        rc = reading->operation
                 ? read_result(reading, llmobs_json_at(reading->answers, 0))
                 : read_batch_results(reading);
    if (rc == 0)
        rc = llmobs_error_of_status(answer.json, reading->call, reading->span);
    llmobs_answer_fini(&answer);
    return rc;
}

static int read_all(struct reading *reading)
{
    int rc = read_requests(reading);

    if (rc < 0)
        return rc;
    reading->span->output_dropped = reading->call->response_truncated;
    reading->span->session_tags = SERVER_TAGS;
    tell_session(reading);
    rc = llmobs_json_len(reading->requests) == 1
             ? read_request(reading, llmobs_json_at(reading->requests, 0))
             : read_batch(reading);
    if (rc == 0 && reading->span->kind == LLMOBS_KIND_TOOL)
        rc = add_tag(&reading->span->extra_tags, "mcp_tool_kind", "client");
    return rc < 0 ? rc : read_answer(reading);
}

static int mcp_read(const struct llmobs_classified *classified,
                    struct llmobs_span *span)
{
    struct reading reading = {.call = classified->call,
                              .span = span,
                              .requests = llmobs_json_array(),
                              .answers = llmobs_json_array()};
    int rc = reading.requests && reading.answers ? read_all(&reading) : -ENOMEM;

    llmobs_json_free(reading.body);
    llmobs_json_free(reading.requests);
    llmobs_json_free(reading.answers);
    return rc;
}

/* Transports of 2025-06-18 and later have fields of their own in the header of
 * each request but initialize; every POST accepts both forms of an answer, and
 * so do those of other services. */
static const struct llmobs_sign signs[] = {
    {.name = "mcp-method:"},
    {.name = "mcp-name:"},
    {.name = "mcp-protocol-version:"},
    {.name = "mcp-session-id:"},
    {.name = "accept:",
     .values = {"text/event-stream", "application/json"},
     .in_body = "\"jsonrpc\""},
    {.name = NULL},
};

static const struct llmobs_shape shapes[] = {
    {.method = "POST",
     .path = "/mcp", /* its name alone: servers have other paths, too */
     .operation = "message",
     .span_name = "MCP Client Request",
     .kind = LLMOBS_KIND_TASK,
     .signs = signs},
    {.path = NULL},
};

const struct llmobs_dialect llmobs_dialect_mcp = {
    .name = "mcp",
    .integration = "mcp",
    .shapes = shapes,
    .read = mcp_read,
};
