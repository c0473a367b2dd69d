/* span_facts - what is known of a call beside Datadog's event: short names,
 * numbers and switches, of which WIRE 9.1 has the list; no content.
 *
 * Owns:    a llmobs_facts owns its text, from init to fini.
 * Threads: one at a time.
 * Errors:  facts are details: without memory they are left out.
 * Limits:  LLMOBS_FACT_MAX bytes of a text from a body or a URL: a longer one
 *          is left out, as half a name would be another's. LLMOBS_FACT_ITEMS
 *          elements of a list, in which "_OTHER" stands for an element that is
 *          empty or too long, for its place counts.
 *
 * A value is kept as the JSON text that an event gets: that costs a fraction of
 * a tree, and every call has a dozen of them.
 */
#ifndef LLMOBS_SPAN_FACTS_H
#define LLMOBS_SPAN_FACTS_H

#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_FACT_MAX 256
#define LLMOBS_FACT_ITEMS 64

/* In the order of their names, as an event's keys are. */
enum llmobs_fact {
    LLMOBS_FACT_APART,
    LLMOBS_FACT_API_TYPE,
    LLMOBS_FACT_CONVERSATION_ID,
    LLMOBS_FACT_DIMENSIONS,
    LLMOBS_FACT_ENCODING_FORMATS,
    LLMOBS_FACT_ERROR_CODE,
    LLMOBS_FACT_EXECUTABLE,
    LLMOBS_FACT_FINISH_REASONS,
    LLMOBS_FACT_FIRST_CHUNK_NS,
    LLMOBS_FACT_FLAGS,
    LLMOBS_FACT_HOST,
    LLMOBS_FACT_OPERATION,
    LLMOBS_FACT_OUTPUT_TYPE,
    LLMOBS_FACT_PARENT,
    LLMOBS_FACT_PID,
    LLMOBS_FACT_PORT,
    LLMOBS_FACT_PREVIOUS_RESPONSE_ID,
    LLMOBS_FACT_PROVIDER,
    LLMOBS_FACT_PROXIED,
    LLMOBS_FACT_REASONING_LEVEL,
    LLMOBS_FACT_REQUEST_MODEL,
    LLMOBS_FACT_REQUEST_SERVICE_TIER,
    LLMOBS_FACT_RESOURCE,
    LLMOBS_FACT_RESPONSE_ID,
    LLMOBS_FACT_RESPONSE_MODEL,
    LLMOBS_FACT_RESPONSE_SERVICE_TIER,
    LLMOBS_FACT_SERVICE,
    LLMOBS_FACT_STATUS,
    LLMOBS_FACT_STREAM,
    LLMOBS_FACT_SYSTEM_FINGERPRINT,
    LLMOBS_FACT_TRACESTATE,
    LLMOBS_FACTS
};

struct llmobs_facts {
    struct llmobs_buf text;
    struct {
        uint32_t at, len; /* in the text; no length: not known */
    } values[LLMOBS_FACTS];
    unsigned char items[LLMOBS_FACTS]; /* of a list */
};

void llmobs_span_facts_init(struct llmobs_facts *facts);
void llmobs_span_facts_fini(struct llmobs_facts *facts);

/* Each sets a fact; a later value replaces an earlier one, and one that is no
 * value changes nothing. A text from a body or a URL has its secrets masked. */
void llmobs_span_fact(struct llmobs_facts *facts, enum llmobs_fact fact,
                      const char *text);
/* Adds an element to a list of such texts. */
void llmobs_span_fact_add(struct llmobs_facts *facts, enum llmobs_fact fact,
                          const char *text);
/* A text that is the library's or the configuration's, of any length. */
void llmobs_span_fact_word(struct llmobs_facts *facts, enum llmobs_fact fact,
                           const char *text);
/* Adds an element that is the library's own. */
void llmobs_span_fact_add_word(struct llmobs_facts *facts,
                               enum llmobs_fact fact, const char *text);
void llmobs_span_fact_int(struct llmobs_facts *facts, enum llmobs_fact fact,
                          int64_t number); /* < 0: none */
void llmobs_span_fact_true(struct llmobs_facts *facts, enum llmobs_fact fact);

bool llmobs_span_fact_is_set(const struct llmobs_facts *facts,
                             enum llmobs_fact fact);
void llmobs_span_fact_unset(struct llmobs_facts *facts, enum llmobs_fact fact);

/* Adds the facts of both as the text of one object; those of `core` win. */
int llmobs_span_facts_write(const struct llmobs_facts *span,
                            const struct llmobs_facts *core,
                            struct llmobs_buf *out);

#endif
