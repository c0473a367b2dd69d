#include "rules/tables/mcp_result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/read/jobs.h"
#include "rules/read/media.h"

#define SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define RELATED_TASK "io.modelcontextprotocol/related-task"
#define CODE_LEN 32
#define JOB_ID_MAX 1024

/* -- values ------------------------------------------------------------------
 */

int llmobs_mcp_set_json(char **field, const struct llmobs_json *value)
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
        rc = llmobs_mcp_set_json(&span->output_value, copy);
    llmobs_json_free(copy);
    return rc;
}

static int fail_tool(struct llmobs_span *span, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    const char *text = llmobs_json_gets(llmobs_json_at(content, 0), "text");

    return llmobs_span_fail(span, "tool_error", text);
}

/* An answer may have its parts again as one value. The value is the output
 * where the answer has no part. */
static int fill_tool(struct llmobs_json *out, const struct llmobs_json *result)
{
    const struct llmobs_json *content = llmobs_json_get(result, "content");
    struct llmobs_json *value = llmobs_json_get(result, "structuredContent");
    struct llmobs_json *parts = llmobs_json_array();
    int rc = 0;

    LLMOBS_JSON_EACH (one, content, rc == 0)
        if (llmobs_json_is_object(one))
            rc = add_part(parts, one);
    if (rc == 0 && value && llmobs_json_len(parts) == 0)
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
        rc = llmobs_mcp_set_json(&span->output_value, out);
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

int llmobs_mcp_add_tag(struct llmobs_json **tags, const char *key,
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

int llmobs_mcp_job(struct llmobs_span *span, enum llmobs_job_part part,
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
        rc = part == LLMOBS_JOB_BEGUN ? llmobs_job_begun(span, id.data)
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

const char *llmobs_mcp_related_task(const struct llmobs_json *message)
{
    const struct llmobs_json *meta =
        llmobs_json_get(llmobs_json_get(message, "result"), "_meta");

    return llmobs_json_gets(llmobs_json_get(meta, RELATED_TASK), "taskId");
}

/* -- all of it ---------------------------------------------------------------
 */

int llmobs_mcp_result(struct llmobs_span *span, const char *session,
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
    rc = llmobs_mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "name",
                            llmobs_json_gets(info, "name"));
    if (rc == 0)
        rc = llmobs_mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "version",
                                llmobs_json_gets(info, "version"));
    if (rc == 0)
        rc = llmobs_mcp_add_tag(tags, LLMOBS_MCP_SERVER_TAGS "title",
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

        rc = llmobs_mcp_job(span, LLMOBS_JOB_BEGUN, &job);
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
    if (span->kind == LLMOBS_KIND_TOOL)
        return read_tool(span, result);
    /* A late result of a tool has the same form as a result in the tool's own
     * answer. */
    rc = 0;
    if (llmobs_json_is_array(llmobs_json_get(result, "content")))
        return read_tool(span, result);
    if (span->job.part == LLMOBS_JOB_ASKED)
        rc = set_task(span, task ? task : as_task(result));
    return rc < 0 ? rc : set_output(span, result);
}

int llmobs_mcp_results(struct llmobs_span *span,
                       const struct llmobs_json *messages)
{
    int rc = 0;

    LLMOBS_JSON_EACH (message, messages, rc == 0) {
        const struct llmobs_json *error = llmobs_json_get(message, "error");
        const struct llmobs_json *result = llmobs_json_get(message, "result");

        if (error)
            rc = fail_rpc(span, error);
        else if (llmobs_json_is_true(llmobs_json_get(result, "isError")))
            rc = fail_tool(span, result);
    }
    return rc < 0 ? rc : set_output(span, messages);
}
