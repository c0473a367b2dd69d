#include "core/export/otlp_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/work.h"
#include "core/export/otlp_route.h"
#include "core/export/metrics.h"

/* The first wait after a request that failed; each further wait is twice as
 * long, up to the interval. */
#define RETRY_FIRST_MS 1000

struct meter {
    struct llmobs_meter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_metrics *metrics;
    size_t points;      /* in the last request */
    int64_t due_ns;     /* monotonic; INT64_MAX: nothing to send */
    int64_t backoff_ms; /* 0: the last request was accepted */
    bool sent;          /* the receiver has accepted a request */
};

/* -- requests ------------------------------------------------------------ */

static int write_metrics(struct llmobs_post *post,
                         const struct llmobs_text *events, size_t count,
                         struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    struct meter *meter = (struct meter *)post->exporter;
    int rc = llmobs_otlp_metrics_write(meter->metrics, llmobs_clock_wall_ns(),
                                       llmobs_otlp_route_begin(route),
                                       &meter->points);

    (void)events;
    (void)body;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static void accepted(struct llmobs_post *post,
                     const struct llmobs_http_reply *reply, size_t count)
{
    const struct meter *meter = (const struct meter *)post->exporter;

    (void)count;
    llmobs_otlp_accepted(post, reply, meter->points);
}

static const struct llmobs_post_form form = {
    .name = "otlp_metrics",
    LLMOBS_OTLP_FORM("otlp metrics"),
    .write = write_metrics,
    .accepted = accepted,
};

/* -- the spans ----------------------------------------------------------- */

static int64_t in_ms(int64_t ms)
{
    return llmobs_clock_mono_ns() + ms * LLMOBS_NS_PER_MS;
}

static void note_owed(struct meter *meter)
{
    bool any = llmobs_otlp_metrics_unsent(meter->metrics) > 0;

    if (any && meter->due_ns == INT64_MAX)
        meter->due_ns = in_ms(meter->config->otlp.metric_interval_ms);
    atomic_store(&meter->base.owes, any && meter->sent);
}

static int meter_send(struct llmobs_exporter *exporter,
                      const struct llmobs_text *events, size_t count)
{
    struct meter *meter = (struct meter *)exporter;
    int enough, rc = 0;

    llmobs_work_begin(LLMOBS_WORK_ALL);
    for (size_t i = 0; i < count && !rc; i++)
        rc = llmobs_otlp_metrics_add(meter->metrics, events[i]);
    enough = llmobs_work_end();
    if (rc && enough)
        return enough;
    if (rc)
        llmobs_log_once(LLMOBS_LOG_WARN, "unmeasured",
                        "exporter otlp_metrics: a span is in no metric");
    note_owed(meter);
    return (int)count;
}

/* -- sending ------------------------------------------------------------- */

static int64_t meter_due(const struct llmobs_meter *base)
{
    return ((const struct meter *)base)->due_ns;
}

/* A delta without values is not sent, so that an idle process sleeps. A
 * cumulative sum is sent, as a receiver may forget a silent series. */
static void settle(struct meter *meter)
{
    meter->backoff_ms = 0;
    meter->due_ns = meter->config->otlp.delta
                        ? INT64_MAX
                        : in_ms(meter->config->otlp.metric_interval_ms);
}

static void back_off(struct meter *meter)
{
    int64_t most = meter->config->otlp.metric_interval_ms;
    int64_t ms = meter->backoff_ms ? meter->backoff_ms * 2 : RETRY_FIRST_MS;

    meter->backoff_ms = ms < most ? ms : most;
    ms = meter->base.base.retry_ms > 0 ? meter->base.base.retry_ms
                                       : meter->backoff_ms;
    meter->due_ns = in_ms(ms);
}

static struct llmobs_published meter_publish(struct llmobs_meter *base)
{
    const struct llmobs_text nothing = {"", 0};
    struct meter *meter = (struct meter *)base;
    struct llmobs_published published = {0, 0};
    int rc;

    base->base.retry_ms = 0;
    rc = llmobs_post_send(&meter->route.post, &nothing, 1);
    if (rc > 0) {
        meter->sent = true;
        published.sent = llmobs_otlp_metrics_accepted(meter->metrics);
        settle(meter);
    } else if (rc == -EBADMSG && meter->config->otlp.delta) {
        published.lost = llmobs_otlp_metrics_accepted(meter->metrics);
        settle(meter);
    } else if (rc == -EBADMSG) {
        settle(meter);
    } else {
        back_off(meter);
    }
    note_owed(meter);
    return published;
}

/* -- life ---------------------------------------------------------------- */

static void begin(struct meter *meter)
{
    meter->due_ns = INT64_MAX;
    meter->backoff_ms = 0;
    meter->sent = false;
    atomic_store(&meter->base.owes, false);
    atomic_store(&meter->base.base.cut_ns, 0);
}

static void meter_forget(struct llmobs_exporter *exporter)
{
    struct meter *meter = (struct meter *)exporter;

    llmobs_otlp_route_forget(&meter->route);
    llmobs_otlp_metrics_forget(meter->metrics, llmobs_clock_wall_ns());
    begin(meter);
}

static void meter_free(struct llmobs_exporter *exporter)
{
    struct meter *meter = (struct meter *)exporter;

    if (meter->metrics)
        llmobs_otlp_metrics_free(meter->metrics);
    llmobs_otlp_route_fini(&meter->route);
    free(meter);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp_metrics",
    .send = meter_send,
    .forget = meter_forget,
    .free = meter_free,
};

struct llmobs_meter *llmobs_otlp_metrics_exporter_new(
    const struct llmobs_config *config)
{
    struct meter *meter = calloc(1, sizeof(*meter));
    int rc;

    if (!meter)
        return NULL;
    meter->base.base.ops = &ops;
    meter->base.due = meter_due;
    meter->base.publish = meter_publish;
    meter->config = config;
    meter->metrics = llmobs_otlp_metrics_new(config, llmobs_clock_wall_ns());
    rc = llmobs_otlp_route_init(&meter->route, &meter->base.base, config,
                                LLMOBS_SIGNAL_METRICS, &form, NULL, "metrics");
    begin(meter);
    if (meter->metrics && !rc)
        return &meter->base;
    meter_free(&meter->base.base);
    return NULL;
}
