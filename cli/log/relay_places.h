/* relay_places - the spools of a relay: which process each one has, and from
 * when on it may have another.
 *
 * Owns:    the places' paths, until _sweep frees a place or _free all.
 * Threads: one.
 * Errors:  NULL where there is no room, or no memory.
 * Limits:  LLMOBS_RELAY_PLACES spools at a time.
 */
#ifndef LLMOBS_RELAY_PLACES_H
#define LLMOBS_RELAY_PLACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LLMOBS_RELAY_PLACES 1024

struct llmobs_relay_place {
    char *path; /* NULL: a free place */
    uid_t uid;
    pid_t pid;        /* 0: it has no process */
    bool met;         /* its spool was there in this walk */
    int64_t again_ns; /* no other process before this time */
    int64_t pause_ms; /* the last pause between two processes */
};

struct llmobs_relay_places {
    struct llmobs_relay_place list[LLMOBS_RELAY_PLACES]; /* zero at first */
};

/* The place of the user's spool, for this walk over all spools. */
struct llmobs_relay_place *llmobs_relay_places_meet(
    struct llmobs_relay_places *places, uid_t uid, const char *path);

/* The place's process has ended. `failed`: the pause before the place may have
 * another process is twice as long as the last pause. */
void llmobs_relay_place_ended(struct llmobs_relay_place *place, bool failed);

/* After a walk: frees the places whose spool was not there, and that have no
 * process. */
void llmobs_relay_places_sweep(struct llmobs_relay_places *places);

void llmobs_relay_places_free(struct llmobs_relay_places *places);

#endif
