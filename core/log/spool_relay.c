/* Looks for a relay that serves this process's spool. */
#include "core/log/spool_relay.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/crash_point.h"
#include "core/log/relay_sign.h"
#include "core/log/spool_state.h"

/* The time between two looks for the relay. */
#define LOOK_MS 1000
/* A relay that is started again is ready within this time. */
#define GONE_MS 4000
/* A relay that lives has sent within this time the entries that it got. */
#define WATCH_MS 5000

void llmobs_spool_look_in(struct llmobs_spool *spool, int dir)
{
    int64_t none = 0, now = llmobs_clock_mono_ns();
    bool relayed =
        spool->config->relay && llmobs_relay_sign_meet(dir, spool->owner);
    uint64_t bytes;

    atomic_store(&spool->relayed, relayed);
    atomic_store(&spool->relay_ns, now);
    if (relayed)
        atomic_store(&spool->gone_ns, 0);
    else if (atomic_load(&spool->for_relay))
        (void)atomic_compare_exchange_strong(&spool->gone_ns, &none, now);
    if (llmobs_spool_last_usage(dir, &bytes) == 0)
        atomic_store(&spool->room, spool->config->spool_max - (int64_t)bytes);
}

/* No relay delivers where there is no spool. */
static void look_for_relay(struct llmobs_spool *spool)
{
    int dir;

    if (llmobs_spool_open_dir(spool->config, false, &dir) != 0) {
        atomic_store(&spool->relayed, false);
        return;
    }
    llmobs_spool_look_in(spool, dir);
    close(dir);
}

/* One thread looks; other threads use the last answer. The app may cancel its
 * thread, but not while the thread looks. */
bool llmobs_spool_is_relayed(struct llmobs_spool *spool)
{
    int64_t now, last = atomic_load(&spool->relay_ns);
    int state;

    if (!spool->config->relay ||
        atomic_load(&spool->state) != LLMOBS_SPOOL_READY)
        return false;
    now = llmobs_clock_mono_ns();
    if (now - last >= LOOK_MS * LLMOBS_NS_PER_MS &&
        atomic_compare_exchange_strong(&spool->relay_ns, &last, now)) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        look_for_relay(spool);
        pthread_setcancelstate(state, NULL);
    }
    return atomic_load(&spool->relayed);
}

int llmobs_spool_begin_relay(const struct llmobs_spool *spool)
{
    int dir, rc;

    if (atomic_load(&spool->state) != LLMOBS_SPOOL_READY)
        return -ENOENT;
    rc = llmobs_spool_open_dir(spool->config, false, &dir);
    if (rc)
        return rc;
    rc = llmobs_relay_sign_begin(dir, spool->owner);
    close(dir);
    return rc;
}

void llmobs_spool_give_up_relay(const struct llmobs_spool *spool)
{
    int dir;

    if (llmobs_spool_open_dir(spool->config, false, &dir) != 0)
        return;
    llmobs_relay_sign_give_up(dir, spool->owner);
    close(dir);
}

bool llmobs_spool_watches_relay(const struct llmobs_spool *spool)
{
    return atomic_load(&spool->for_relay) &&
           (atomic_load(&spool->gone_ns) ||
            llmobs_clock_mono_ns() - atomic_load(&spool->for_relay_ns) <
                WATCH_MS * LLMOBS_NS_PER_MS);
}

int llmobs_spool_begin_reclaim(struct llmobs_spool *spool, unsigned *entries)
{
    int64_t gone = atomic_load(&spool->gone_ns);

    *entries = atomic_load(&spool->for_relay);
    if (!gone || !*entries ||
        atomic_load(&spool->state) != LLMOBS_SPOOL_READY ||
        llmobs_clock_mono_ns() - gone < GONE_MS * LLMOBS_NS_PER_MS)
        return -ENOENT;
    look_for_relay(spool);
    if (atomic_load(&spool->relayed))
        return -EBUSY;
    llmobs_crash_point("taking back");
    return 0;
}

void llmobs_spool_end_reclaim(struct llmobs_spool *spool, unsigned entries,
                              bool all)
{
    if (!all || !entries ||
        !atomic_compare_exchange_strong(&spool->for_relay, &entries, 0))
        atomic_store(&spool->gone_ns, llmobs_clock_mono_ns());
}
