/* MCP over its Streamable HTTP transport, as a client speaks it (WIRE 6.14). A
 * message is one of JSON-RPC 2.0; until protocol version 2025-03-26 a body may
 * be a list of them. Code, since the method decides how a message is read, and
 * an answer may come by a later request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/answer.h"
#include "rules/read/cut_json.h"
#include "rules/read/dialect.h"
#include "rules/read/error.h"
#include "rules/read/jobs.h"
#include "rules/read/match.h"
#include "rules/read/media.h"
#include "lib/span/span.h"

/* -- results --------------------------------------------------------------- */

/* The beginning of the tags for the server's name, version and title. */
#define LLMOBS_MCP_SERVER_TAGS "mcp_server_"

/* A request whose result comes with another request's answer. All borrowed. */
struct llmobs_mcp_job {
    const char *what;    /* LLMOBS_MCP_...: by which kind of id */
    const char *session; /* a hash of the session's id; NULL: none */
    const char *id;      /* NULL or empty: none */
};

/* Kinds of `what`: the id is the task's; the id is the request's, as JSON. */
#define LLMOBS_MCP_TASK "task"
#define LLMOBS_MCP_STREAM "stream"

#define SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define RELATED_TASK "io.modelcontextprotocol/related-task"
#define CODE_LEN 32
#define JOB_ID_MAX 1024

/* -- values ------------------------------------------------------------------
 */

static int mcp_set_json(char **field, const struct llmobs_json *value)
{
    struct llmobs_json *words = llmobs_media_words(value, "data");
    char *text =
        words ? llmobs_json_dumps(words, LLMOBS_JSON_KEEP_ORDER) : NULL;

    llmobs_json_free(words);
    if (!text)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}

static int set_or_empty(struct llmobs_json *to, const char *key,
                        struct llmobs_json *value)
{
    return llmobs_json_set(to, key,
                           llmobs_json_is_object(value)
                               ? llmobs_json_share(value)
                               : llmobs_json_object());
}

static void drop_text(struct llmobs_json *object, const char *key)
{
    if (llmobs_json_gets(object, key))
        llmobs_json_unset(object, key);
}

/* Takes the bytes of images, audio and files out, which are base64 in members
 * of these names, however short; a file may have no type. A server's state,
 * which may be a secret, goes with them. */
static void drop_own(struct llmobs_json *value)
{
    LLMOBS_JSON_EACH (one, value, true)
        drop_own(one);
    if (!llmobs_json_is_object(value))
        return;
    llmobs_json_unset(value, "requestState");
    if (llmobs_json_get(value, "mimeType"))
        drop_text(value, "data");
    if (llmobs_json_get(value, "mimeType") || llmobs_json_get(value, "uri"))
        drop_text(value, "blob");
    for (void *it = llmobs_json_iter(value); it;
         it = llmobs_json_next(value, it))
        drop_own(llmobs_json_iter_value(it));
}

/* Adds a part without its bytes: of images and audio only the type. */
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

/* Sets an output as the server wrote it, without the bytes of its parts and
 * without its state. */
static int set_output(struct llmobs_span *span, const struct llmobs_json *value)
{
    struct llmobs_json *copy = llmobs_json_clone(value);
    int rc = copy ? 0 : -ENOMEM;

    if (rc == 0)
        drop_own(copy);
    if (rc == 0)
        rc = mcp_set_json(&span->output_value, copy);
    llmobs_json_free(copy);
    return rc;
}

static int fail_tool(struct llmobs_span *span, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    const char *text = llmobs_json_gets(llmobs_json_at(content, 0), "text");

    return llmobs_span_fail(span, "tool_error", text);
}

/* A response may have one value beside its parts. Many servers repeat it as the
 * text of a part. */
