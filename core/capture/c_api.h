/* c_api - the table of functions behind the public header.
 *
 * Owns:    the options of a first enable, until the configuration is read.
 * Threads: any, once the core is attached.
 * Errors:  those of the public header.
 * Limits:  those of own_span.h.
 */
#ifndef LLMOBS_C_API_H
#define LLMOBS_C_API_H

#include "core/config/config.h"
#include "core/deliver/worker.h"

struct llmobs_api;
struct llmobs_enable_options;

/* Makes an environment in which the options stand before the variables of `env`
 * and so win over them; remembers that they are applied. NULL without memory,
 * or where the options have an impossible size. Borrows `env` and the options.
 * Free with free(). */
const char **llmobs_c_api_environment(
    const char *const *env, const struct llmobs_enable_options *options);

/* Runs once, before anybody gets the table. Borrows the arguments for ever. */
void llmobs_c_api_open(const struct llmobs_config *config,
                       struct llmobs_worker *worker);

/* The table of that version; NULL: this core does not know it. */
const struct llmobs_api *llmobs_c_api_table(unsigned version);

#endif
