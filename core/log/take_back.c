#include "core/log/take_back.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/crash_point.h"
#include "core/log/spool.h"
#include "core/log/take_back_spool.h"

bool llmobs_take_back_is_due(const struct llmobs_adopt *adopt)
{
    return adopt->own && !adopt->takes_back && !adopt->walk.list &&
           llmobs_spool_wants_back(adopt->own);
}

bool llmobs_take_back_reads(const struct llmobs_adopt *adopt)
{
    return adopt->takes_back;
}

int llmobs_take_back_begin(struct llmobs_adopt *adopt)
{
    adopt->own_handed = llmobs_spool_handed(adopt->own);
    if (!llmobs_spool_has_no_relay(adopt->own))
        return -EBUSY;
    llmobs_crash_point("taking back");
    adopt->takes_back = adopt->took_all = true;
    return 0;
}

void llmobs_take_back_end(struct llmobs_adopt *adopt)
{
    if (!adopt->takes_back || adopt->walk.list || adopt->here)
        return;
    for (size_t i = 0; i < LLMOBS_ADOPT_CLAIMS; i++)
        if (adopt->claims[i].used && adopt->claims[i].own)
            return;
    adopt->takes_back = false;
    llmobs_spool_taken_back(adopt->own,
                            adopt->took_all ? adopt->own_handed : 0);
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