static int fill_tool(struct llmobs_json *out, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    struct llmobs_json *value = llmobs_json_get(result, "structuredContent");
    struct llmobs_json *parts = llmobs_json_array();
    bool repeated = false;
    int rc = 0;

    LLMOBS_JSON_EACH (one, content, rc == 0) {
        const char *text = llmobs_json_gets(one, "text");

        repeated = repeated || (text && strchr("{[", *text));
        if (llmobs_json_is_object(one))
            rc = add_part(parts, one);
    }
    if (rc == 0 && value && !repeated)
        rc =
            llmobs_json_set(out, "structuredContent", llmobs_json_share(value));
    if (rc < 0) {
        llmobs_json_free(parts);
        return rc;
    }
    return llmobs_json_set(out, "content", parts);
}

static int read_tool(struct llmobs_span *span, const struct llmobs_json *result)
{
    struct llmobs_json *out = llmobs_json_object();
    bool failed = llmobs_json_is_true(llmobs_json_get(result, "isError"));
    int rc = fill_tool(out, result);

    if (rc == 0)
        rc = llmobs_json_set(out, "isError", llmobs_json_bool(failed));
    if (rc == 0)
        rc = mcp_set_json(&span->output_value, out);
    if (rc == 0 && failed)
        rc = fail_tool(span, result);
    llmobs_json_free(out);
    return rc;
}

static bool is_complete(const struct llmobs_json *result)
{
    const char *type = llmobs_json_gets(result, "resultType");

    return !type || strcmp(type, "complete") == 0;
}

/* Adds "key:value", unless the value is NULL or empty, to *tags, which may be
 * NULL at first. */
static int mcp_add_tag(struct llmobs_json **tags, const char *key,
                       const char *value)
{
    char *text = NULL;
    int rc;

    if (!value || !*value)
        return 0;
    if (!*tags)
        *tags = llmobs_json_array();
    rc = llmobs_span_set_format(&text, "%s:%s", key, value);
    if (!rc)
        rc = llmobs_json_add(*tags, llmobs_json_string(text));
    free(text);
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

/* -- tasks -------------------------------------------------------------------
 */

/* Notes that the span's request began the job, or asks for it. Leaves out a job
 * whose id is too long. */
static int mcp_job(struct llmobs_span *span, enum llmobs_job_part part,
                   const struct llmobs_mcp_job *job)
{
    const char *const texts[] = {
        job->what, " ", job->session ? job->session : "", " ", job->id};
    struct llmobs_buf id;
    int rc = 0;

    if (!job->id || !*job->id)
        return 0;
    llmobs_buf_init(&id, JOB_ID_MAX);
    for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(*texts); i++)
        rc = llmobs_buf_adds(&id, texts[i]);
    if (rc == 0)
        rc = part == LLMOBS_JOB_BEGUN ? llmobs_job_begun(span, id.data, NULL)
                                      : llmobs_job_asks(span, id.data);
    llmobs_buf_fini(&id);
    return rc == -EFBIG ? 0 : rc;
}

/* The value if it is a task; else NULL. */
static const struct llmobs_json *as_task(const struct llmobs_json *value)
{
    return llmobs_json_gets(value, "taskId") ? value : NULL;
}

/* The task in place of the tool's result; NULL: there is none. In 2025-11-25
 * the task is a member of the result; since then it is the result. */
static const struct llmobs_json *task_instead(const struct llmobs_json *result)
{
    if (llmobs_json_says(result, "resultType", "task"))
        return as_task(result);
    if (llmobs_json_get(result, "content"))
        return NULL;
    return as_task(llmobs_json_get(result, "task"));
}

/* Up to the version of 2025-11-25, tasks/result has the error. In later
 * versions the task itself has the error, or has the result of the tool that
 * failed. */
static int fail_task(struct llmobs_span *span, const struct llmobs_json *task)
{
    const struct llmobs_json *error = llmobs_json_get(task, "error");
    const struct llmobs_json *result = llmobs_json_get(task, "result");
    const char *status = llmobs_json_gets(task, "status");

    if (llmobs_json_is_true(llmobs_json_get(result, "isError")))
        return fail_tool(span, result);
    if (!status || strcmp(status, "failed") != 0)
        return 0;
    return error ? fail_rpc(span, error)
                 : llmobs_span_fail(span, status,
                                    llmobs_json_gets(task, "statusMessage"));
}

