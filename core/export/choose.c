/* Implements the exporter "auto", which looks for a destination. */
#include "core/export/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "core/export/agent.h"
#include "core/export/intake.h"
#include "core/export/listener.h"
#include "core/export/otlp_traces.h"
#include "core/export/peer.h"
#include "core/export/store.h"

/* The time between a probe without an answer and the next probe. */
#define PROBE_AGAIN_MS 30000
/* The time that a probe gets at least when the process ends. */
#define PROBE_ENDING_MS 100
/* For this time after its cleanup of libcurl the app may be about to exit. */
#define NO_CURL_MS 1000

struct chooser {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_http *http;
    struct llmobs_exporter *agent;
    struct llmobs_exporter *intake; /* NULL: no key for it */
    struct llmobs_exporter *otlp;   /* NULL: no endpoint, or not wanted */
    struct llmobs_exporter *store;
    struct llmobs_exporter *chosen; /* NULL: no choice yet */
    struct llmobs_peer peer;        /* the agent, as probed */
    int64_t probed_ns;
    int64_t no_curl_ns; /* since when no libcurl is there; 0: one is there */
    bool answered;      /* an agent has answered before */
    bool away;          /* the store has what an agent would have got */
};

static void choose(struct chooser *a, struct llmobs_exporter *exporter)
{
    if (exporter == a->chosen)
        return;
    a->chosen = exporter;
    a->base.backoff = exporter->backoff;
    atomic_store(&a->base.remote, exporter != a->store);
    atomic_store(&a->base.exit_ms, exporter == a->store
                                       ? LLMOBS_EXIT_STORE_MS
                                       : atomic_load(&exporter->exit_ms));
    llmobs_log(LLMOBS_LOG_INFO, "exporter auto: %s", exporter->ops->name);
}

static int probe(struct chooser *a)
{
    int64_t ms = a->config->agent_timeout_ms;
    int64_t told = a->config->exit_flush_ms;
    int64_t most = told > PROBE_ENDING_MS ? told : PROBE_ENDING_MS;
    int64_t start = llmobs_clock_mono_ns();
    int rc = llmobs_peer_begin(&a->peer);

    if (rc)
        return rc;
    if (a->base.phase == LLMOBS_PHASE_ENDING && ms > most)
        ms = most;
    rc = llmobs_agent_probe(a->http, a->config, ms, &a->base.tick);
    if (rc >= 0)
        llmobs_peer_answered(&a->peer);
    else if (llmobs_peer_failed(&a->peer, rc, start, LLMOBS_SILENT_NEAR_MS) &&
             a->config->agent_configured)
        llmobs_peer_note(&a->peer, "agent", 0, -ETIMEDOUT, 0, 0);
    return rc;
}

/* True where the app's cleanup of libcurl, or its exit, has cut the probe. Such
 * a probe does not prove that no agent is there: the exit sends the events that
 * wait. That holds for NO_CURL_MS only, as the exit may be far away. */
static bool probe_was_cut(struct chooser *a, int rc, int64_t now)
{
    if (rc != -ENOTCONN && rc != -ECANCELED) {
        a->no_curl_ns = 0;
        return false;
    }
    if (!a->no_curl_ns)
        a->no_curl_ns = now;
    return now - a->no_curl_ns < NO_CURL_MS * LLMOBS_NS_PER_MS;
}

/* True where a probe that failed met an agent's socket all the same: one that
 * takes connections, and whose owner may be an agent's. It is slow, or about to
 * begin. */
static bool listens(const struct chooser *a, int rc)
{
    uint64_t mark;

    return rc < 0 && rc != -ECONNREFUSED && rc != -EPERM &&
           !a->config->agent_configured &&
           llmobs_listener_check(a->config->agent_url, &mark) == 0;
}

/* Probes the agent; probes again from time to time where the configuration
 * names neither the store nor the intake. */
