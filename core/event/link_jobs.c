#include "core/event/linking.h"

/* Jobs may go on for hours; no intake accepts a call that is older than this.
 */
#define LIFE_NS (INT64_C(24) * 3600 * 1000000000)

/* The key has no end user, as a request that asks for a job names none; the id
 * belongs to one job. */
static struct llmobs_hash128 key_of_job(const struct llmobs_linking *l)
{
    struct llmobs_siphash hash;

    llmobs_link_table_hash(l->table, LLMOBS_LINK_JOB, &hash);
    llmobs_siphash_add(&hash, &l->owner, sizeof(l->owner));
    llmobs_linking_add(&hash, l->span->job.id);
    return llmobs_siphash_now(&hash);
}

/* Where the span is linked a second time, its record stays as it is: another
 * span may have counted the tokens already. */
static void begin_job(const struct llmobs_linking *l, struct llmobs_hash128 key)
{
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);

    for (size_t i = 0; i < count; i++)
        if (found[i].span_id == l->span->context.span_id)
            return;
    llmobs_linking_put(l, key, 0);
}

static bool has_counted(const struct llmobs_linking *l,
                        const struct llmobs_link_record *record)
{
    return record->check == l->span->context.span_id;
}

/* Gives the record of the call that began the job. Prefers a record whose
 * tokens this span has counted, as the span may be linked a second time. */
static bool find_job(const struct llmobs_linking *l, struct llmobs_hash128 key,
                     struct llmobs_link_record *out)
{
    struct llmobs_link_record *found;
    size_t count = llmobs_link_table_find(l->table, key, &found);

    for (size_t i = 0; i < count; i++)
        if (has_counted(l, &found[i])) {
            *out = found[i];
            return true;
        }
    return llmobs_linking_pick(l, key, out) &&
           l->span->start_ns - out->at_ns <= LIFE_NS;
}

/* Adds the job's counts to the span. When memory runs out they are lost, as
 * this span has claimed them. */
static void count_tokens(const struct llmobs_linking *l)
{
    const struct llmobs_json *from = l->span->job.metrics;

    for (void *it = llmobs_json_iter(from); it; it = llmobs_json_next(from, it))
        (void)llmobs_json_set(l->span->metrics, llmobs_json_iter_key(it),
                              llmobs_json_share(llmobs_json_iter_value(it)));
}

static void link_to_job(const struct llmobs_linking *l,
                        struct llmobs_hash128 key)
{
    struct llmobs_link_record record;

    if (!find_job(l, key, &record))
        return;
    llmobs_linking_link(l, &record, "output", "job");
    if (l->span->job.metrics &&
        llmobs_link_table_claim(l->table, &record, l->span->context.span_id))
        count_tokens(l);
}

void llmobs_link_jobs(const struct llmobs_linking *l)
{
    if (l->span->job.part == LLMOBS_JOB_BEGUN)
        begin_job(l, key_of_job(l));
    else if (l->span->job.part == LLMOBS_JOB_ASKED)
        link_to_job(l, key_of_job(l));
}