static int set_task(struct llmobs_span *span, const struct llmobs_json *task)
{
    int rc = llmobs_json_sets(span->metadata, "task_id",
                              llmobs_json_gets(task, "taskId"));

    if (rc == 0)
        rc = llmobs_json_sets(span->metadata, "status",
                              llmobs_json_gets(task, "status"));
    return rc < 0 ? rc : fail_task(span, task);
}

/* The task to which the answer belongs, by its _meta; NULL: it has none. */
static const char *mcp_related_task(const struct llmobs_json *message)
{
    const struct llmobs_json *meta =
        llmobs_json_get(llmobs_json_get(message, "result"), "_meta");

    return llmobs_json_gets(llmobs_json_get(meta, RELATED_TASK), "taskId");
}

/* -- all of it ---------------------------------------------------------------
 */

static int read_one_result(struct llmobs_span *span, const char *session,
                           const struct llmobs_json *message)
{
    const struct llmobs_json *result = llmobs_json_get(message, "result");
    int rc;
    const struct llmobs_json *info;
    struct llmobs_json **tags;
    const struct llmobs_json *task;

    if (llmobs_json_get(message, "error"))
        return fail_rpc(span, llmobs_json_get(message, "error"));
    /* Up to the version of 2025-11-25, only the answer to initialize names the
     * server, for all calls of the session. */
    info = llmobs_json_get(result, "serverInfo");
    tags = &span->extra_tags;
    if (!llmobs_json_is_object(info))
        info = llmobs_json_get(llmobs_json_get(result, "_meta"), SERVER_INFO);
    rc = mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "name",
                     llmobs_json_gets(info, "name"));
    if (rc == 0)
        rc = mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "version",
                         llmobs_json_gets(info, "version"));
    if (rc == 0)
        rc = mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "title",
                         llmobs_json_gets(info, "title"));
    if (rc < 0)
        return rc;
    if (span->kind == LLMOBS_KIND_TASK)
        llmobs_span_fact(&span->facts, LLMOBS_FACT_MCP_PROTOCOL,
                         llmobs_json_gets(result, "protocolVersion"));
    task = task_instead(result);
    if (span->kind == LLMOBS_KIND_TOOL && task) {
        /* The tool goes on after this call: its result comes with a later call.
         */
        const struct llmobs_mcp_job job = {LLMOBS_MCP_TASK, session,
                                           llmobs_json_gets(task, "taskId")};

        rc = mcp_job(span, LLMOBS_JOB_BEGUN, &job);
        if (rc == 0)
            rc = set_task(span, task);
        return rc < 0 ? rc : set_output(span, result);
    }
    if (!is_complete(result)) {
        /* The server asks for more input before it goes on: its questions are
         * the output. Its state is left out, since it may be a secret. */
        struct llmobs_json *out = llmobs_json_object();
        struct llmobs_json *asked = llmobs_json_get(result, "inputRequests");

        rc = llmobs_json_sets(out, "resultType",
                              llmobs_json_gets(result, "resultType"));
        if (rc == 0 && asked)
            rc =
                llmobs_json_set(out, "inputRequests", llmobs_json_share(asked));
        if (rc == 0)
            rc = set_output(span, out);
        llmobs_json_free(out);
        return rc;
    }
    /* A late result of a tool has the same form as a result in the tool's own
     * answer. */
    if (span->kind == LLMOBS_KIND_TOOL ||
        llmobs_json_is_array(llmobs_json_get(result, "content")))
        return read_tool(span, result);
    if (span->job.part == LLMOBS_JOB_ASKED)
        rc = set_task(span, task ? task : as_task(result));
    return rc < 0 ? rc : set_output(span, result);
}

#define PROTOCOL "io.modelcontextprotocol/protocolVersion"
/* A resumed stream has the answers to one request, or to a list of requests. At
 * most this many requests of a list are noted. */
#define LATE_MAX 64

