#include "core/log/adopt_seen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"

/* After this time a file without news is looked at in full: its process may be
 * dead, and another may have its pid. */
#define LOOK_AGAIN_MS 900

static struct llmobs_adopt_seen_file *find_seen(
    const struct llmobs_adopt_seen *seen, const struct llmobs_spool_name *name)
{
    for (size_t i = 0; i < seen->count; i++)
        if (llmobs_spool_name_same(&seen->list[i].name, name))
            return &seen->list[i];
    return NULL;
}

bool llmobs_adopt_seen_is_unchanged(struct llmobs_adopt_seen *seen,
                                    const struct llmobs_spool_name *name,
                                    off_t size)
{
    struct llmobs_adopt_seen_file *file = find_seen(seen, name);

    if (!file)
        return false;
    file->met = true;
    return file->size == size &&
           llmobs_clock_mono_ns() - file->looked_ns <
               LOOK_AGAIN_MS * LLMOBS_NS_PER_MS &&
           (kill(name->who.pid, 0) == 0 || errno != ESRCH || file->away);
}

bool llmobs_adopt_seen_lives(const struct llmobs_adopt_seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        if (!seen->list[i].away &&
            (kill(seen->list[i].name.who.pid, 0) == 0 || errno != ESRCH))
            return true;
    return false;
}

void llmobs_adopt_seen_add(struct llmobs_adopt_seen *seen,
                           const struct llmobs_spool_name *name, bool away,
                           off_t size)
{
    struct llmobs_adopt_seen_file *file = find_seen(seen, name), *list;

    if (!file) {
        list = realloc(seen->list, (seen->count + 1) * sizeof(*list));
        if (!list)
            return;
        seen->list = list;
        file = &list[seen->count++];
    }
    *file = (struct llmobs_adopt_seen_file){.name = *name,
                                            .size = size,
                                            .looked_ns = llmobs_clock_mono_ns(),
                                            .away = away,
                                            .met = true};
}

void llmobs_adopt_seen_end_walk(struct llmobs_adopt_seen *seen)
{
    size_t left = 0;

    for (size_t i = 0; i < seen->count; i++) {
        if (!seen->list[i].met)
            continue;
        seen->list[left] = seen->list[i];
        seen->list[left++].met = false;
    }
    seen->count = left;
}

void llmobs_adopt_seen_free(struct llmobs_adopt_seen *seen)
{
    free(seen->list);
    *seen = (struct llmobs_adopt_seen){NULL, 0};
}
