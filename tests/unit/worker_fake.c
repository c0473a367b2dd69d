/* Runs a worker with a fake exporter. */
#include "tests/unit/worker_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/stats.h"

/* Workers are never freed: all that the tests begin are kept in sight. */
#define BEGUN_MAX 2000

static int fake_random(struct fake *self, size_t count)
{
    unsigned draw = (unsigned)rand_r(&self->seed) % 8;

    if (draw == 0)
        return -EIO;
    if (draw == 1)
        return 0;
    if (draw == 2) {
        atomic_fetch_add(&self->refused, 1);
        return -EBADMSG;
    }
    return draw == 3 ? (int)(count + 1) / 2 : (int)count;
}

static int fake_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct fake *self = (struct fake *)exporter;
    int n = (int)count;

    self->caller = pthread_self();
    atomic_fetch_add(&self->sends, 1);
    if (n > atomic_load(&self->most))
        atomic_store(&self->most, n);
    /* Not with Check's own assertions: worker_case_give says why. */
    for (size_t i = 0; i < count; i++) {
        if (events[i].data[0] != '{' ||
            events[i].data[events[i].len - 1] != '}')
            atomic_fetch_add(&self->malformed, 1);
    }
    switch (atomic_load(&self->fault)) {
    case FAULT_ALWAYS:
        return -EIO;
    case FAULT_RANDOM:
        n = fake_random(self, count);
        break;
    case FAULT_SLOW:
        usleep(30000);
        break;
    case FAULT_STUCK:
        while (atomic_load(&self->fault) == FAULT_STUCK)
            usleep(1000);
        break;
    default:
        break;
    }
    if (n > 0)
        atomic_fetch_add(&self->taken, n);
    return n;
}

static void fake_forget(struct llmobs_exporter *exporter)
{
    atomic_fetch_add(&((struct fake *)exporter)->forgotten, 1);
}

static void fake_free(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static const struct llmobs_exporter_ops fake_ops = {
    .name = "fake",
    .send = fake_send,
    .forget = fake_forget,
    .free = fake_free,
};

/* One for each test: a thread that a test has given up may still read it. */
static struct llmobs_config configs[BEGUN_MAX];
static size_t config_count;
struct llmobs_config *fake_config = configs;
struct fake fake;
struct llmobs_worker *worker;
/* A worker is never freed; here it is at least not lost. */
static struct llmobs_worker *kept[BEGUN_MAX];
static size_t kept_count;

void fake_replace(struct llmobs_exporter *exporter, size_t bytes_max)
{
    worker =
        llmobs_worker_new(fake_config, llmobs_queue_new(bytes_max), exporter);
    ck_assert_ptr_nonnull(worker);
    kept[kept_count++ % BEGUN_MAX] = worker;
}

void fake_begin(bool thread, size_t bytes_max)
{
    fake_config = &configs[config_count++ % BEGUN_MAX];
    memset(fake_config, 0, sizeof(*fake_config));
    memset(&fake, 0, sizeof(fake));
    fake_config->thread = thread;
    fake_config->event_max = 5000000;
    fake_config->flush_interval_ms = 1000;
    fake_config->capture_max = 1 << 20;
    fake_config->buffer_max = (int64_t)bytes_max;
    fake_config->payload_max = 5242880;
    fake_config->exit_flush_ms = -1;
    fake.base.ops = &fake_ops;
    fake.seed = 7;
    llmobs_stats_reset();
    fake_replace(&fake.base, bytes_max);
}

void fake_give(int count)
{
    for (int i = 0; i < count; i++)
        worker_case_give(worker, 1);
}

void fake_check_sum(void)
{
    worker_case_sum(worker);
    ck_assert_int_eq(atomic_load(&fake.malformed), 0);
}