/* The requests that make a span. Names and kinds of the first three are those
 * of Datadog's SDK for Python, which makes no spans for the others. */
static const struct operation {
    const char *method;
    const char *span_name;
    enum llmobs_kind kind;
    const char *target; /* the parameter that names the tool, prompt, ... */
    bool tasks;         /* the request is about tasks */
} operations[] = {
    {"tools/call", "MCP Client Tool Call", LLMOBS_KIND_TOOL, "name", false},
    {"initialize", "MCP Client Initialize", LLMOBS_KIND_TASK, NULL, false},
    {"tools/list", "MCP Client list Tools", LLMOBS_KIND_TASK, NULL, false},
    {"server/discover", "MCP Client Discover", LLMOBS_KIND_TASK, NULL, false},
    {"prompts/get", "MCP Client Get Prompt", LLMOBS_KIND_TASK, "name", false},
    {"resources/read", "MCP Client Read Resource", LLMOBS_KIND_TASK, NULL,
     false},
    {"tasks/get", "MCP Client Get Task", LLMOBS_KIND_TASK, NULL, true},
    {"tasks/result", "MCP Client Task Result", LLMOBS_KIND_TASK, NULL, true},
    {"tasks/cancel", "MCP Client Cancel Task", LLMOBS_KIND_TASK, NULL, true},
    {"tasks/update", "MCP Client Update Task", LLMOBS_KIND_TASK, NULL, true},
    {"tasks/list", "MCP Client List Tasks", LLMOBS_KIND_TASK, NULL, true},
};

/* A call while it is read. */
struct reading {
    const struct llmobs_call *call;
    struct llmobs_span *span;
    struct llmobs_json *body;          /* of the request; NULL: cut */
    struct llmobs_json *requests;      /* the requests that make a span */
    const struct operation *operation; /* the only request's; NULL: several */
    struct llmobs_json *answers;       /* to the requests, as they came */
    bool resumed; /* the call resumes an earlier call's stream: of the
                   * requests only the ids, in the answers, are known */
    bool has_ids; /* a later call may resume this call's stream */
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

/* A message without an id is a notification. A message without a method is the
 * answer to a request of the server. */
static bool is_request(const struct llmobs_json *message)
{
    const struct llmobs_json *id = llmobs_json_get(message, "id");

    return llmobs_json_says(message, "jsonrpc", "2.0") &&
           (llmobs_json_is_string(id) || llmobs_json_is_number(id)) &&
           find_operation(llmobs_json_gets(message, "method"));
}

/* False for a call of A2A, whose methods for tasks have the same names as
 * MCP's. A client of MCP that knows tasks also sends a header with the version
 * or the session. */
static bool may_be(const struct llmobs_call *call,
                   const struct llmobs_json *message)
{
    return !find_operation(llmobs_json_gets(message, "method"))->tasks ||
           request_header(call, "mcp-protocol-version") ||
           request_header(call, "mcp-session-id");
}

static int add_request(struct reading *reading, struct llmobs_json *message)
{
    return is_request(message) && may_be(reading->call, message)
               ? llmobs_json_add(reading->requests, llmobs_json_share(message))
               : 0;
}

static int add_requests(struct reading *reading)
{
    struct llmobs_json *body = reading->body;
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return add_request(reading, body);
    LLMOBS_JSON_EACH (one, body, rc == 0)
        rc = add_request(reading, one);
    return rc;
}

/* The text from the value of `key` on, which is an object; empty: there is
 * none. */
static struct llmobs_text from_object(struct llmobs_text text, const char *key)
{
    const struct llmobs_text none = {NULL, 0};
    const char *end, *at;

    if (text.len == 0)
        return none;
    end = text.data + text.len;
    at = memmem(text.data, text.len, key, strlen(key));
    if (at)
        at = memchr(at, '{', (size_t)(end - at));
    return at ? (struct llmobs_text){at, (size_t)(end - at)} : none;
}

/* Makes a request of one whose middle is missing: of the members at its ends,
 * and the name or task in its parameters. Newer protocol versions also have the
 * method in the header. */
static struct llmobs_json *cut_request(const struct llmobs_call *call)
{
    static const char keys[] = "jsonrpc\0id\0method\0";
    static const char inner_keys[] = "name\0taskId\0";
    struct llmobs_text head = call->request, tail = call->request_tail;
    struct llmobs_text inner = from_object(head, "\"params\"");
    const struct llmobs_text none = {NULL, 0};
    struct llmobs_json *message;

