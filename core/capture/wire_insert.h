/* wire_insert - the trace headers of a call to a listed gateway that libcurl
 * does not make. None has a head that may be signed, or that a server might
 * refuse with them because it is large.
 *
 * Owns:    the texts of a struct llmobs_insertions, until _free.
 * Threads: the one that sends.
 * Errors:  without memory a request gets no headers.
 */
#ifndef LLMOBS_WIRE_INSERT_H
#define LLMOBS_WIRE_INSERT_H

#include "core/capture/wire_request.h"
#include "core/event/exchange.h"
#include "core/trace/inject.h"

/* Adds the headers of the plan to the list, which it may make; NULL: it must
 * not. The head ends in the bytes of `event`, on a connection that is `plain`,
 * or to the `peer`, NULL: unknown. Counts that, or why not, for the exchange
 * too. */
void llmobs_wire_insert(const struct llmobs_wire_event *event,
                        struct llmobs_insertions **to,
                        const struct llmobs_http1_head *head,
                        const struct llmobs_wire_request *asked,
                        const struct llmobs_inject_plan *plan, const char *peer,
                        bool plain, struct llmobs_exchange *exchange);

/* See engine.h. _free: NULL is allowed. */
void llmobs_wire_insert_join(struct llmobs_insertions *all, size_t count);
void llmobs_wire_insert_free(struct llmobs_insertions *insertions);

#endif
