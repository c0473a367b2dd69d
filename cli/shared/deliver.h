/* deliver - delivers the spans that a command has made itself.
 *
 * Owns:    the worker, which lives as long as the process: its thread may
 *          outlast the command.
 * Threads: the main one; starts the worker's.
 * Errors:  -ENOMEM, or the error of `give`. A span that could not be delivered
 *          is in the spool, or counted as dropped.
 * Limits:  waits as long as the exit of any program (exporter.h).
 * Fork:    not after it.
 */
#ifndef LLMOBS_CLI_DELIVER_H
#define LLMOBS_CLI_DELIVER_H

#include "core/deliver/worker.h"

/* True where the configuration and this host leave observing switched on. */
bool llmobs_cli_observing(const struct llmobs_config *config);

/* For a command that a user runs to make a span or to submit something: a text
 * that says what switches this off, and how to switch it on. NULL: nothing
 * switches it off, even if nothing switches it on. */
const char *llmobs_cli_why_off(const struct llmobs_config *config);

/* Gives the worker what the command has made. */
typedef int llmobs_cli_give_fn(void *ctx, struct llmobs_worker *worker);

/* Calls `give` once with a worker of the configuration, and stops the worker.
 * Switches the worker's thread off in the configuration where no destination
 * needs one. */
int llmobs_cli_deliver(struct llmobs_config *config, llmobs_cli_give_fn *give,
                       void *ctx);

#endif