    if (!llmobs_match_object(head))
        return llmobs_json_object();
    if (tail.len == 0)
        tail = head;
    message = llmobs_cut_json_object(head, tail, keys);
    if (!llmobs_json_gets(message, "method"))
        (void)llmobs_json_sets(message, "method",
                               request_header(call, "mcp-method"));
    (void)llmobs_json_set(message, "params",
                          llmobs_cut_json_object(inner, none, inner_keys));
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

static int name_span(struct reading *reading, const char *target)
{
    const struct operation *operation = reading->operation;

    if (!operation->target)
        return llmobs_span_set(&reading->span->name, operation->span_name);
    return llmobs_span_set_format(
        &reading->span->name, "%s: %s", operation->span_name,
        target                                ? target
        : operation->kind == LLMOBS_KIND_TOOL ? "unknown_tool"
                                              : "unknown");
}

/* Gives the parameters without the protocol's own. NULL without memory. */
static struct llmobs_json *without_own(const struct llmobs_json *params)
{
    struct llmobs_json *value = llmobs_json_object();

    for (void *it = llmobs_json_iter(params); it;
         it = llmobs_json_next(params, it)) {
        const char *key = llmobs_json_iter_key(it);

        if (strcmp(key, "_meta") != 0 && strcmp(key, "requestState") != 0)
            (void)llmobs_json_set(
                value, key, llmobs_json_share(llmobs_json_iter_value(it)));
    }
    return value;
}

/* Where Datadog's SDK traces a server, it adds an argument to each tool's
 * schema, {"telemetry": {"intent"}}, by which the model says why it calls.
 * Gives the arguments without it. NULL without memory. */
static struct llmobs_json *without_intent(struct llmobs_json *arguments,
                                          struct llmobs_span *span)
{
    struct llmobs_json *telemetry = llmobs_json_get(arguments, "telemetry");
    const char *intent = llmobs_json_gets(telemetry, "intent");
    struct llmobs_json *rest;

    if (!llmobs_json_is_object(arguments))
        return llmobs_json_object();
    if (!intent || !*intent)
        return llmobs_json_share(arguments);
    if (llmobs_span_set(&span->intent, intent) != 0)
        return NULL;
    if (llmobs_json_len(telemetry) > 1)
        return llmobs_json_share(arguments);
    rest = llmobs_json_clone(arguments);
    llmobs_json_unset(rest, "telemetry");
    return rest;
}

static void set_version(struct reading *reading,
                        const struct llmobs_json *params)
{
    const char *version = request_header(reading->call, "mcp-protocol-version");

    if (!version)
        version = llmobs_json_gets(llmobs_json_get(params, "_meta"), PROTOCOL);
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_MCP_PROTOCOL, version);
}

/* A hash of the session's id (allowlist.h), or NULL. The server gives the id in
 * its answer to initialize. */
static const char *session_of(const struct llmobs_call *call)
{
    static const char name[] = "mcp-session-id";
    const char *session = request_header(call, name);

    return session ? session
                   : llmobs_header_find(call->response_headers,
                                        call->response_header_count, name);
}

static void set_id(struct reading *reading, const struct llmobs_json *id)
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
    /* Servers may number tasks per session. */
    const struct llmobs_mcp_job job = {LLMOBS_MCP_TASK,
                                       session_of(reading->call),
                                       llmobs_json_gets(params, "taskId")};
    int rc;
    struct llmobs_json *value;

