/* Keeps the spools that a relay serves, and their processes. */
#include "cli/log/relay_places.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

/* The next process follows after this time. */
#define AGAIN_MS 1000
#define AGAIN_MOST_MS 30000

struct llmobs_relay_place *llmobs_relay_places_meet(
    struct llmobs_relay_places *places, uid_t uid, const char *path)
{
    struct llmobs_relay_place *place = NULL;

    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++) {
        struct llmobs_relay_place *at = &places->list[i];

        if (at->path ? at->uid == uid && strcmp(at->path, path) == 0 : !place)
            place = at;
        if (at->path && at == place)
            break;
    }
    if (!place)
        return NULL;
    if (!place->path)
        place->path = strdup(path);
    if (!place->path)
        return NULL;
    place->uid = uid;
    place->met = true;
    return place;
}

void llmobs_relay_place_ended(struct llmobs_relay_place *place, bool failed)
{
    int64_t pause_ms = failed ? 2 * place->pause_ms : 0;

    if (pause_ms < AGAIN_MS)
        pause_ms = AGAIN_MS;
    if (pause_ms > AGAIN_MOST_MS)
        pause_ms = AGAIN_MOST_MS;
    place->pid = 0;
    place->pause_ms = pause_ms;
    place->again_ns = llmobs_clock_mono_ns() + pause_ms * LLMOBS_NS_PER_MS;
}

static void free_place(struct llmobs_relay_place *place)
{
    free(place->path);
    memset(place, 0, sizeof(*place));
}

void llmobs_relay_places_sweep(struct llmobs_relay_places *places)
{
    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++) {
        struct llmobs_relay_place *place = &places->list[i];

        if (place->path && !place->met && place->pid == 0)
            free_place(place);
        place->met = false;
    }
}

void llmobs_relay_places_free(struct llmobs_relay_places *places)
{
    for (size_t i = 0; i < LLMOBS_RELAY_PLACES; i++)
        free_place(&places->list[i]);
}
