/* rpc - which call of MCP a message of its client is, or cancels.
 *
 * Threads: any; no state, no allocation: it serves the program's thread.
 * Errors:  false for a batch, a message without an id, or one of no session, as
 *          ids count within a session.
 * Limits:  LLMOBS_RPC_MOST bytes of a message.
 */
#ifndef LLMOBS_RPC_H
#define LLMOBS_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/event/exchange.h"

#define LLMOBS_RPC_MOST ((size_t)64 * 1024)

struct llmobs_rpc {
    uint64_t call; /* the same of a call and its cancellation; never 0 */
    bool cancels;
    struct llmobs_text reason; /* as it is written; borrowed from the request */
};

/* `exchange` has its whole request. */
bool llmobs_rpc_read(const struct llmobs_exchange *exchange,
                     struct llmobs_rpc *rpc);

#endif