    reading->operation = find_operation(method);
    reading->span->kind = reading->operation->kind;
    if (reading->operation->target)
        target = llmobs_json_gets(params, reading->operation->target);
    llmobs_span_fact(facts, LLMOBS_FACT_MCP_METHOD, method);
    llmobs_span_fact(facts, LLMOBS_FACT_MCP_TARGET, target);
    set_id(reading, llmobs_json_get(message, "id"));
    set_version(reading, params);
    rc = name_span(reading, target);
    if (rc == 0 && reading->operation->tasks)
        rc = llmobs_json_sets(reading->span->metadata, "task_id", job.id);
    if (rc == 0 && reading->operation->tasks)
        rc = mcp_job(reading->span, LLMOBS_JOB_ASKED, &job);
    if (rc < 0)
        return rc;
    /* The arguments are the value, as Datadog's SDK for Python has it; of
     * another request the parameters without the protocol's own. */
    if (reading->span->input_dropped)
        return 0;
    value = reading->operation->kind == LLMOBS_KIND_TOOL
                ? without_intent(llmobs_json_get(params, "arguments"),
                                 reading->span)
                : without_own(params);
    rc = value ? mcp_set_json(&reading->span->input_value, value) : -ENOMEM;
    llmobs_json_free(value);
    return rc;
}

/* Several requests in one body make one span, as they are one call. */
static int read_batch(struct reading *reading)
{
    struct llmobs_span *span = reading->span;
    int rc = llmobs_span_set(&span->name, "MCP Client Batch");

    span->kind = LLMOBS_KIND_TASK;
    set_version(reading, NULL);
    LLMOBS_JSON_EACH (one, reading->requests, rc == 0) {
        const struct llmobs_json *params = llmobs_json_get(one, "params");

        if (params)
            rc = llmobs_json_set(one, "params", without_own(params));
    }
    return rc < 0 ? rc : mcp_set_json(&span->input_value, reading->requests);
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

static bool has_id(const struct llmobs_json *messages,
                   const struct llmobs_json *id)
{
    LLMOBS_JSON_EACH (one, messages, true)
        if (same_id(id, llmobs_json_get(one, "id")))
            return true;
    return false;
}

/* True for the first answer to a request of another call. */
static bool is_late(const struct reading *reading,
                    const struct llmobs_json *message)
{
    const struct llmobs_json *id = llmobs_json_get(message, "id");

    return llmobs_json_says(message, "jsonrpc", "2.0") &&
           !llmobs_json_get(message, "method") &&
           (llmobs_json_is_string(id) || llmobs_json_is_number(id)) &&
           !has_id(reading->answers, id);
}

/* True for an answer to the request. A server that could not read the request's
 * id answers with an error without id. */
static bool mcp_answers(const struct reading *reading,
                        const struct llmobs_json *message)
{
    const struct llmobs_json *error = llmobs_json_get(message, "error");
    const struct llmobs_json *id = llmobs_json_get(message, "id");

    if (!error && !llmobs_json_get(message, "result"))
        return false;
    if (!id || llmobs_json_is_null(id))
        return error && reading->operation;
    return reading->resumed ? is_late(reading, message)
                            : has_id(reading->requests, id);
}

static bool is_answered(const struct reading *reading)
{
    return llmobs_json_len(reading->answers) >=
           (reading->resumed ? LATE_MAX : llmobs_json_len(reading->requests));
}

static int read_message(struct reading *reading, struct llmobs_json *message)
{
    if (is_answered(reading) || !mcp_answers(reading, message))
        return 0;
    return llmobs_json_add(reading->answers, llmobs_json_share(message));
}

/* Notifications and requests of the server's come on a stream, too. */
static int read_messages(struct reading *reading, struct llmobs_json *body)
{
    int rc = 0;

    if (!llmobs_json_is_array(body))
        return read_message(reading, body);
    LLMOBS_JSON_EACH (one, body, rc == 0)
        rc = read_message(reading, one);
    return rc;
}

/* Takes an event whose middle is missing: in a resumed stream only this shows
 * that an answer came. */
static int read_cut(struct reading *reading, struct llmobs_text head)
{
    static const char keys[] = "jsonrpc\0id\0method\0";
    struct llmobs_text tail = reading->call->response_tail;
    struct llmobs_json *message;
    int rc = 0;

    if (!reading->resumed || !reading->call->response_truncated ||
        !(llmobs_cut_json_has(head, tail, "result") ||
          llmobs_cut_json_has(head, tail, "error")))
        return 0;
    message = llmobs_cut_json_object(head, tail, keys);
    if (!message)
        return -ENOMEM;
    if (is_late(reading, message))
        rc = llmobs_json_add(reading->answers, llmobs_json_share(message));
    llmobs_json_free(message);
    return rc;
}

static int read_events(struct reading *reading, struct llmobs_text text,
                       bool whole)
{
    struct llmobs_events events;
    struct llmobs_event event;
    int rc = 0, more = 0;

    llmobs_events_init(&events, LLMOBS_FRAMING_SSE, text, whole);
    while (rc == 0 && !is_answered(reading) &&
           (more = llmobs_events_next(&events, &event)) == 1)
        if (event.json)
            rc = read_messages(reading, event.json);
        else if (whole)
            rc = read_cut(reading, event.data);
    reading->has_ids = reading->has_ids || events.sse.has_ids;
    /* Since 2025-11-25 a server that has given an event an id may close the
     * stream: the client then fetches the answer by a GET, another call. */
    if (reading->resumed
            ? llmobs_json_len(reading->answers) > 0
            : is_answered(reading) ||
                  (events.sse.has_ids && reading->call->transport_ok))
        reading->span->complete = true;
    llmobs_events_fini(&events);
    return more < 0 ? more : rc;
}

/* An answer whose middle is missing still says whether the tool failed. */
static int read_ends(struct reading *reading)
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
        return read_messages(reading, answer->json);
    case LLMOBS_ANSWER_STREAM: {
        const struct llmobs_call *call = reading->call;
        int rc = read_events(reading, call->response, true);

        if (rc == 0 && call->response_truncated)
            rc = read_events(reading, call->response_tail, false);
        reading->span->streamed = true;
        return rc;
    }
    case LLMOBS_ANSWER_CUT:
    case LLMOBS_ANSWER_BEYOND:
        return read_ends(reading);
    default:
        return 0;
    }
}

