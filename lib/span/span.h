/* span - one LLM Observability span before it is encoded.
 *
 * Owns:    every pointer in it, from init to fini.
 * Threads: one at a time.
 * Errors:  setters answer -ENOMEM and leave the old value.
 *
 * A dialect fills the upper half (request and answer), the core the lower half
 * (ids, times, status). WIRE 1 says what each field means.
 */
#ifndef LLMOBS_SPAN_H
#define LLMOBS_SPAN_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/span/context.h"
#include "lib/text/json.h"

/* Facts are known of a call besides Datadog's event: short names, numbers and
 * switches, of which WIRE 9.1 has the list; no content.
 *
 * Owns:    a llmobs_facts owns its text, from init to fini.
 * Threads: one at a time.
 * Errors:  facts are details: without memory they are left out.
 * Limits:  LLMOBS_FACT_MAX bytes of a text from a body or a URL: a longer text
 *          is left out, as half a name may be another name. LLMOBS_FACT_ITEMS
 *          elements of a list, in which "_OTHER" stands for an element that is
 *          empty or too long, for its place counts.
 *
 * A value is kept as the JSON text that an event gets, at a fraction of a
 * tree's cost: every call has a dozen values.
 */
#define LLMOBS_FACT_MAX 256
#define LLMOBS_FACT_ITEMS 64

/* F(id, name): the facts, in the order of their names, as an event's keys are.
 */
#define LLMOBS_FACTS_LIST(F)                          \
    F(APART, "apart")                                 \
    F(API_TYPE, "api_type")                           \
    F(CHUNK_GAPS_NS, "chunk_gaps_ns")                 \
    F(COMPACTED, "compacted")                         \
    F(CONVERSATION_ID, "conversation_id")             \
    F(DIMENSIONS, "dimensions")                       \
    F(ENCODING_FORMATS, "encoding_formats")           \
    F(ERROR_CODE, "error_code")                       \
    F(EXECUTABLE, "executable")                       \
    F(FINISH_REASONS, "finish_reasons")               \
    F(FIRST_CHUNK_NS, "first_chunk_ns")               \
    F(FLAGS, "flags")                                 \
    F(HOST, "host")                                   \
    F(HOSTNAME, "hostname")                           \
    F(MCP_METHOD, "mcp_method")                       \
    F(MCP_PROTOCOL, "mcp_protocol")                   \
    F(MCP_SESSION, "mcp_session")                     \
    F(MCP_TARGET, "mcp_target")                       \
    F(OPERATION, "operation")                         \
    F(OUTPUT_TYPE, "output_type")                     \
    F(PAGE, "page")                                   \
    F(PARENT, "parent")                               \
    F(PID, "pid")                                     \
    F(PORT, "port")                                   \
    F(PREVIOUS_RESPONSE_ID, "previous_response_id")   \
    F(PROVIDER, "provider")                           \
    F(PROXIED, "proxied")                             \
    F(REASONING_LEVEL, "reasoning_level")             \
    F(REQUEST_MODEL, "request_model")                 \
    F(REQUEST_SERVICE_TIER, "request_service_tier")   \
    F(RESOURCE, "resource")                           \
    F(RESPONSE_ID, "response_id")                     \
    F(RESPONSE_MODEL, "response_model")               \
    F(RESPONSE_SERVICE_TIER, "response_service_tier") \
    F(RPC_ID, "rpc_id")                               \
    F(RUN, "run")                                     \
    F(SERVICE, "service")                             \
    F(STATUS, "status")                               \
    F(STREAM, "stream")                               \
    F(SYSTEM_FINGERPRINT, "system_fingerprint")       \
    F(TRACESTATE, "tracestate")                       \
    F(UID, "uid")                                     \
    F(USERS, "users")

/* Among the names of LLMOBS_FACT_USERS: their hashes need a key. */
#define LLMOBS_FACT_USERS_KEYED "*"

