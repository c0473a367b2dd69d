/* Runs all masks over a text. */
#include "lib/span/secrets.h"

#include <string.h>

#include "lib/span/hide.h"
#include "lib/span/links.h"
#include "lib/span/mask.h"
#include "lib/span/members.h"

static void mask(char *data, size_t len, enum llmobs_mask_kind kind)
{
    struct llmobs_repeat_runs runs;
    struct llmobs_mask_walk walk = {{data, len}, .kind = kind};
    bool cut = kind == LLMOBS_MASK_REST;

    if (len == 0)
        return;
    runs.count = runs.line = 0;
    walk.repeat.runs = len <= UINT32_MAX ? &runs : NULL;
    llmobs_members_mask(data, len, walk.repeat.runs);
    llmobs_links_mask(data, len, walk.repeat.runs);
    while (llmobs_mask_next(&walk)) {
        if (walk.whole || (cut && walk.from + walk.len == len))
            memset(data + walk.from, '*', walk.len);
        else
            llmobs_hide_secret(data + walk.from, walk.len);
    }
}

void llmobs_secrets_mask(char *data, size_t len)
{
    mask(data, len, LLMOBS_MASK_REST);
}

void llmobs_secrets_mask_whole(char *text, size_t len)
{
    mask(text, len, LLMOBS_MASK_BODY);
}