/* Notes a request by its id and session: an id is unique in a session only. */
static int set_late(struct reading *reading, enum llmobs_job_part part,
                    const struct llmobs_json *id)
{
    struct llmobs_mcp_job job = {LLMOBS_MCP_STREAM, session_of(reading->call),
                                 NULL};
    char *text;
    int rc;

    if (!job.session)
        return 0;
    job.id = text = llmobs_json_dumps(id, 0);
    rc = text ? mcp_job(reading->span, part, &job) : -ENOMEM;
    free(text);
    return rc;
}

static int read_answers(struct reading *reading)
{
    const struct llmobs_json *first = llmobs_json_at(reading->answers, 0);
    int rc;

    if (reading->resumed && llmobs_json_len(reading->answers) == 1) {
        /* Reads the answer to an earlier call's request, or to one about a
         * task. */
        const struct llmobs_json *id = llmobs_json_get(first, "id");
        const struct llmobs_mcp_job job = {LLMOBS_MCP_TASK,
                                           session_of(reading->call),
                                           mcp_related_task(first)};

        rc = llmobs_json_sets(reading->span->metadata, "task_id", job.id);
        set_id(reading, id);
        if (rc == 0)
            rc = job.id ? mcp_job(reading->span, LLMOBS_JOB_ASKED, &job)
                        : set_late(reading, LLMOBS_JOB_ASKED, id);
        if (rc < 0)
            return rc;
        return llmobs_json_get(first, "result") ||
                       llmobs_json_get(first, "error")
                   ? read_one_result(reading->span, job.session, first)
                   : read_ends(reading);
    }
    if (reading->operation)
        return read_one_result(reading->span, session_of(reading->call), first);
    /* Reads the answers to a batch of requests, an array. */
    rc = 0;
    LLMOBS_JSON_EACH (message, reading->answers, rc == 0) {
        const struct llmobs_json *error = llmobs_json_get(message, "error");
        const struct llmobs_json *result = llmobs_json_get(message, "result");

        if (error)
            rc = fail_rpc(reading->span, error);
        else if (llmobs_json_is_true(llmobs_json_get(result, "isError")))
            rc = fail_tool(reading->span, result);
    }
    return rc < 0 ? rc : set_output(reading->span, reading->answers);
}

