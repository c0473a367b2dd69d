/* gate - limits for the calls in a store, so that a job of CI fails where a
 * change makes them cost more, say more, or fail more often.
 *
 * Owns:    its filter, until fini; borrows the arguments.
 * Threads: one.
 * Errors:  as exit statuses: LLMOBS_CLI_FAILED beyond a limit, LLMOBS_CLI_USAGE
 *          where the answer is unknown; the messages are printed then.
 */
#ifndef LLMOBS_GATE_H
#define LLMOBS_GATE_H

#include "cli/query/filter.h"
#include "cli/shared/options.h"

struct llmobs_gate {
    struct llmobs_filter filter;
    double max_cost;    /* USD */
    int64_t max_tokens; /* of input and output */
    int64_t max_errors; /* calls that failed */
};

/* Sets each limit to -1: no limit. */
void llmobs_gate_init(struct llmobs_gate *gate);
void llmobs_gate_fini(struct llmobs_gate *gate);

/* A `set` (options.h) for max_cost, and one for the other limits. */
int llmobs_gate_cost(const struct llmobs_cli_option *option, const char *value);
int llmobs_gate_count(const struct llmobs_cli_option *option,
                      const char *value);

/* True where a limit is set. */
bool llmobs_gate_has_limit(const struct llmobs_gate *gate);

/* Prints a line for each limit, on stderr where it is exceeded. `store` as for
 * llmobs_cli_config. */
int llmobs_gate_check(struct llmobs_gate *gate, const char *store);

#endif
