#include "core/log/take_back.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/crash_point.h"
#include "core/log/adopt_state.h"
#include "core/log/spool_state.h"

/* A relay that is started again is ready within this time. */
#define GONE_MS 4000
/* A relay that lives has sent within this time what it was given. */
#define WATCH_MS 5000

bool llmobs_take_back_watches(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->handed) &&
           (atomic_load(&spool->gone_ns) ||
            llmobs_clock_mono_ns() - atomic_load(&spool->handed_ns) <
                WATCH_MS * LLMOBS_NS_PER_MS);
}

static bool wants_back(const struct llmobs_spool *spool)
{
    int64_t gone = atomic_load(&spool->gone_ns);

    return gone && atomic_load(&spool->handed) &&
           atomic_load(&spool->state) == LLMOBS_SPOOL_READY &&
           llmobs_clock_mono_ns() - gone >= GONE_MS * LLMOBS_NS_PER_MS;
}

bool llmobs_take_back_is_due(const struct llmobs_adopt *adopt)
{
    return adopt->own && !adopt->takes_back && !adopt->walk.list &&
           wants_back(adopt->own);
}

bool llmobs_take_back_reads(const struct llmobs_adopt *adopt)
{
    return adopt->takes_back;
}

int llmobs_take_back_begin(struct llmobs_adopt *adopt)
{
    adopt->own_handed = atomic_load(&adopt->own->handed);
    llmobs_spool_look_for_relay(adopt->own);
    if (atomic_load(&adopt->own->relayed))
        return -EBUSY;
    llmobs_crash_point("taking back");
    adopt->takes_back = adopt->took_all = true;
    return 0;
}

/* If not all of it was taken back, or this process has handed over more since
 * it began to, it may try again. */
void llmobs_take_back_end(struct llmobs_adopt *adopt)
{
    unsigned handed = adopt->own_handed;

    if (!adopt->takes_back || adopt->walk.list || adopt->here)
        return;
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used && adopt->claims[i].own)
            return;
    adopt->takes_back = false;
    if (!adopt->took_all || !handed ||
        !atomic_compare_exchange_strong(&adopt->own->handed, &handed, 0))
        atomic_store(&adopt->own->gone_ns, llmobs_clock_mono_ns());
}

void llmobs_take_back_leave(const struct llmobs_adopt *adopt,
                            const struct llmobs_adopt_claim *claim)
{
    struct llmobs_spool_name name = claim->name;
    char from[PATH_MAX], to[PATH_MAX];

    name.claimed = false;
    if (llmobs_adopt_path(adopt, &claim->name, from) == 0 &&
        llmobs_adopt_path(adopt, &name, to) == 0)
        (void)rename(from, to);
}