static int read_answer(struct reading *reading)
{
    struct llmobs_answer answer;
    int rc =
        llmobs_answer_read(reading->call, true, LLMOBS_FRAMING_SSE, &answer);

    if (rc == 0)
        rc = take_answer(reading, &answer);
    if (rc == 0 && llmobs_json_len(reading->answers) > 0)
        rc = read_answers(reading);
    if (rc == 0)
        rc = llmobs_error_of_status(answer.json, reading->call, reading->span);
    llmobs_answer_fini(&answer);
    return rc;
}

static void begin_span(struct reading *reading)
{
    reading->span->output_dropped = reading->call->response_truncated;
    reading->span->session_tags = LLMOBS_MCP_SERVER_TAGS;
    llmobs_span_fact(&reading->span->facts, LLMOBS_FACT_MCP_SESSION,
                     session_of(reading->call));
}

/* A resumed stream with nothing but the server's own messages is no call. */
static int read_resumed(struct reading *reading)
{
    int rc;

    begin_span(reading);
    set_version(reading, NULL);
    rc = read_answer(reading);
    if (rc == 0 && llmobs_json_len(reading->answers) == 0)
        rc = -ENOENT;
    return rc;
}

static int read_all(struct reading *reading)
{
    int rc = read_requests(reading);

    if (rc < 0)
        return rc;
    begin_span(reading);
    rc = llmobs_json_len(reading->requests) == 1
             ? read_request(reading, llmobs_json_at(reading->requests, 0))
             : read_batch(reading);
    if (rc == 0 && reading->span->kind == LLMOBS_KIND_TOOL)
        rc = mcp_add_tag(&reading->span->extra_tags, "mcp_tool_kind", "client");
    if (rc == 0)
        rc = read_answer(reading);
    if (rc == 0 && reading->has_ids && reading->operation &&
        llmobs_json_len(reading->answers) == 0 &&
        reading->span->job.part == LLMOBS_JOB_NONE)
        rc = set_late(
            reading, LLMOBS_JOB_BEGUN,
            llmobs_json_get(llmobs_json_at(reading->requests, 0), "id"));
    return rc;
}

int llmobs_mcp_read(const struct llmobs_classified *classified,
                    struct llmobs_span *span)
{
    struct reading reading = {.call = classified->call,
                              .span = span,
                              .requests = llmobs_json_array(),
                              .answers = llmobs_json_array(),
                              .resumed = classified->shape->resumes};
    int rc = -ENOMEM;

    if (reading.requests && reading.answers)
        rc = reading.resumed ? read_resumed(&reading) : read_all(&reading);
    llmobs_json_free(reading.body);
    llmobs_json_free(reading.requests);
    llmobs_json_free(reading.answers);
    return rc;
}

/* Transports of 2025-06-18 and later have fields of their own in the header of
 * each request but initialize; every POST accepts both forms of an answer, and
 * so do those of other services. */
const struct llmobs_sign llmobs_signs_mcp[] = {
    {.name = "mcp-method:"},
    {.name = "mcp-name:"},
    {.name = "mcp-protocol-version:"},
    {.name = "mcp-session-id:"},
    {.name = "accept:",
     .values = {"text/event-stream", "application/json"},
     .in_body = "\"jsonrpc\""},
    {.name = NULL},
};

/* Not Last-Event-ID: a browser's stream of events may have that header, too. */
const struct llmobs_sign llmobs_signs_mcp_resumed[] = {
    {.name = "mcp-protocol-version:"},
    {.name = "mcp-session-id:"},
    {.name = NULL},
};
