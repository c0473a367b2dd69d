#include "core/export/otlp_exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "core/export/otlp_route.h"
#include "core/export/store.h"
#include "core/export/otlp.h"

struct otlp {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_picked sampled; /* the events of the send under way */
    struct llmobs_exporter *store;     /* for evaluations; NULL: not taken */
};

/* -- requests ------------------------------------------------------------ */

/* OpenTelemetry wants content only if the user asks for it, Datadog wants it
 * unasked: a user who changes the destination would miss the texts. */
static void tell_content(const struct llmobs_config *config)
{
    if (config->otlp.content_unasked)
        llmobs_log_once(LLMOBS_LOG_WARN, "otlp content",
                        "exporter otlp: the texts of messages are left out "
                        "(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="
                        "SPAN_ONLY sends them)");
}

/* A malformed event is found as a refused one is. */
static int write_traces(struct llmobs_post *post,
                        const struct llmobs_text *events, size_t count,
                        struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    const struct llmobs_config *config = post->peer.config;
    size_t left_out = 0;
    int rc =
        llmobs_otlp_traces(config, config->otlp.span_content, events, count,
                           llmobs_otlp_route_begin(route), &left_out);

    (void)body;
    tell_content(config);
    if (rc == -EINVAL || (!rc && left_out))
        return count > 1 ? -E2BIG : -EBADMSG;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static const struct llmobs_post_form traces_form = {
    .name = "otlp",
    LLMOBS_OTLP_FORM("otlp"),
    .write = write_traces,
    .accepted = llmobs_otlp_accepted,
};

/* -- the sampler --------------------------------------------------------- */

static void sample(struct otlp *otlp, const struct llmobs_text *events,
                   size_t count)
{
    otlp->sampled.count = 0;
    for (size_t i = 0; i < count && i < LLMOBS_SEND_MAX; i++) {
        if (!llmobs_otlp_is_sampled(otlp->config, events[i]))
            llmobs_otlp_note(&otlp->base, i, LLMOBS_OUTCOME_SAMPLED_OUT);
        else
            llmobs_otlp_pick(&otlp->sampled, events[i], i);
    }
}

/* -- sending ------------------------------------------------------------- */

static int keep_evaluations(struct otlp *otlp, const struct llmobs_text *events,
                            size_t count)
{
    llmobs_log_once(LLMOBS_LOG_WARN, "otlp evaluations",
                    "exporter otlp: evaluations are kept in the local store "
                    "(OTEL_LOGS_EXPORTER=otlp sends them)");
    otlp->base.via = otlp->store->ops->name;
    otlp->store->phase = otlp->base.phase;
    otlp->store->kind = otlp->base.kind;
    return otlp->store->ops->send(otlp->store, events, count);
}

static int otlp_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct otlp *otlp = (struct otlp *)exporter;

    exporter->via = NULL;
    if (exporter->kind == LLMOBS_EVENT_EVALUATION && otlp->store)
        return keep_evaluations(otlp, events, count);
    sample(otlp, events, count);
    return llmobs_otlp_send_picked(&otlp->route, &otlp->sampled, count);
}

static void otlp_warm(struct llmobs_exporter *exporter)
{
    llmobs_post_warm(&((struct otlp *)exporter)->route.post);
}

/* -- life ---------------------------------------------------------------- */

static void otlp_forget(struct llmobs_exporter *exporter)
{
    llmobs_otlp_route_forget(&((struct otlp *)exporter)->route);
}

static void otlp_free(struct llmobs_exporter *exporter)
{
    struct otlp *otlp = (struct otlp *)exporter;

    if (otlp->store)
        otlp->store->ops->free(otlp->store);
    llmobs_otlp_route_fini(&otlp->route);
    free(otlp);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp",
    .send = otlp_send,
    .forget = otlp_forget,
    .free = otlp_free,
    .warm = otlp_warm,
};

struct llmobs_exporter *llmobs_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations)
{
    struct otlp *otlp = calloc(1, sizeof(*otlp));
    int rc;

    if (!otlp)
        return NULL;
    otlp->base.ops = &ops;
    otlp->base.kinds = 1u << LLMOBS_EVENT_SPAN;
    otlp->config = config;
    rc = llmobs_otlp_route_init(&otlp->route, &otlp->base, config,
                                LLMOBS_SIGNAL_TRACES, &traces_form, http,
                                "spans");
    if (keeps_evaluations) {
        otlp->store = llmobs_store_new(config);
        otlp->base.kinds |= 1u << LLMOBS_EVENT_EVALUATION;
    }
    if (!rc && (otlp->store || !keeps_evaluations))
        return &otlp->base;
    otlp_free(&otlp->base);
    return NULL;
}
