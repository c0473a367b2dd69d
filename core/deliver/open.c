/* Opens the exporters that the configuration names. */
#include "core/deliver/delivery.h"

#include "lib/base/log.h"
#include "core/export/choose.h"
#include "core/export/intake.h"
#include "core/export/otlp_traces.h"
#include "core/export/otlp_logs.h"
#include "core/export/otlp_metrics.h"
#include "core/export/store.h"
#include "core/ledger/ledger.h"

/* Takes the exporter; false for NULL. */
static bool add(struct llmobs_delivery *delivery,
                struct llmobs_exporter *exporter)
{
    if (!exporter)
        return false;
    if (llmobs_delivery_add(delivery, exporter) == 0)
        return true;
    exporter->ops->free(exporter);
    return false;
}

bool llmobs_delivery_open(struct llmobs_delivery *delivery,
                          const struct llmobs_config *config, size_t bytes,
                          struct llmobs_adopt *adopt)
{
    const struct llmobs_otlp_signal *signals = config->otlp.signals;
    unsigned names = llmobs_exporters_named(config->exporter, NULL);
    struct llmobs_queue *queue = llmobs_queue_new(bytes);
    struct llmobs_meter *meter;
    bool any = false;

    llmobs_delivery_init(delivery, config, queue);
    if (!queue)
        return false;
    if (names & LLMOBS_EXPORTER_AUTO) {
        names = 0;
        any = add(delivery, llmobs_choose_new(config));
    }
    if (config->run_store)
        names |= LLMOBS_EXPORTER_STORE;
    if (names & LLMOBS_EXPORTER_AGENT)
        any |= add(delivery, llmobs_intake_new(config, false, NULL));
    if (names & LLMOBS_EXPORTER_AGENTLESS) {
        if (!config->api_key)
            llmobs_log(LLMOBS_LOG_ERROR,
                       "exporter agentless without DD_API_KEY: spans go to the "
                       "local store");
        if (!config->api_key ||
            !add(delivery, llmobs_intake_new(config, true, NULL)))
            names |= LLMOBS_EXPORTER_STORE;
        any = true;
    }
    /* Evaluations go to the local store if no other exporter takes them. The
     * log already has a line about a bad URL. */
    if (names & LLMOBS_EXPORTER_OTLP && signals[LLMOBS_SIGNAL_TRACES].on)
        any |=
            add(delivery,
                llmobs_otlp_exporter_new(config, NULL,
                                         names == LLMOBS_EXPORTER_OTLP &&
                                             !signals[LLMOBS_SIGNAL_LOGS].on));
    else if (names & LLMOBS_EXPORTER_OTLP &&
             !signals[LLMOBS_SIGNAL_TRACES].misplaced)
        llmobs_log(LLMOBS_LOG_WARN,
                   "exporter otlp: OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER "
                   "switches it off");
    if (!(names & LLMOBS_EXPORTER_STORE) && any)
        delivery->rescue = llmobs_store_new(config);
    else if (!add(delivery, llmobs_store_new(config)))
        return false;
    /* Added beside the other exporters: it does not change where their events
     * go. */
    if (signals[LLMOBS_SIGNAL_LOGS].on)
        (void)add(delivery, llmobs_otlp_logs_exporter_new(config));
    if (signals[LLMOBS_SIGNAL_METRICS].on &&
        (meter = llmobs_otlp_metrics_exporter_new(config)))
        llmobs_delivery_set_meter(delivery, meter);
    llmobs_account_set(&delivery->account, llmobs_spool_new(config), adopt);
    delivery->refresh = llmobs_ledger_refresh;
    delivery->record = llmobs_ledger_record;
    delivery->close = llmobs_ledger_close;
    return true;
}
