/* Where events go when nobody said so, and what an agent's answer means. */
#include "tests/unit/http_double.h"

/* The exporters that it chooses among are doubles too. */
#define llmobs_store_new double_store_new

static struct llmobs_exporter *double_intake_new(
    const struct llmobs_config *config, bool agentless,
    struct llmobs_http *http);
static struct llmobs_exporter *double_otlp_exporter_new(
    const struct llmobs_config *config, struct llmobs_http *http,
    bool keeps_evaluations);
static struct llmobs_exporter *double_store_new(
    const struct llmobs_config *config);
static int double_agent_probe(struct llmobs_http *http,
                              const struct llmobs_config *config,
                              int64_t timeout_ms,
                              const struct llmobs_tick *tick);

#include "core/export/choose.c"

#undef llmobs_agent_probe
#undef llmobs_http_send

#include <stdio.h>

#include "tests/unit/unit.h"

struct side {
    struct llmobs_exporter base;
    int error; /* 0: takes all */
    int taken;
};

static struct side *agent_side, *intake_side, *store_side, *otlp_side;
static struct llmobs_config config;
static char base_dir[UNIT_DIRECTORY];
static int probe_answer;
static int probes;
static int64_t probe_timeout;

static int side_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct side *side = (struct side *)exporter;

    (void)events;
    if (side->error)
        return side->error;
    side->taken += (int)count;
    return (int)count;
}

static void side_forget(struct llmobs_exporter *exporter)
{
    (void)exporter;
}

static void side_free(struct llmobs_exporter *exporter)
{
    if (intake_side && exporter == &intake_side->base)
        intake_side = NULL;
    if (otlp_side && exporter == &otlp_side->base)
        otlp_side = NULL;
    free(exporter);
}

static void side_warm(struct llmobs_exporter *exporter)
{
    (void)exporter;
    double_warmed++;
}

static const struct llmobs_exporter_ops agent_side_ops = {
    "agent", side_send, side_forget, side_free, side_warm};
static const struct llmobs_exporter_ops intake_side_ops = {
    "agentless", side_send, side_forget, side_free, side_warm};
static const struct llmobs_exporter_ops otlp_side_ops = {
    "otlp", side_send, side_forget, side_free, side_warm};
static const struct llmobs_exporter_ops store_side_ops = {
    "store", side_send, side_forget, side_free, NULL};

static struct side *new_side(const struct llmobs_exporter_ops *side_ops)
{
    struct side *side = calloc(1, sizeof(*side));

    ck_assert_ptr_nonnull(side);
    side->base.ops = side_ops;
    return side;
}

static struct llmobs_exporter *double_intake_new(
    const struct llmobs_config *the_config, bool agentless,
    struct llmobs_http *http)
{
    ck_assert_ptr_nonnull(http);
    if (agentless && !the_config->api_key)
        return NULL;
    if (agentless) {
        intake_side = new_side(&intake_side_ops);
        intake_side->base.wants_warm = true;
        intake_side->base.exit_ms = LLMOBS_EXIT_INTAKE_MS;
        return &intake_side->base;
    }
    agent_side = new_side(&agent_side_ops);
    agent_side->base.exit_ms = LLMOBS_EXIT_AGENT_MS;
    return &agent_side->base;
}

static struct llmobs_exporter *double_otlp_exporter_new(
    const struct llmobs_config *the_config, struct llmobs_http *http,
    bool keeps_evaluations)
{
    static const struct llmobs_backoff backoff = {.first_ms = 1000};

    ck_assert_ptr_nonnull(the_config);
    ck_assert_ptr_nonnull(http);
    otlp_side = new_side(&otlp_side_ops);
    otlp_side->base.kinds = keeps_evaluations ? 3 : 1;
    otlp_side->base.exit_ms = LLMOBS_EXIT_INTAKE_MS;
    otlp_side->base.wants_warm = true;
    otlp_side->base.backoff = &backoff;
    return &otlp_side->base;
}

static struct llmobs_exporter *double_store_new(
    const struct llmobs_config *the_config)
{
    (void)the_config;
    store_side = new_side(&store_side_ops);
    return &store_side->base;
}

