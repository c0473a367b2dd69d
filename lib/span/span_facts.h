/* span_facts - what is known of a call besides Datadog's event: short names,
 * numbers and switches, of which WIRE 9.1 has the list; no content.
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
#ifndef LLMOBS_SPAN_FACTS_H
#define LLMOBS_SPAN_FACTS_H

#include <stdint.h>

#include "lib/base/buf.h"

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

#endif
