#include "core/export/otlp_logs.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "core/export/otlp_route.h"
#include "core/export/logs.h"

struct logs {
    struct llmobs_exporter base; /* first */
    const struct llmobs_config *config;
    struct llmobs_otlp_route route;
    struct llmobs_otlp_picked said; /* events of a send with a record */
};

/* -- requests ------------------------------------------------------------ */

static int write_logs(struct llmobs_post *post,
                      const struct llmobs_text *events, size_t count,
                      struct llmobs_buf *body)
{
    struct llmobs_otlp_route *route = (struct llmobs_otlp_route *)post;
    size_t left_out;
    int rc = llmobs_otlp_logs(post->peer.config, events, count,
                              llmobs_otlp_route_begin(route), &left_out);

    (void)body;
    return rc ? rc : llmobs_otlp_route_end(route, count);
}

static const struct llmobs_post_form form = {
    .name = "otlp_logs",
    LLMOBS_OTLP_FORM("otlp logs"),
    .write = write_logs,
    .accepted = llmobs_otlp_accepted,
};

/* -- the events ---------------------------------------------------------- */

/* -ENOMEM; a text that is no event needs no record. */
static int read_event(const struct llmobs_config *config,
                      struct llmobs_text event, enum llmobs_otlp_saying *saying)
{
    struct llmobs_json *json;
    int rc = llmobs_json_parse(event, &json);

    *saying = LLMOBS_OTLP_NOTHING;
    if (rc)
        return rc == -ENOMEM ? rc : 0;
    *saying = llmobs_otlp_log_of(config, json);
    llmobs_json_free(json);
    return 0;
}

static void note_unsaid(struct logs *logs, size_t place)
{
    llmobs_otlp_note(&logs->base, place, LLMOBS_OUTCOME_UNSAID);
    llmobs_log_once(LLMOBS_LOG_WARN, "unsaid",
                    "exporter otlp_logs: an evaluation joins by a tag, or is "
                    "feedback: no log can say it");
}

/* Gathers the events that have a record; -ENOMEM. */
static int gather(struct logs *logs, const struct llmobs_text *events,
                  size_t count)
{
    enum llmobs_otlp_saying saying;
    int rc = 0;

    logs->said.count = 0;
    for (size_t i = 0; i < count && i < LLMOBS_SEND_MAX && !rc; i++) {
        rc = read_event(logs->config, events[i], &saying);
        if (saying == LLMOBS_OTLP_UNSAID) {
            note_unsaid(logs, i);
        } else if (saying == LLMOBS_OTLP_NOTHING) {
            llmobs_otlp_note(&logs->base, i, LLMOBS_OUTCOME_NOTHING);
        } else {
            llmobs_otlp_pick(&logs->said, events[i], i);
        }
    }
    return rc;
}

/* -- sending ------------------------------------------------------------- */

/* Events at the front that have no record do not wait for the receiver. */
static int logs_send(struct llmobs_exporter *exporter,
                     const struct llmobs_text *events, size_t count)
{
    struct logs *logs = (struct logs *)exporter;
    const struct llmobs_otlp_picked *said = &logs->said;
    int rc = gather(logs, events, count);

    if (rc)
        return rc;
    if (said->count > 0 && said->places[0] > 0)
        return (int)said->places[0];
    return llmobs_otlp_send_picked(&logs->route, said, count);
}

/* -- life ---------------------------------------------------------------- */

static void logs_forget(struct llmobs_exporter *exporter)
{
    llmobs_otlp_route_forget(&((struct logs *)exporter)->route);
}

static void logs_free(struct llmobs_exporter *exporter)
{
    struct logs *logs = (struct logs *)exporter;

    llmobs_otlp_route_fini(&logs->route);
    free(logs);
}

static const struct llmobs_exporter_ops ops = {
    .name = "otlp_logs",
    .send = logs_send,
    .forget = logs_forget,
    .free = logs_free,
};

struct llmobs_exporter *llmobs_otlp_logs_exporter_new(
    const struct llmobs_config *config)
{
    struct logs *logs = calloc(1, sizeof(*logs));
    int rc;

    if (!logs)
        return NULL;
    logs->base.ops = &ops;
    logs->config = config;
    rc = llmobs_otlp_route_init(&logs->route, &logs->base, config,
                                LLMOBS_SIGNAL_LOGS, &form, NULL, "log records");
    logs->base.wants_warm = false; /* most calls have nothing to log */
    if (!rc)
        return &logs->base;
    logs_free(&logs->base);
    return NULL;
}