enum llmobs_fact {
#define LLMOBS_FACT(id, name) LLMOBS_FACT_##id,
    LLMOBS_FACTS_LIST(LLMOBS_FACT)
#undef LLMOBS_FACT
        LLMOBS_FACTS
};

struct llmobs_facts {
    struct llmobs_buf text;
    struct {
        uint32_t at, len; /* in the text; len 0: not known */
    } values[LLMOBS_FACTS];
    unsigned char items[LLMOBS_FACTS]; /* elements of a list */
};

void llmobs_span_facts_init(struct llmobs_facts *facts);
void llmobs_span_facts_fini(struct llmobs_facts *facts);

/* Each function sets a fact; a later value replaces an earlier one; NULL and ""
 * change nothing. A text from a body or a URL has its secrets masked. */
void llmobs_span_fact(struct llmobs_facts *facts, enum llmobs_fact fact,
                      const char *text);
/* Adds an element, such a text, to a list. */
void llmobs_span_fact_add(struct llmobs_facts *facts, enum llmobs_fact fact,
                          const char *text);
/* A text that is the library's or the configuration's, of any length. */
void llmobs_span_fact_word(struct llmobs_facts *facts, enum llmobs_fact fact,
                           const char *text);
/* Adds an element that is the library's own. */
void llmobs_span_fact_add_word(struct llmobs_facts *facts,
                               enum llmobs_fact fact, const char *text);
void llmobs_span_fact_int(struct llmobs_facts *facts, enum llmobs_fact fact,
                          int64_t number); /* < 0: nothing is set */
/* Sets a list of numbers. */
void llmobs_span_fact_ints(struct llmobs_facts *facts, enum llmobs_fact fact,
                           const uint64_t *numbers, size_t count);
void llmobs_span_fact_true(struct llmobs_facts *facts, enum llmobs_fact fact);

/* The value of a fact that is a text, as JSON has it between its quotes; empty:
 * it is not set. Borrowed until the next fact is set. */
struct llmobs_text llmobs_span_fact_text(const struct llmobs_facts *facts,
                                         enum llmobs_fact fact);

bool llmobs_span_fact_is_set(const struct llmobs_facts *facts,
                             enum llmobs_fact fact);
void llmobs_span_fact_unset(struct llmobs_facts *facts, enum llmobs_fact fact);

/* Adds the facts of both as the text of one object; those of `core` win. */
int llmobs_span_facts_write(const struct llmobs_facts *span,
                            const struct llmobs_facts *core,
                            struct llmobs_buf *out);

enum llmobs_kind {
    LLMOBS_KIND_LLM,
    LLMOBS_KIND_EMBEDDING,
    LLMOBS_KIND_WORKFLOW,
    LLMOBS_KIND_AGENT,
    LLMOBS_KIND_TASK,
    LLMOBS_KIND_TOOL,
    LLMOBS_KIND_RETRIEVAL
};

/* The part of a call in a job: work that the provider goes on with after the
 * call that began it, until a later call finds the job done. */
enum llmobs_job_part {
    LLMOBS_JOB_NONE,
    LLMOBS_JOB_BEGUN, /* this call began the job, and has no tokens of it */
    LLMOBS_JOB_ASKED, /* this call asks for a job that an earlier call began */
    LLMOBS_JOB_DONE,  /* this call's answer has the job's result and tokens */
    LLMOBS_JOB_STREAM /* this call's answer may be read again, or on, by the id:
                       * it stands for the newest call that was sent with it */
};

struct llmobs_job {
    enum llmobs_job_part part;
    char *id; /* the provider's; never in an event. NULL: no job */
    struct llmobs_json *metrics; /* LLMOBS_JOB_ASKED: the tokens of the ended
                                  * job; the linker decides whether this span
                                  * counts them. Object or NULL */
    bool alone;       /* it may do so even if nobody saw the job begin */
    int64_t since_ns; /* the job ended then or later; 0: unknown */
};

