/* exporter - where events go.
 *
 * An interface: the local store now; agent, intake and OTLP fill the same
 * places.
 *
 * Owns:    its descriptors and connections, until free.
 * Threads: the worker only, or the exit handler after the worker has stopped.
 * Errors:  send answers the number of leading events that are delivered for
 *          good (0 to count), or a negative errno when none is; -EBADMSG: the
 *          first one is refused for good, the others are not looked at yet.
 *          The exporter itself says in the log, once, why it cannot.
 * Fork:    forget abandons what a child inherited, without touching it.
 */
#ifndef LLMOBS_EXPORTER_H
#define LLMOBS_EXPORTER_H

#include "core/buf.h"
#include "core/config.h"

struct llmobs_exporter;

struct llmobs_exporter_ops {
    const char *name; /* as in LLMOBS_EXPORTER */
    int (*send)(struct llmobs_exporter *exporter,
                const struct llmobs_text *events, size_t count);
    void (*forget)(struct llmobs_exporter *exporter);
    void (*free)(struct llmobs_exporter *exporter);
};

struct llmobs_exporter {
    const struct llmobs_exporter_ops *ops;
};

/* Gives the exporter of the local store: JSON Lines, one event a line. NULL
 * without memory. The directory is made at the first send. */
struct llmobs_exporter *llmobs_store_new(const struct llmobs_config *config);

#endif
