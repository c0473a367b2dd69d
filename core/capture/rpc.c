/* Finds the id of a call of MCP in its message, and of the one it cancels. */
#include "core/capture/rpc.h"

#include <string.h>

#include "lib/base/siphash.h"
#include "rules/rules.h"

/* The comma, colon or bracket behind the value or name that begins there. */
static const char *piece_end(const char *at, const char *end)
{
    for (int depth = 0; at < end; at++) {
        if (*at == '"')
            while (++at < end && *at != '"')
                at += *at == '\\';
        else if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']'
                     ? depth-- == 0
                     : depth == 0 && (*at == ',' || *at == ':'))
            return at;
    }
    return end;
}

/* The value of the member of an object, as it is written; empty: it has none.
 * `name` is in quotes. */
static struct llmobs_text member(struct llmobs_text object, const char *name)
{
    const char *at = object.data + 1, *end = object.data + object.len, *stop;
    struct llmobs_text key;

    while (object.len > 0 && *object.data == '{' && at < end) {
        stop = piece_end(at, end);
        key = llmobs_text_trim((struct llmobs_text){at, (size_t)(stop - at)});
        if (stop == end || *stop != ':')
            break;
        at = stop + 1;
        stop = piece_end(at, end);
        if (llmobs_text_is(key, name))
            return llmobs_text_trim(
                (struct llmobs_text){at, (size_t)(stop - at)});
        if (stop == end || *stop != ',')
            break;
        at = stop + 1;
    }
    return (struct llmobs_text){"", 0};
}

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
    rpc->cancels = llmobs_text_is(member(message, "\"method\""), cancelled);
    id = member(message, "\"id\"");
    if (rpc->cancels) {
        message = member(message, "\"params\"");
        id = member(message, "\"requestId\"");
        rpc->reason = member(message, "\"reason\"");
    }
    rpc->call = add(add(add(1, exchange->url, strlen(exchange->url)), session,
                        strlen(session)),
                    id.data, id.len);
    rpc->call += rpc->call == 0;
    return id.len > 0;
}
