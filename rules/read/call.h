/* call - one call as a dialect reads it: plain values, all borrowed.
 *
 * Threads: any. Errors: none.
 */
#ifndef LLMOBS_CALL_H
#define LLMOBS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* The status of an answer that the program already has: not an error. */
#define LLMOBS_NOT_MODIFIED 304

/* At most so many bytes has the text by which a match goes to another process
 * (llmobs_rules_note). */
#define LLMOBS_RULES_NOTE_MAX 640

/* A header that the core keeps, its name in lower case. */
struct llmobs_header {
    const char *name;
    char *value;
};

/* The arrival of body bytes: all bytes before `offset` were there at `at_ns`
 * (monotonic). A list of them is ascending. */
struct llmobs_mark {
    uint64_t offset;
    int64_t at_ns;
};

/* A call after its end, as a dialect sees it. All members are borrowed. */
struct llmobs_call {
    const char *method;
    const char *url;
    const struct llmobs_header *request_headers; /* that the core keeps */
    size_t request_header_count;
    const struct llmobs_header *response_headers;
    size_t response_header_count;
    struct llmobs_text request;       /* decoded; the head when truncated */
    struct llmobs_text request_tail;  /* only when truncated */
    struct llmobs_text response;      /* decoded; the head when truncated */
    struct llmobs_text response_tail; /* only when truncated */
    uint64_t response_size;           /* as it arrived; 0: `response` has all */
    bool multipart; /* the request is a form: `request` has its fields, as
                     * lines of JSON (lib/text/form.h) */
    bool request_truncated;
    bool response_truncated;
    bool bare;  /* no body is known: the disk must not have any */
    bool lends; /* `response` stays, writable, until the span is freed: a long
                 * text is not copied (llmobs_json_parse_masked) */
    const char *encoded; /* the answer's content coding if it could not be
                          * decoded, or NULL */
    const char *request_encoded;     /* as `encoded`, for the request */
    long status;                     /* 0: no answer */
    bool transport_ok;               /* libcurl ended without error */
    int64_t start_ns;                /* monotonic */
    const struct llmobs_mark *marks; /* of the response body */
    size_t mark_count;               /* 0: times unknown */
};

/* Value of a kept header, NULL when absent. The name in lower case. */
const char *llmobs_header_find(const struct llmobs_header *headers,
                               size_t count, const char *name);

/* The time (monotonic ns) at which byte `offset - 1` of the response body had
 * arrived; 0 when unknown. */
int64_t llmobs_call_time_at(const struct llmobs_call *call, uint64_t offset);

#endif
