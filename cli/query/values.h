/* values - the values that the newest spans of a store have: of their service,
 * model, session and so on.
 *
 * Owns:    the values, until fini.
 * Threads: one.
 * Errors:  -EINVAL: no such member; -ENOMEM.
 * Limits:  the newest LLMOBS_VALUES_LINES lines, and no more than
 *          LLMOBS_VALUES_BYTES of them; LLMOBS_VALUES_MAX values.
 */
#ifndef LLMOBS_QUERY_VALUES_H
#define LLMOBS_QUERY_VALUES_H

#include "cli/query/filter.h"
#include "cli/query/texts.h"
#include "cli/shared/reader.h"

#define LLMOBS_VALUES_LINES 1000
#define LLMOBS_VALUES_BYTES (32u * 1024 * 1024)
#define LLMOBS_VALUES_MAX 200

struct llmobs_values {
    const char *name; /* of what they are: "service" */
    const char *list[LLMOBS_VALUES_MAX];
    size_t count;
    struct llmobs_texts texts;
};

/* Fills `values`, the newest first. `member` is the name of the option of
 * `llmobs view` that selects by it, such as "service". A text that is unfit for
 * a terminal is left out. */
int llmobs_values_read(struct llmobs_values *values,
                       struct llmobs_reader *reader, const char *member);

void llmobs_values_fini(struct llmobs_values *values);

/* When the newest span began, a wall time; 0: there is none. */
int64_t llmobs_values_newest(struct llmobs_reader *reader);

/* For each member that the filter selects by, and whose wanted value no newest
 * span has: calls `tell` with the values that the spans have. */
int llmobs_values_missed(const struct llmobs_filter *filter,
                         struct llmobs_reader *reader,
                         void (*tell)(const struct llmobs_values *values));

#endif
