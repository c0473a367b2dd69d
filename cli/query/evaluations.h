/* evaluations - collects the evaluations and the feedback of a local store, to
 * show them below their spans.
 *
 * Owns:    the evaluations that are added, until fini.
 * Threads: one.
 * Errors:  -EINVAL: the event is no evaluation; -ENOMEM.
 * Limits:  LLMOBS_EVALUATIONS_SHOWN of a span; memory.
 *
 * An evaluation may come before its span, and may belong to several spans by a
 * tag. So all are added and sorted first; then each span looks for its own.
 */
#ifndef LLMOBS_CLI_EVALUATIONS_H
#define LLMOBS_CLI_EVALUATIONS_H

#include "lib/text/json.h"

#define LLMOBS_EVALUATIONS_SHOWN 64

struct llmobs_evaluations {
    struct llmobs_evaluation_line *list;
    size_t count, cap;
};

bool llmobs_evaluations_is_one(const struct llmobs_json *event);

/* False where the line certainly is no evaluation and no feedback. */
bool llmobs_evaluations_may_be_one(struct llmobs_text line);

int llmobs_evaluations_add(struct llmobs_evaluations *evaluations,
                           const struct llmobs_json *event);

/* Call it after the last add. Keeps one of equal evaluations, which a killed
 * process may have written twice. */
void llmobs_evaluations_sort(struct llmobs_evaluations *evaluations);

/* The evaluations that have a verdict. */
struct llmobs_evaluations_verdicts {
    unsigned passed, failed;
};

/* Appends a line, fit for a terminal, for each evaluation of this span, and
 * counts the verdicts of all. */
int llmobs_evaluations_of(struct llmobs_evaluations *evaluations,
                          const struct llmobs_json *span,
                          struct llmobs_buf *out,
                          struct llmobs_evaluations_verdicts *verdicts);

/* The number of evaluations that belong to no span so far. */
size_t llmobs_evaluations_unjoined(const struct llmobs_evaluations *all);

void llmobs_evaluations_fini(struct llmobs_evaluations *evaluations);

#endif
