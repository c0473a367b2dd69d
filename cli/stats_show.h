/* stats_show - prints tallies: as text, as JSON, and in Prometheus' text
 * format.
 *
 * Threads: one.
 * Errors:  -ENOMEM; the caller looks for errors of stdout.
 */
#ifndef LLMOBS_STATS_SHOW_H
#define LLMOBS_STATS_SHOW_H

#include "cli/tally.h"

enum llmobs_stats_form {
    LLMOBS_STATS_TEXT,
    LLMOBS_STATS_JSON,
    LLMOBS_STATS_PROMETHEUS
};

/* `users`: names the user of each tally, and adds a sum. Else the one tally is
 * printed alone. */
int llmobs_stats_show(const struct llmobs_tallies *tallies, bool users,
                      enum llmobs_stats_form form);

#endif