static int double_agent_probe(struct llmobs_http *http,
                              const struct llmobs_config *the_config,
                              int64_t timeout_ms,
                              const struct llmobs_tick *tick)
{
    (void)http, (void)the_config, (void)tick;
    probes++;
    probe_timeout = timeout_ms;
    return probe_answer;
}

static void setup(void)
{
    memset(&config, 0, sizeof(config));
    unit_directory(base_dir);
    config.store_dir = base_dir;
    config.agent_url = "http://127.0.0.1:8126";
    config.agent_timeout_ms = 2000;
    config.agentless = -1;
    probes = 0;
    double_warmed = 0;
    intake_side = otlp_side = NULL;
}

static void teardown(void)
{
    unit_remove(base_dir);
}

static const struct llmobs_text one = {"{}", 2};

static struct llmobs_exporter *make(int agentless, const char *key,
                                    bool configured)
{
    config.agentless = agentless;
    config.api_key = (char *)key;
    config.agent_configured = configured;
    return llmobs_choose_new(&config);
}

/* "agent", "agentless", "otlp", "store" or "wait". */
static const char *where(struct llmobs_exporter *exporter)
{
    int rc;

    agent_side->taken = store_side->taken = 0;
    if (intake_side)
        intake_side->taken = 0;
    if (otlp_side)
        otlp_side->taken = 0;
    exporter->retry_ms = 0;
    rc = exporter->ops->send(exporter, &one, 1);
    if (rc < 0)
        return "wait";
    ck_assert_int_eq(rc, 1);
    if (agent_side->taken == 1)
        return "agent";
    if (otlp_side && otlp_side->taken == 1)
        return "otlp";
    return store_side->taken == 1 ? "store" : "agentless";
}

UNIT_FIXTURE(setup, teardown);

