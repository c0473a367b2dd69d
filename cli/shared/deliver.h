/* deliver - what a command has made itself, on its way.
 *
 * Owns:    the worker, which lives as long as the process: its thread may
 *          outlast the command.
 * Threads: the main one; starts the worker's.
 * Errors:  -ENOMEM, or what `give` answered. What could not be delivered is in
 *          the spool then, or counted as dropped.
 * Limits:  waits as long as the exit of any program (exporter.h).
 * Fork:    not after it.
 */
#ifndef LLMOBS_CLI_DELIVER_H
#define LLMOBS_CLI_DELIVER_H

#include "core/deliver/worker.h"

/* Whether this host and the environment want anything observed. */
bool llmobs_cli_observing(const struct llmobs_config *config);

/* Calls `give` with a worker of the configuration, once, and stops that. */
int llmobs_cli_deliver(const struct llmobs_config *config,
                       int (*give)(void *ctx, struct llmobs_worker *worker),
                       void *ctx);

#endif
