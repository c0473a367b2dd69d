/* The places of a relay's processes. */
#include <stdio.h>

#include "cli/log/relay_places.h"
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

static struct llmobs_relay_places places;

static struct llmobs_relay_place *meet(uid_t uid)
{
    return llmobs_relay_places_meet(&places, uid, "/var/spool");
}

/* As many users as there are places, and each has a process. */
static void meet_all(uid_t first)
{
    for (uid_t uid = first; uid < first + LLMOBS_RELAY_PLACES; uid++) {
        struct llmobs_relay_place *place = meet(uid);

        ck_assert_ptr_nonnull(place);
        ck_assert_int_eq(place->pid, 0);
        place->pid = (pid_t)uid;
    }
}

static void end_all(uid_t first)
{
    for (uid_t uid = first; uid < first + LLMOBS_RELAY_PLACES; uid++)
        llmobs_relay_place_ended(meet(uid), false);
}

TEST(frees_the_places_of_users_who_are_gone)
{
    for (uid_t round = 1; round < 4; round++) {
        meet_all(round * 10000);
        llmobs_relay_places_sweep(&places);
        ck_assert_ptr_null(meet(round));
        end_all(round * 10000);
        llmobs_relay_places_sweep(&places); /* they were met */
        ck_assert_ptr_null(meet(round));
        llmobs_relay_places_sweep(&places); /* they were not */
    }
    ck_assert_ptr_nonnull(meet(1));
    llmobs_relay_places_free(&places);
}

/* A user who has removed the spool, and whose process ends a moment later. */
TEST(keeps_a_place_with_a_process)
{
    meet(1)->pid = 7;
    llmobs_relay_places_sweep(&places);
    llmobs_relay_places_sweep(&places);
    ck_assert_int_eq(meet(1)->pid, 7);
    llmobs_relay_places_free(&places);
}

static int64_t pause_after(bool failed)
{
    int64_t now = llmobs_clock_mono_ns();

    llmobs_relay_place_ended(meet(1), failed);
    return (meet(1)->again_ns - now) / LLMOBS_NS_PER_MS / 1000;
}

TEST(tries_less_often_the_more_have_failed)
{
    const int64_t seconds[] = {1, 2, 4, 8, 16, 30, 30};

    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
        ck_assert_int_eq(pause_after(true), seconds[i]);
    ck_assert_int_eq(pause_after(false), 1);
    ck_assert_int_eq(pause_after(true), 2);
    llmobs_relay_places_free(&places);
}