TEST(every_case_has_its_place)
{
    static const struct {
        int agentless;
        const char *key;
        bool configured;
        int probe;
        const char *expected;
        int probes;
    } rows[] = {
        {1, "k", false, 1, "agentless", 0},
        {1, "k", true, 1, "agentless", 0},
        {1, NULL, false, 1, "store", 0},
        {0, "k", false, -ECONNREFUSED, "agent", 0},
        {0, NULL, false, 0, "agent", 0},
        {-1, "k", false, 1, "agent", 1},
        {-1, NULL, false, 1, "agent", 1},
        {-1, "k", true, 1, "agent", 1},
        {-1, "k", false, 0, "agentless", 1},
        {-1, "k", false, -ECONNREFUSED, "agentless", 1},
        {-1, "k", false, -ETIMEDOUT, "agentless", 1},
        {-1, "k", true, 0, "agentless", 1},
        {-1, "k", true, -ECONNREFUSED, "wait", 1},
        {-1, NULL, true, -ECONNREFUSED, "wait", 1},
        {-1, NULL, true, 0, "wait", 1},
        {-1, NULL, false, -ECONNREFUSED, "store", 1},
        {-1, NULL, false, 0, "store", 1},
        /* Says nothing of the agent. */
        {-1, NULL, false, -ENOTCONN, "wait", 1},
        {-1, NULL, false, -ECANCELED, "wait", 1},
        {-1, "k", false, -ECANCELED, "wait", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exporter *exporter =
            make(rows[i].agentless, rows[i].key, rows[i].configured);
        const char *got;

        probes = 0;
        probe_answer = rows[i].probe;
        llmobs_peer_unmark(&config, config.agent_url);
        got = where(exporter);
        ck_assert_msg(strcmp(got, rows[i].expected) == 0, "row %zu: %s", i,
                      got);
        ck_assert_int_eq(probes, rows[i].probes);
        if (strcmp(got, "wait") != 0) {
            ck_assert_str_eq(exporter->via, got);
            ck_assert_int_eq(exporter->remote, strcmp(got, "store") != 0);
            /* A verdict is kept for a while. */
            ck_assert_str_eq(where(exporter), got);
            ck_assert_int_eq(probes, rows[i].probes);
        }
        exporter->ops->free(exporter);
    }
}

static const struct otlp_row {
    struct llmobs_otlp_signal traces;
    int agentless;
    const char *key;
    bool configured;
    int probe;
    const char *expected;
} otlp_rows[] = {
    {{.on = true, .given = true}, -1, NULL, false, -ECONNREFUSED, "otlp"},
    {{.on = true, .given = true}, -1, NULL, false, 0, "otlp"},
    {{.on = true, .given = true}, -1, NULL, false, -EPERM, "otlp"},
    {{.on = true, .given = true}, -1, NULL, false, 1, "agent"},
    {{.on = true, .given = true}, -1, "k", false, -ECONNREFUSED, "agentless"},
    {{.on = true, .given = true}, -1, NULL, true, -ECONNREFUSED, "wait"},
    {{.on = true, .given = true}, 0, NULL, false, -ECONNREFUSED, "agent"},
    {{.on = true, .given = true}, 1, NULL, false, -ECONNREFUSED, "store"},
    {{.on = true, .given = true}, 1, "k", false, -ECONNREFUSED, "agentless"},
    {{.on = true}, -1, NULL, false, -ECONNREFUSED, "store"},
    {{.given = true}, -1, NULL, false, -ECONNREFUSED, "store"},
    {{.on = true, .given = true, .grpc = true},
     -1,
     NULL,
     false,
     -ECONNREFUSED,
     "store"},
};

/* Telemetry settings, which may be the app's own, never take a destination
 * away. */
TEST(when_otlp_is_taken)
{
    for (size_t i = 0; i < sizeof(otlp_rows) / sizeof(*otlp_rows); i++) {
        const struct otlp_row *row = &otlp_rows[i];
        struct llmobs_exporter *exporter;
        const char *got;

        config.otlp.signals[LLMOBS_SIGNAL_TRACES] = row->traces;
        exporter = make(row->agentless, row->key, row->configured);
        probe_answer = row->probe;
        llmobs_peer_unmark(&config, config.agent_url);
        got = where(exporter);
        ck_assert_msg(strcmp(got, row->expected) == 0, "row %zu: %s", i, got);
        if (strcmp(got, "otlp") == 0) {
            ck_assert_str_eq(exporter->via, "otlp");
            ck_assert_int_eq(exporter->exit_ms, LLMOBS_EXIT_INTAKE_MS);
            ck_assert_int_eq(exporter->backoff->first_ms, 1000);
            /* An agent that comes later gets what follows. */
            ((struct chooser *)exporter)->probed_ns = 0;
            probe_answer = 1;
            ck_assert_str_eq(where(exporter), "agent");
            ck_assert_ptr_null(exporter->backoff);
        }
        exporter->ops->free(exporter);
    }
}

/* Where the signal of logs takes evaluations, no other place gets them. */
TEST(where_evaluations_go_beside_otlp)
{
    for (int logs = 0; logs < 2; logs++) {
        struct llmobs_exporter *exporter;

        config.otlp.signals[LLMOBS_SIGNAL_TRACES].on = true;
        config.otlp.signals[LLMOBS_SIGNAL_TRACES].given = true;
        config.otlp.signals[LLMOBS_SIGNAL_LOGS].on = logs;
        exporter = make(-1, NULL, false);
        probe_answer = -ECONNREFUSED;
        ck_assert_str_eq(where(exporter), "otlp");
        otlp_side->taken = 0;
        exporter->kind = LLMOBS_EVENT_EVALUATION;
        ck_assert_int_eq(exporter->ops->send(exporter, &one, 1), 1);
        ck_assert_int_eq(otlp_side->taken, !logs);
        ck_assert_int_eq(exporter->via == NULL, logs);
        exporter->ops->free(exporter);
    }
}

/* Not sticky: an agent that comes later gets what waited and what follows. */
TEST(an_agent_may_come_later)
{
    struct llmobs_exporter *exporter = make(-1, "k", true);

    probe_answer = -ECONNREFUSED;
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_str_eq(where(exporter), "wait");
    probe_answer = 1;
    ck_assert_str_eq(where(exporter), "agent");
    /* Then it is known: its silence is no reason to go elsewhere. */
    agent_side->error = -ECONNREFUSED;
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_int_eq(probes, 3);
    agent_side->error = 0;
    ck_assert_str_eq(where(exporter), "agent");
    ck_assert_int_eq(probes, 3);
    exporter->ops->free(exporter);
}

TEST(the_store_is_not_for_good)
{
    struct llmobs_exporter *exporter = make(-1, NULL, false);
    struct chooser *a = (struct chooser *)exporter;

    probe_answer = -ECONNREFUSED;
    ck_assert_str_eq(where(exporter), "store");
    ck_assert_int_eq(exporter->exit_ms, LLMOBS_EXIT_STORE_MS);
    probe_answer = 1;
    ck_assert_str_eq(where(exporter), "store");
    a->probed_ns -= PROBE_AGAIN_MS * LLMOBS_NS_PER_MS;
    /* On an app's thread nobody is asked. */
    exporter->phase = LLMOBS_PHASE_INLINE;
    ck_assert_str_eq(where(exporter), "store");
    exporter->phase = LLMOBS_PHASE_RUNNING;
    ck_assert_str_eq(where(exporter), "agent");
    ck_assert_int_eq(exporter->exit_ms, LLMOBS_EXIT_AGENT_MS);
    /* It is gone: waited for, as one that was there. */
    agent_side->error = -ECONNREFUSED;
    ck_assert_str_eq(where(exporter), "wait");
    /* Another one is in its place that cannot do it. */
    agent_side->error = -EACCES;
    ck_assert_str_eq(where(exporter), "wait");
    probe_answer = 0;
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_int_eq(exporter->retry_ms, PROBE_AGAIN_MS);
    exporter->ops->free(exporter);
}

/* Without libcurl nobody can be reached; a living app's spans do not wait for
 * ever then, and an app that ends has another chance. */
TEST(without_libcurl)
{
    struct llmobs_exporter *exporter = make(-1, NULL, false);
    struct chooser *a = (struct chooser *)exporter;

    probe_answer = -ENOTCONN;
    ck_assert_str_eq(where(exporter), "wait");
    probe_answer = 1;
    ck_assert_str_eq(where(exporter), "agent");
    exporter->ops->free(exporter);
    exporter = make(-1, NULL, false);
    a = (struct chooser *)exporter;
    probe_answer = -ENOTCONN;
    ck_assert_str_eq(where(exporter), "wait");
    a->no_curl_ns -= NO_CURL_MS * LLMOBS_NS_PER_MS;
    ck_assert_str_eq(where(exporter), "store");
    exporter->ops->free(exporter);
}

TEST(a_silent_agent_is_not_probed_by_the_next_process)
{
    struct llmobs_exporter *exporter = make(-1, NULL, true);

    probe_answer = -ETIMEDOUT;
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_int_eq(probe_timeout, 2000);
    ck_assert(exporter->silent);
    exporter->phase = LLMOBS_PHASE_ENDING;
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_int_eq(probes, 1);
    exporter->ops->free(exporter);
    /* The next process of the host. */
    exporter = make(-1, NULL, true);
    ck_assert_str_eq(where(exporter), "wait");
    ck_assert_int_eq(probes, 1);
    /* It lives on. */
    probe_answer = 1;
    ck_assert_str_eq(where(exporter), "agent");
    ck_assert_int_eq(probes, 2);
    ck_assert(MAY_ASK(config.agent_url));
    exporter->ops->free(exporter);
    exporter = make(-1, NULL, true);
    exporter->phase = LLMOBS_PHASE_ENDING;
    ck_assert_str_eq(where(exporter), "agent");
    ck_assert_int_eq(probe_timeout, PROBE_ENDING_MS);
    exporter->ops->free(exporter);
}

TEST(only_what_is_far_is_warmed)
{
    static const struct {
        int agentless;
        const char *key;
        bool configured;
        int probe;
        bool wanted;
        int warmed;
    } rows[] = {
        {1, "k", false, 0, true, 1},
        {1, NULL, false, 0, false, 0},
        {0, "k", false, 0, false, 0},
        {-1, "k", false, -ECONNREFUSED, true, 1},
        {-1, "k", false, 1, true, 0},
        {-1, "k", true, 1, false, 0},
        {-1, NULL, false, 1, false, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llmobs_exporter *exporter =
            make(rows[i].agentless, rows[i].key, rows[i].configured);

        double_warmed = 0;
        probe_answer = rows[i].probe;
        ck_assert_int_eq(exporter->wants_warm, rows[i].wanted);
        if (exporter->wants_warm)
            exporter->ops->warm(exporter);
        ck_assert_int_eq(double_warmed, rows[i].warmed);
        exporter->ops->free(exporter);
    }
}
