/* row - what `view` keeps of one event.
 *
 * Owns:    its strings, until llmobs_row_free; the links of the tree are
 *          borrowed.
 * Threads: one.
 * Errors:  -EINVAL: the event is no span; -ENOMEM.
 * Limits:  texts are kept as shown, at most LLMOBS_ROW_TEXT columns each, and
 *          LLMOBS_ROW_MESSAGES messages a side.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_ROW_H
#define LLMOBS_ROW_H

#include "core/text/json.h"

#define LLMOBS_ROW_NAME 40
#define LLMOBS_ROW_MODEL 32
#define LLMOBS_ROW_TEXT 96
#define LLMOBS_ROW_MESSAGES 8

/* All strings are fit for a terminal, but for the three ids. */
struct llmobs_row {
    char *trace_id;
    char *span_id;
    char *parent_id; /* NULL: a root */
    bool wanted;     /* the filters let it through; else only ids are set */
    char *name;
    char *kind;
    char *model;  /* NULL: none */
    char *ml_app; /* NULL: none */
    char *error;  /* "type: message"; NULL: none */
    char *detail; /* what stands below it, each line ended; NULL: none */
    int64_t start_ns;
    int64_t duration_ns; /* -1: unknown, as all below */
    int64_t input_tokens;
    int64_t output_tokens;
    double first_token; /* seconds */
    bool failed;

    struct llmobs_row *parent; /* the nearest one that is shown; NULL: top */
    struct llmobs_row *child;  /* oldest */
    struct llmobs_row *next;   /* the next younger of the same parent */
    bool orphan; /* it names a parent that the store does not hold */
    unsigned mark;
};

/* Fills a new row, `wanted` or with the ids alone; `messages` adds the detail.
 * Gives `*out`. */
int llmobs_row_new(const struct llmobs_json *event, bool wanted, bool messages,
                   struct llmobs_row **out);
/* Adds whole lines to its detail. */
int llmobs_row_below(struct llmobs_row *row, struct llmobs_text lines);
void llmobs_row_free(struct llmobs_row *row);

#endif