static int find_exporter(struct chooser *a)
{
    int64_t now = llmobs_clock_mono_ns();
    bool known = a->chosen && a->probed_ns &&
                 now - a->probed_ns < PROBE_AGAIN_MS * LLMOBS_NS_PER_MS;
    int rc;
    bool expected, there;

    if (a->config->agentless >= 0 || known ||
        (a->chosen && a->chosen == a->agent))
        return 0;
    if (a->base.phase == LLMOBS_PHASE_INLINE)
        return a->chosen ? 0 : -EAGAIN;
    rc = probe(a);
    there = listens(a, rc);
    if (probe_was_cut(a, rc, now))
        return a->chosen == a->store && !there ? 0 : rc;
    a->probed_ns = now;
    if (rc > 0) {
        a->answered = true;
        choose(a, a->agent);
        return 0;
    }
    /* No agent answers, or only one that is too old: chooses the intake or the
     * store, unless an agent is expected. 0: an exporter is chosen. */
    expected =
        (a->config->agent_configured && rc != -EPERM) || a->answered || there;
    if (rc == -EPERM)
        llmobs_log_once(LLMOBS_LOG_WARN, "stranger",
                        "exporter auto: %s is neither root's, dd-agent's nor "
                        "ours: nothing is sent there",
                        a->config->agent_url);
    llmobs_log(LLMOBS_LOG_DEBUG, "exporter auto: probe: %s",
               rc == 0 ? "no EVP proxy" : strerror(-rc));
    if (a->intake && (rc == 0 || !expected)) {
        choose(a, a->intake);
        return 0;
    }
    if (!expected) {
        choose(a, a->otlp ? a->otlp : a->store);
        a->away = rc < 0 && llmobs_peer_was_there(&a->peer, "agent");
        return 0;
    }
    llmobs_peer_note(&a->peer, "agent", 0, rc ? rc : -EOPNOTSUPP, 0, 0);
    if (rc == 0) {
        llmobs_log_once(LLMOBS_LOG_ERROR, "no evp",
                        "the agent has no EVP proxy: spans wait for one");
        a->base.retry_ms = PROBE_AGAIN_MS;
        return -EACCES;
    }
    llmobs_log_once(LLMOBS_LOG_WARN, "no agent",
                    "the agent does not answer (%s): spans wait for it",
                    strerror(-rc));
    return rc;
}

static int choose_send(struct llmobs_exporter *exporter,
                       const struct llmobs_text *events, size_t count)
{
    struct chooser *a = (struct chooser *)exporter;
    struct llmobs_exporter *chosen;
    int rc = find_exporter(a);

    if (rc)
        return rc;
    chosen = a->chosen;
    /* Another exporter has the events: of this kind, as the logs' does, or the
     * local store beside this one. */
    if ((chosen == a->store && a->config->run_store) ||
        (chosen->kinds && !(chosen->kinds & 1u << exporter->kind))) {
        exporter->via = NULL;
        return (int)count;
    }
    if (chosen == a->store && exporter->stored)
        return -EALREADY;
    chosen->mark = a->away && chosen == a->store ? LLMOBS_STORE_UNSENT : NULL;
    chosen->phase = exporter->phase;
    chosen->kind = exporter->kind;
    chosen->old = exporter->old;
    chosen->tick = exporter->tick;
    chosen->outcomes = exporter->outcomes;
    chosen->retry_ms = 0;
    rc = chosen->ops->send(chosen, events, count);
    for (int i = 0; chosen->mark && i < rc; i++)
        llmobs_exporter_set_outcome(exporter, (size_t)i,
                                    LLMOBS_OUTCOME_FELL_BACK);
    exporter->via = chosen->via ? chosen->via : chosen->ops->name;
    exporter->retry_ms = chosen->retry_ms;
    atomic_store(&exporter->silent, atomic_load(&chosen->silent));
    /* Another agent, or an older version, listens there now. */
    if ((rc == -EACCES || rc == -EPERM) && chosen == a->agent &&
        a->config->agentless < 0) {
        a->chosen = NULL;
        a->probed_ns = 0;
    }
    return rc;
}

