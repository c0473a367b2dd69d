/* otlp_logs - events as records of OTLP's logs, and the exporter that sends
 * them to a receiver: the result of an evaluation, the failure of a call, and a
 * call's details with its texts.
 *
 * The exporter takes all events. An event that needs no record is done with at
 * once; an evaluation that no record can express is dropped, and counted.
 *
 * Owns:    the exporter, its route (otlp_route.h), whose limits it has.
 * Threads: the thread that has the worker's turn.
 *
 * Sources: WIRE 9.8.
 */
#ifndef LLMOBS_OTLP_LOGS_H
#define LLMOBS_OTLP_LOGS_H

#include "core/export/exporter.h"
#include "lib/text/json.h"

/* Tells whether a log can have an event. */
enum llmobs_otlp_saying {
    LLMOBS_OTLP_SAID,    /* the event has a record */
    LLMOBS_OTLP_NOTHING, /* the event needs no record */
    LLMOBS_OTLP_UNSAID   /* no record can express it: an evaluation that joins
                          * by a tag */
};

enum llmobs_otlp_saying llmobs_otlp_log_of(const struct llmobs_config *config,
                                           const struct llmobs_json *event);

/* Appends an ExportLogsServiceRequest with the records of these events.
 * `*left_out`: how many events have no record. Errors as llmobs_otlp_traces. */
int llmobs_otlp_logs(const struct llmobs_config *config,
                     const struct llmobs_text *events, size_t count,
                     struct llmobs_buf *out, size_t *left_out);

/* Gives the exporter; NULL when memory runs out. */
struct llmobs_exporter *llmobs_otlp_logs_exporter_new(
    const struct llmobs_config *config);

#endif
