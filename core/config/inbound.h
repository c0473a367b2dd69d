/* inbound - the trace context that a process has in its environment.
 *
 * A program that serves one request after another may set it for each: CGI
 * does, and so do the helpers in examples/inbound.
 *
 * Owns:    nothing; what is given borrows from the environment.
 * Threads: any; while the program has one thread only, the environment itself
 *          is read, which nobody else can be changing then. Ours and libcurl's
 *          own do not count.
 * Errors:  none.
 * Limits:  none of its own.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_INBOUND_H
#define LLMOBS_INBOUND_H

#include "core/span/context.h"

/* The variables that carry it, in this order. */
enum llmobs_carried {
    LLMOBS_CARRIED_TRACEPARENT,
    LLMOBS_CARRIED_TRACESTATE,
    LLMOBS_CARRIED_BAGGAGE,
    LLMOBS_CARRIED_HTTP_TRACEPARENT, /* these are a CGI server's */
    LLMOBS_CARRIED_HTTP_TRACESTATE,
    LLMOBS_CARRIED_HTTP_BAGGAGE,
    LLMOBS_CARRIED_HTTP_TRACE_ID,
    LLMOBS_CARRIED_HTTP_PARENT_ID,
    LLMOBS_CARRIED_HTTP_TAGS,
    LLMOBS_CARRIED_HTTP_PRIORITY,
    LLMOBS_CARRIED_HTTP_ORIGIN,
    LLMOBS_CARRIED_REMOTE_ADDR,        /* who the caller is */
    LLMOBS_CARRIED_HTTP_FORWARDED_FOR, /* to the end: proxies' */
    LLMOBS_CARRIED_HTTP_FORWARDED,
    LLMOBS_CARRIED_HTTP_REAL_IP,
    LLMOBS_CARRIED_HTTP_X_FORWARDED,
    LLMOBS_CARRIED_HTTP_BARE_FORWARDED_FOR,
    LLMOBS_CARRIED_HTTP_X_CLIENT_IP,
    LLMOBS_CARRIED_HTTP_X_CLUSTER_CLIENT_IP,
    LLMOBS_CARRIED_HTTP_TRUE_CLIENT_IP,
    LLMOBS_CARRIED_HTTP_CF_CONNECTING_IP,
    LLMOBS_CARRIED_HTTP_CF_CONNECTING_IPV6,
    LLMOBS_CARRIED_HTTP_FASTLY_CLIENT_IP,
    LLMOBS_CARRIED_HTTP_FLY_CLIENT_IP,
    LLMOBS_CARRIED_COUNT
};

/* The carrier of such values, NULL or empty where absent: of the two pairs one
 * is used, a CGI server's only where the process has none of its own. */
void llmobs_inbound_choose(const char *const values[LLMOBS_CARRIED_COUNT],
                           struct llmobs_carrier *out);

/* Who tells how many threads libcurl may have at work in transfers that several
 * calls drive. Once. */
void llmobs_inbound_lookups(size_t (*count)(void));

/* The carrier of this moment, in `room`; `at_start` where the program has
 * threads of its own. */
const struct llmobs_carrier *llmobs_inbound_now(
    const struct llmobs_carrier *at_start, struct llmobs_carrier *room);

#endif
