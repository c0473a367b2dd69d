#include "lib/base/work.h"
#include "core/event/linking.h"

/* True where the program may send the request again: the server was busy or
 * broken, or was not reached. */
static bool may_come_again(const struct llmobs_linking *l)
{
    long status = l->span->http_status;

    if (!l->span->failed || l->call->aborted)
        return false;
    return status < 300 || status == 408 || status == 409 || status == 429 ||
           status >= 500;
}

static struct llmobs_hash128 key_of_request(const struct llmobs_linking *l)
{
    struct llmobs_siphash hash;

    llmobs_linking_begin(l, LLMOBS_LINK_RETRY, &hash);
    llmobs_linking_add(&hash, l->call->method);
    llmobs_linking_add(&hash, l->call->url);
    llmobs_siphash_add(&hash, l->call->request.data, l->call->request.len);
    return llmobs_siphash_now(&hash);
}

/* True for a failure that this call retries: no other call has, and it ended
 * before this call began. A success also ends failures beside it. */
static bool ends_failure(const struct llmobs_linking *l,
                         const struct llmobs_link_record *record)
{
    uint64_t self = l->span->context.span_id;

    return record->span_id != self &&
           (record->check == 0 || record->check == self) &&
           (record->at_ns <= l->span->start_ns || !l->span->failed);
}

static bool is_before(const struct llmobs_linking *l,
                      const struct llmobs_link_record *record)
{
    return record->at_ns <= l->span->start_ns &&
           l->span->start_ns - record->at_ns <= LLMOBS_LINK_RETRY_NS;
}

/* A failure has only one retry: its record gets the retry's id as the check. */
static void link_to_failure(const struct llmobs_linking *l,
                            struct llmobs_hash128 key)
{
    struct llmobs_link_record *found, last = {.at_ns = 0};
    size_t count = llmobs_link_table_find(l->table, key, &found), before = 0;
    bool crowded = false;

    for (size_t i = 0; i < count; i++) {
        crowded = crowded || found[i].crowded;
        if (!ends_failure(l, &found[i]))
            continue;
        if (is_before(l, &found[i])) {
            last = found[i];
            before++;
        }
        found[i].check = l->span->context.span_id;
        llmobs_link_table_put(l->table, &found[i]);
    }
    if (before == 1 && !crowded)
        llmobs_linking_link(l, &last, "input", "retry_of");
}

void llmobs_link_retries(const struct llmobs_linking *l)
{
    struct llmobs_hash128 key;

    if (l->call->request.len == 0 || !llmobs_work_do(l->call->request.len))
        return;
    key = key_of_request(l);
    link_to_failure(l, key);
    if (may_come_again(l))
        llmobs_linking_put(l, key, 0);
}
