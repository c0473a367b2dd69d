/* meter - an exporter that sums up the spans it is given, and sends the sums at
 * times of its own.
 *
 * Threads: the thread that has the worker's turn; `owes`: any.
 *
 * Its `send` takes a span at once, without the network: it answers 1, or
 * -ETIMEDOUT (work.h) to get the span again.
 */
#ifndef LLMOBS_METER_H
#define LLMOBS_METER_H

#include "core/export/exporter.h"

/* How many spans are in sums that the peer has got now, and in sums that it has
 * refused for good and that are not sent again. */
struct llmobs_published {
    uint64_t sent, lost;
};

struct llmobs_meter {
    struct llmobs_exporter base; /* first */
    /* When the sums are to be sent, monotonic; INT64_MAX: no sums wait. */
    int64_t (*due)(const struct llmobs_meter *meter);
    /* Sends the sums; in the phase ENDING perhaps for the last time. */
    struct llmobs_published (*publish)(struct llmobs_meter *meter);
    atomic_bool owes; /* sums that it wants to send before the process ends */
};

#endif
