/* inbound - the trace context in the environment of a process.
 *
 * A program that serves one request after another may set the context for each
 * request: a CGI server does, and so do the helpers in examples/inbound.
 *
 * Owns:    nothing; a carrier borrows from the environment.
 * Threads: any. The environment itself is read only while the app has one
 *          thread, because no other thread can change it then. The worker's
 *          thread and libcurl's threads do not count.
 */
#ifndef LLMOBS_INBOUND_H
#define LLMOBS_INBOUND_H

#include <stdbool.h>

#include "lib/base/network.h"
#include "lib/span/context.h"

/* The variables that carry the context. */
enum llmobs_carried {
    LLMOBS_CARRIED_TRACEPARENT,
    LLMOBS_CARRIED_TRACESTATE,
    LLMOBS_CARRIED_BAGGAGE,
    LLMOBS_CARRIED_HTTP_TRACEPARENT, /* from here on: by a CGI server */
    LLMOBS_CARRIED_HTTP_TRACESTATE,
    LLMOBS_CARRIED_HTTP_BAGGAGE,
    LLMOBS_CARRIED_HTTP_TRACE_ID,
    LLMOBS_CARRIED_HTTP_PARENT_ID,
    LLMOBS_CARRIED_HTTP_TAGS,
    LLMOBS_CARRIED_HTTP_PRIORITY,
    LLMOBS_CARRIED_HTTP_ORIGIN,
    LLMOBS_CARRIED_METHOD,
    LLMOBS_CARRIED_URI,
    LLMOBS_CARRIED_SCRIPT,      /* where there is no URI */
    LLMOBS_CARRIED_REMOTE_ADDR, /* the address of the caller */
#define LLMOBS_CARRIED_OF(with, id, text) LLMOBS_CARRIED_HTTP_##id,
    LLMOBS_NETWORK_HEADERS(LLMOBS_CARRIED_OF, )
#undef LLMOBS_CARRIED_OF
        LLMOBS_CARRIED_COUNT
};

/* Makes a carrier of the values; NULL and empty values are absent. The context
 * of a CGI server counts only where TRACEPARENT is absent. */
void llmobs_inbound_select(const char *const values[LLMOBS_CARRIED_COUNT],
                           struct llmobs_carrier *out);

/* Sets, once, the function that gives the number of threads that libcurl may
 * have in transfers that take several calls. */
void llmobs_inbound_set_lookups(size_t (*count)(void));

/* To be called once, before the first call of llmobs_inbound_read. `on`:
 * LLMOBS_INBOUND is on. */
void llmobs_inbound_init(bool on);

/* True where LLMOBS_INBOUND is on and the calling thread serves a request of
 * PHP. */
bool llmobs_inbound_is_php(void);

/* Reads the trace context of the environment as it is now into `room`. Where
 * LLMOBS_INBOUND is on, the headers of the request that PHP or Perl serves
 * replace it. Gives `at_start` instead where the app has more than one thread
 * and the calling thread serves no such request. */
const struct llmobs_carrier *llmobs_inbound_read(
    const struct llmobs_carrier *at_start, struct llmobs_carrier *room);

/* The name of a request's span by the value of LLMOBS_ENTRY, which is borrowed;
 * NULL: the request has no span. */
const char *llmobs_inbound_entry_name(const char *value);

#endif
