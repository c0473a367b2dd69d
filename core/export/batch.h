/* batch - events of one kind as a request: grouped by the resource of the
 * process that made them, and all in one scope.
 *
 * Owns:    nothing.
 * Threads: the thread that has the worker's turn.
 * Errors:  -ENOMEM; -EINVAL: no event is of that kind; the writer's errors. On
 *          error nothing is appended.
 *
 * Sources: WIRE 9.6.
 */
#ifndef LLMOBS_OTLP_BATCH_H
#define LLMOBS_OTLP_BATCH_H

#include "core/config/config.h"
#include "core/export/resource.h"
#include "lib/text/json.h"

struct llmobs_otlp_batch {
    const struct llmobs_config *config;
    enum llmobs_signal signal;
    struct llmobs_otlp_lists lists;
    /* Whether the event has a record at all. */
    bool (*takes)(const struct llmobs_otlp_batch *batch,
                  const struct llmobs_json *event);
    /* Writes the items of the event into the list of records. */
    void (*write)(const struct llmobs_otlp_batch *batch,
                  struct llmobs_otlp_writer *writer,
                  const struct llmobs_json *event);
    bool content; /* set by the caller */
};

/* Appends the request; `*left_out`: how many events it lacks. */
int llmobs_otlp_batch_write(const struct llmobs_otlp_batch *batch,
                            const struct llmobs_text *events, size_t count,
                            struct llmobs_buf *out, size_t *left_out);

#endif
