/* mcp_result - the results of MCP as the output of a span (WIRE 6.14).
 *
 * Owns:    nothing; the span owns what is set.
 * Threads: any; no state.
 * Errors:  -ENOMEM; a value that is not in the protocol's form is left out.
 */
#ifndef LLMOBS_MCP_RESULT_H
#define LLMOBS_MCP_RESULT_H

#include "lib/span/span.h"

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

/* Replaces *field, an owned text, by the value as JSON, with words in place of
 * long pieces of base64 and of URLs that begin "data:". */
int llmobs_mcp_set_json(char **field, const struct llmobs_json *value);

/* Adds "key:value", unless the value is NULL or empty, to *tags, which may be
 * NULL at first. */
int llmobs_mcp_add_tag(struct llmobs_json **tags, const char *key,
                       const char *value);

/* Notes that the span's request began the job, or asks for it. Leaves out a job
 * whose id is too long. */
int llmobs_mcp_job(struct llmobs_span *span, enum llmobs_job_part part,
                   const struct llmobs_mcp_job *job);

/* The task to which the answer belongs, by its _meta; NULL: it has none. */
const char *llmobs_mcp_related_task(const struct llmobs_json *message);

/* Reads the answer to the span's only request: result or error, the server, and
 * the task that it is about. `session`: as above. */
int llmobs_mcp_result(struct llmobs_span *span, const char *session,
                      const struct llmobs_json *message);

/* Reads the answers to a batch of requests, an array. */
int llmobs_mcp_results(struct llmobs_span *span,
                       const struct llmobs_json *messages);

#endif
