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
#define LLMOBS_LABEL_MARK "eval:"
#define LLMOBS_LABEL_WORD 96
#define LLMOBS_LABELS_MAX 16

/* Labels of evaluations, each as a person asks for it, "eval:quality", and the
 * names of its columns. */
struct llmobs_labels {
    char list[LLMOBS_LABELS_MAX][LLMOBS_LABEL_WORD];
    char means[LLMOBS_LABELS_MAX][LLMOBS_LABEL_WORD + sizeof("_mean")];
    char counts[LLMOBS_LABELS_MAX][LLMOBS_LABEL_WORD + sizeof("_count")];
    size_t count;
};

/* The value of an evaluation. */
struct llmobs_score {
    const char *value; /* of any type, as a text */
    bool number;       /* it is a number */
    double score; /* a number, 1 for yes and a pass, 0 for no and a failure;
                     INFINITY: a category or a text */
};

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

/* Appends a line, fit for a terminal, for each evaluation of this span. */
int llmobs_evaluations_of(struct llmobs_evaluations *evaluations,
                          const struct llmobs_json *span,
                          struct llmobs_buf *out);

/* 1: sets *score to the newest evaluation of this span that has the label; 0:
 * there is none. */
int llmobs_evaluations_find(struct llmobs_evaluations *evaluations,
                            const struct llmobs_json *span, const char *label,
                            struct llmobs_score *score);

/* Adds a word of `len` bytes, "eval:NAME", once, and answers its place.
 * -EINVAL: no such word, a name has letters of ASCII, digits, blanks and _.-/
 * alone; -E2BIG: too many. */
int llmobs_labels_add(struct llmobs_labels *labels, const char *word,
                      size_t len);

/* Adds all labels in their order, as far as there is room. */
void llmobs_labels_add_all(struct llmobs_labels *labels,
                           const struct llmobs_evaluations *all);

/* The number of evaluations that belong to no span so far. */
size_t llmobs_evaluations_unjoined(const struct llmobs_evaluations *all);

void llmobs_evaluations_fini(struct llmobs_evaluations *evaluations);

#endif
