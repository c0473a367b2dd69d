/* tally - what became of the calls of a user, or of each user of a host: the
 * ledger's counts and the spool's entries, added up.
 *
 * A child process that has become the user reads the files of another user, so
 * a link leads no further than the user's own rights. The user may stop the
 * child, or give it work without an end: root waits for it a limited time.
 *
 * Owns:    its lists, until fini.
 * Threads: one, and no other may run: it forks.
 * Errors:  negative errno. With several users, a user's error is in that user's
 *          tally, and the other users are still read.
 * Limits:  LLMOBS_TALLY_MS for another user's place; LLMOBS_TALLY_GROUPS groups
 *          of a user, beyond which processes count without names.
 * Fork:    users forks for each place.
 */
#ifndef LLMOBS_TALLY_H
#define LLMOBS_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/config/config.h"
#include "core/config/origin.h"
#include "cli/shared/destinations.h"
#include "core/ledger/ledger.h"

#define LLMOBS_TALLY_MS 10000
#define LLMOBS_TALLY_GROUPS 64
#define LLMOBS_TALLY_CONTAINER 72

/* The counters of reasons for a drop begin so. */
#define LLMOBS_TALLY_DROPPED "dropped_"

/* In the output the first numbers come before the reasons of drops and the
 * counters of exporters, the last numbers after them. */
enum llmobs_tally_number {
    LLMOBS_TALLY_CAPTURED,
    LLMOBS_TALLY_DELIVERED,
    LLMOBS_TALLY_SPANS,
    LLMOBS_TALLY_EVALUATIONS,
    LLMOBS_TALLY_SAMPLED_OUT,
    LLMOBS_TALLY_PENDING,
    LLMOBS_TALLY_SPOOLED,
    LLMOBS_TALLY_SET_ASIDE, /* of these */
    LLMOBS_TALLY_FELL_BACK,
    LLMOBS_TALLY_UNCONFIRMED,
    LLMOBS_TALLY_PURGED,
    LLMOBS_TALLY_DROPPED_ALL,
    LLMOBS_TALLY_OLDEST, /* seconds; 0: the spool is empty */
    LLMOBS_TALLY_LAST,   /* when the last drop was noticed, s; 0: not known */
    LLMOBS_TALLY_UNREADABLE,
    LLMOBS_TALLY_ENDED,
    LLMOBS_TALLY_RUNNING,
    LLMOBS_TALLY_RELAY,
    LLMOBS_TALLY_NUMBERS
};

/* The running processes of one unit, pool and container. */
struct llmobs_tally_group {
    struct llmobs_origin_names names;
    char container[LLMOBS_TALLY_CONTAINER];
    uint64_t processes;
    uint64_t pending;
};

struct llmobs_tally {
    uid_t uid;
    int error;                /* -errno: a place of the user was not read */
    char *dir;                /* the ledger's; NULL in a sum */
    struct llmobs_counts sum; /* of ended and running processes */
    uint64_t numbers[LLMOBS_TALLY_NUMBERS];
    struct llmobs_ledger_drops drops, known;
    size_t unreadable; /* files of the ledger */
    uint64_t versions; /* files of another version, of ledger and spool */
    struct llmobs_tally_group *groups;
    size_t group_count;
    struct llmobs_destinations destinations;
    /* Set by the caller from the rest. `blind`: no call was counted, and none
     * may be. */
    bool lost, stale, blind;
};

struct llmobs_tallies {
    struct llmobs_tally *list;
    size_t count;
    /* The caller sets these. */
    struct llmobs_config *config;
    bool acknowledge; /* notes in the ledgers that all drops are known */
    bool groups;      /* also counts running processes by their unit, pool
                       * and container */
};

/* Reads the counts of this user: a list of one. */
int llmobs_tally_own(struct llmobs_tallies *tallies);

/* Reads the counts of this user and, as root, of each user whose place `llmobs
 * drain` finds, by their numbers. Where LLMOBS_STORE_DIR names one place for
 * all, that is a list of one. */
int llmobs_tally_users(struct llmobs_tallies *tallies);

/* True where something was dropped after the user last said that all drops are
 * known (`llmobs stats --acknowledge`). */
bool llmobs_tally_has_news(const struct llmobs_tally *tally);

/* Adds up the numbers of all users; an age and a time are not added, the
 * greatest counts. The sum owns nothing. */
void llmobs_tally_sum(const struct llmobs_tallies *tallies,
                      struct llmobs_tally *sum);

void llmobs_tally_fini(struct llmobs_tallies *tallies);

#endif
