/* evaluations - those of a local store, to be shown below their spans.
 *
 * Owns:    what is added, until fini.
 * Threads: one.
 * Errors:  -EINVAL: it is no evaluation; -ENOMEM.
 * Limits:  LLMOBS_EVALUATIONS_SHOWN of a span; memory.
 * Fork:    plain memory.
 *
 * An evaluation may come before its span, and belong to several by a tag: all
 * are added and sorted first, then each span is asked for.
 */
#ifndef LLMOBS_CLI_EVALUATIONS_H
#define LLMOBS_CLI_EVALUATIONS_H

#include "core/text/json.h"

#define LLMOBS_EVALUATIONS_SHOWN 64

struct llmobs_evaluations {
    struct llmobs_evaluation_line *list;
    size_t count, cap;
};

bool llmobs_evaluations_is_one(const struct llmobs_json *event);

int llmobs_evaluations_add(struct llmobs_evaluations *evaluations,
                           const struct llmobs_json *event);

/* After the last add. One that is there twice, as after a kill, stays once. */
void llmobs_evaluations_sort(struct llmobs_evaluations *evaluations);

/* Appends a line, fit for a terminal, for each evaluation of this span. */
int llmobs_evaluations_of(struct llmobs_evaluations *evaluations,
                          const struct llmobs_json *span,
                          struct llmobs_buf *out);

/* How many were of no span that was asked for. */
size_t llmobs_evaluations_unjoined(const struct llmobs_evaluations *all);

void llmobs_evaluations_fini(struct llmobs_evaluations *evaluations);

#endif
