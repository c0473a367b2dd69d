/* open - a worker with the exporters that the configuration names
 * (LLMOBS_EXPORTER), the spool and the ledger.
 */
#ifndef LLMOBS_OPEN_H
#define LLMOBS_OPEN_H

#include "core/deliver/worker.h"

/* Gives the worker of a program; NULL when memory runs out. Borrows config,
 * which must outlive it; takes the buffer. */
struct llmobs_worker *llmobs_worker_open(const struct llmobs_config *config,
                                         struct llmobs_buffer *buffer);

/* Gives a worker with the same exporters for llmobs_worker_drain; NULL when
 * memory runs out. Borrows config and the adoption, which must outlive it.
 * Forgets that others found a peer down: it may be back, no program waits while
 * a relay tries, and the person who types a command wants the delivery tried.
 */
struct llmobs_worker *llmobs_worker_open_drainer(
    const struct llmobs_config *config, struct llmobs_adopt *adopt);

#endif