struct llmobs_span {
    enum llmobs_kind kind;
    bool proxied; /* sent to a configured proxy: encoded as a workflow */
    bool foreign; /* its own facts and language say which process called */
    const char *language; /* of that process; static; NULL: unknown */
    char *name;
    char *model_name;                   /* NULL: unknown */
    char *model_provider;               /* NULL: unknown */
    const char *host_provider;          /* whose the host is, borrowed from the
                                         * match while it reads; or NULL */
    char *tool_version;                 /* of the tool's definition; or NULL */
    char *intent;                       /* why the model calls the tool, as it
                                         * says itself; or NULL */
    const char *integration;            /* static; NULL: no integration tag */
    struct llmobs_json *input_messages; /* arrays or NULL */
    struct llmobs_json *output_messages;
    struct llmobs_json *input_documents;
    struct llmobs_json *output_documents;
    char *input_value; /* texts or NULL; used where no messages are */
    char *output_value;
    /* Messages that the output value stands for, with calls of tools: for the
     * linker, in no event. An array or NULL. */
    struct llmobs_json *output_behind;
    struct llmobs_json *input_prompt;     /* object or NULL */
    struct llmobs_json *metadata;         /* object, never NULL after init */
    struct llmobs_json *metadata_dd;      /* Datadog's own part of the metadata:
                                           * object of cost_tags,
                                           * agent_manifest, or NULL */
    struct llmobs_json *metrics;          /* object, never NULL after init */
    struct llmobs_facts facts;            /* the dialect's (WIRE 9.1) */
    struct llmobs_json *tool_definitions; /* array or NULL */
    struct llmobs_json *extra_tags;       /* array of "key:value" or NULL */
    struct llmobs_json *said;             /* what the request says of itself, as
                                           * it came: object of "key:value" by
                                           * key (rules/read/request_tags.h), or
                                           * NULL */
    const char *session_tags;             /* static, or NULL: beginning of tags
                                           * that hold for the session (fact
                                           * mcp_session) */
    struct llmobs_json *links;            /* array of span links or NULL */
    struct llmobs_job job;
    bool streamed;    /* the answer came as a stream */
    bool complete;    /* the answer came to its end (terminator, finish
                       * reason, or a whole document) */
    bool failed;      /* the status is error */
    char *error_type; /* before it failed: perhaps what its reason means */
    char *error_message;
    char *error_stack;
    bool input_dropped; /* parts of the input are missing */
    bool output_dropped;

    struct llmobs_context context;
    int64_t start_ns; /* wall clock */
    int64_t duration_ns;
    long http_status; /* 0: no answer came */
    bool traced;      /* the request carried a tracestate of this span */
};

int llmobs_span_init(struct llmobs_span *span);
void llmobs_span_fini(struct llmobs_span *span);

/* "llm", "embedding", ...; never NULL. */
const char *llmobs_kind_name(enum llmobs_kind kind);

/* The kind with that name; -EINVAL: no kind has it. */
int llmobs_kind_read(const char *name, enum llmobs_kind *out);

/* Marks the span failed; copies both texts (NULL: empty). The first error of
 * a span stays: a later call changes nothing. Secrets in the message are
 * masked (WIRE 8.2). */
int llmobs_span_fail(struct llmobs_span *span, const char *type,
                     const char *message);

/* Replaces *field, an owned string of the span, by a copy of text. _masked
 * masks the copy's secrets, as it must be done with the text of an error. */
int llmobs_span_set(char **field, const char *text);
int llmobs_span_set_masked(char **field, const char *text);
int llmobs_span_set_format(char **field, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Of the keys, an array of texts, notes those that the object `tags` or every
 * span has: Datadog splits cost and tokens by these tags. -ENOMEM. */
int llmobs_span_cost_tags(struct llmobs_span *span,
                          const struct llmobs_json *keys,
                          const struct llmobs_json *tags);

/* Forgets the span's job. */
void llmobs_span_no_job(struct llmobs_span *span);

/* Sets an integer metric; a negative number or one beyond 2^53 is left out. */
void llmobs_span_metric(struct llmobs_span *span, const char *key,
                        int64_t number);

#endif