static void choose_warm(struct llmobs_exporter *exporter)
{
    struct chooser *a = (struct chooser *)exporter;

    if (find_exporter(a) != 0 || !a->chosen->wants_warm)
        return;
    a->chosen->tick = exporter->tick;
    a->chosen->ops->warm(a->chosen);
}

static void choose_forget(struct llmobs_exporter *exporter)
{
    struct chooser *a = (struct chooser *)exporter;
    struct llmobs_exporter *ways[] = {a->agent, a->intake, a->otlp, a->store};

    llmobs_http_forget(a->http);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        if (ways[i])
            ways[i]->ops->forget(ways[i]);
    llmobs_peer_forget(&a->peer);
    a->no_curl_ns = 0;
}

static void choose_free(struct llmobs_exporter *exporter)
{
    struct chooser *a = (struct chooser *)exporter;
    struct llmobs_exporter *ways[] = {a->agent, a->intake, a->otlp, a->store};

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        if (ways[i])
            ways[i]->ops->free(ways[i]);
    llmobs_http_free(a->http);
    free(a->peer.url);
    free(a);
}

static const struct llmobs_exporter_ops ops = {
    .name = "auto",
    .send = choose_send,
    .forget = choose_forget,
    .free = choose_free,
    .warm = choose_warm,
};

/* True if OTLP may be chosen. The app's own settings of telemetry must not take
 * events away from Datadog. Settings for gRPC do not count, because the library
 * does not speak it. */
static bool wants_otlp(const struct llmobs_config *config)
{
    const struct llmobs_otlp_signal *traces =
        &config->otlp.signals[LLMOBS_SIGNAL_TRACES];

    return traces->on && traces->given && !traces->grpc && !config->api_key &&
           config->agentless < 0 && !config->agent_configured;
}

struct llmobs_exporter *llmobs_choose_new(const struct llmobs_config *config)
{
    struct chooser *a = calloc(1, sizeof(*a));
    bool known = config->agentless == 0 || config->agent_configured;

    if (!a)
        return NULL;
    a->base.ops = &ops;
    a->config = config;
    a->peer.exporter = &a->base;
    a->peer.config = config;
    a->peer.url = strdup(config->agent_url);
    a->http = llmobs_http_new(config);
    a->store = llmobs_store_new(config);
    if (a->http) {
        a->agent = llmobs_intake_new(config, false, a->http);
        a->intake = llmobs_intake_new(config, true, a->http);
    }
    if (a->http && wants_otlp(config))
        a->otlp = llmobs_otlp_exporter_new(
            config, a->http,
            !config->otlp.signals[LLMOBS_SIGNAL_LOGS].on && !config->run_store);
    if (!a->peer.url || !a->http || !a->store || !a->agent) {
        choose_free(&a->base);
        return NULL;
    }
    a->agent->outer = &a->base;
    atomic_store(&a->base.remote, true);
    atomic_store(&a->base.exit_ms, atomic_load(&a->agent->exit_ms));
    a->base.wants_warm = a->agent->wants_warm;
    for (int i = 0; i < 2; i++) {
        struct llmobs_exporter *other = i == 0 ? a->intake : a->otlp;

        if (!other)
            continue;
        other->outer = &a->base;
        /* Until the choice is made, the longest time that may be needed. */
        if (!config->agent_configured)
            atomic_store(&a->base.exit_ms, atomic_load(&other->exit_ms));
        if (!known || config->agentless == 1)
            a->base.wants_warm |= other->wants_warm;
    }
    /* Makes the choice if the configuration alone decides it. */
    if (a->config->agentless == 0)
        choose(a, a->agent);
    else if (a->config->agentless == 1 && a->intake)
        choose(a, a->intake);
    else if (a->config->agentless == 1) {
        llmobs_log_once(LLMOBS_LOG_ERROR, "no key",
                        "DD_LLMOBS_AGENTLESS_ENABLED without DD_API_KEY: "
                        "spans go to the local store");
        choose(a, a->store);
    }
    return &a->base;
}
