/* Finds the id of a call of MCP in its message, and of the one it cancels. */
#include "core/capture/rpc.h"

#include <string.h>

#include "lib/base/siphash.h"
#include "rules/read/cut_json.h"
#include "rules/rules.h"

static uint64_t add(uint64_t sum, const char *text, size_t len)
{
    const uint64_t key[2] = {sum, len};

    return llmobs_siphash_short(key, text, len);
}

bool llmobs_rpc_read(const struct llmobs_exchange *exchange,
                     struct llmobs_rpc *rpc)
{
    static const char cancelled[] = "\"notifications/cancelled\"";
    const struct llmobs_headers *headers = &exchange->request_headers;
    struct llmobs_text message = llmobs_text_trim(
                           llmobs_body_head(&exchange->request)),
                       id;
    const char *session = NULL;

    if (!llmobs_rules_is_mcp(&exchange->match) || exchange->request.truncated ||
        message.len > LLMOBS_RPC_MOST)
        return false;
    for (size_t i = 0; i < headers->count; i++)
        if (strcmp(headers->list[i].name, "mcp-session-id") == 0)
            session = headers->list[i].value;
    if (!session)
        return false;
    rpc->cancels =
        llmobs_text_is(llmobs_cut_json_text(message, "method"), cancelled);
    id = llmobs_cut_json_text(message, "id");
    if (rpc->cancels) {
        message = llmobs_cut_json_text(message, "params");
        id = llmobs_cut_json_text(message, "requestId");
        rpc->reason = llmobs_cut_json_text(message, "reason");
    }
    rpc->call = add(add(add(1, exchange->url, strlen(exchange->url)), session,
                        strlen(session)),
                    id.data, id.len);
    rpc->call += rpc->call == 0;
    return id.len > 0;
}
