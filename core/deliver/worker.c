#include "core/deliver/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/filter.h"
#include "lib/base/fork.h"
#include "lib/base/program.h"
#include "core/deliver/worker_turn.h"

/* A connection that the worker opened within this time needs no warming. */
#define WARM_AGAIN_MS 10000

/* -- the app's side ------------------------------------------------------ */

struct llmobs_worker *llmobs_worker_new(const struct llmobs_config *config,
                                        struct llmobs_buffer *buffer,
                                        struct llmobs_exporter *exporter)
{
    struct llmobs_worker *worker = calloc(1, sizeof(*worker));
    const char *name = llmobs_program_name();

    if (!worker)
        return NULL;
    worker->config = config;
    /* The curl tool mostly ends after one transfer: to start and end a thread
     * would cost it as much time as all of the delivery. */
    worker->brief = name && strcmp(name, "curl") == 0;
    llmobs_delivery_init(&worker->delivery, config, buffer);
    llmobs_fork_settled(&worker->process);
    if (exporter)
        (void)llmobs_worker_add(worker, exporter);
    return worker;
}

int llmobs_worker_add(struct llmobs_worker *worker,
                      struct llmobs_exporter *exporter)
{
    int rc = llmobs_delivery_add(&worker->delivery, exporter);

    if (!rc && exporter->wants_warm)
        worker->wants_warm = true;
    return rc;
}

void llmobs_worker_note(struct llmobs_worker *worker,
                        llmobs_worker_note_fn *the_note,
                        llmobs_worker_settled_fn *settled,
                        llmobs_worker_close_fn *the_close)
{
    worker->note = the_note;
    worker->delivery.settled = settled;
    worker->close = the_close;
}

void llmobs_worker_rescue(struct llmobs_worker *worker,
                          struct llmobs_exporter *exporter)
{
    worker->delivery.rescue = exporter;
}

void llmobs_worker_measure(struct llmobs_worker *worker,
                           struct llmobs_meter *meter)
{
    llmobs_delivery_measure(&worker->delivery, meter);
}

void llmobs_worker_keep(struct llmobs_worker *worker,
                        struct llmobs_spool *spool, struct llmobs_adopt *adopt)
{
    llmobs_backlog_init(&worker->delivery.account.backlog, spool, adopt);
}

void llmobs_worker_call(struct llmobs_worker *worker)
{
    if (!worker->brief)
        return;
    llmobs_worker_check_fork(worker);
    atomic_fetch_add(&worker->calls, 1);
    if (atomic_load(&worker->delivery.account.pending) > 0)
        llmobs_worker_start_thread(worker);
}

void llmobs_worker_start(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    llmobs_worker_become_active(worker);
    if (llmobs_worker_spool_of(worker))
        (void)llmobs_spool_start(llmobs_worker_spool_of(worker), exchange);
}

void llmobs_worker_find_key(struct llmobs_worker *worker,
                            const struct llmobs_exchange *exchange)
{
    llmobs_worker_become_active(worker);
    if (llmobs_worker_spool_of(worker))
        llmobs_spool_find_key(llmobs_worker_spool_of(worker), exchange);
}

void llmobs_worker_begin(struct llmobs_worker *worker,
                         struct llmobs_exchange *exchange)
{
    llmobs_worker_become_active(worker);
    if (llmobs_worker_spool_of(worker))
        (void)llmobs_spool_begin(llmobs_worker_spool_of(worker), exchange);
}

void llmobs_worker_cancel(struct llmobs_worker *worker,
                          struct llmobs_exchange *exchange)
{
    llmobs_worker_check_fork(worker);
    if (llmobs_worker_spool_of(worker))
        llmobs_spool_cancel(llmobs_worker_spool_of(worker), exchange);
}

/* To start the thread here costs the app no more than its first span would. */
static void warm(struct llmobs_worker *worker)
{
    int64_t now, last;

    if (llmobs_filter_still())
        return;
    llmobs_worker_become_active(worker);
    if (llmobs_delivery_is_relayed(&worker->delivery))
        return;
    now = llmobs_clock_mono_ns();
    last = atomic_load(&worker->warm_ns);
    if ((last && now - last < WARM_AGAIN_MS * LLMOBS_NS_PER_MS) ||
        !atomic_compare_exchange_strong(&worker->warm_ns, &last, now) ||
        atomic_load(&worker->stop))
        return;
    atomic_store(&worker->warm, true);
    if (atomic_load(&worker->thread) == LLMOBS_WORKER_NONE)
        llmobs_worker_start_thread(worker);
    else
        llmobs_worker_wake(worker);
}

void llmobs_worker_warm(struct llmobs_worker *worker)
{
    int saved = errno;

    if (worker->wants_warm)
        warm(worker);
    errno = saved;
}

void llmobs_worker_prepare(struct llmobs_worker *worker, int64_t ms)
{
    if (llmobs_worker_pending(worker) != 0 && !atomic_load(&worker->stop))
        llmobs_worker_encode_aside(worker, ms);
}
