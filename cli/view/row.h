/* row - the parts of one event that `view` keeps.
 *
 * Owns:    its strings, until llmobs_row_free; the links of the tree are
 *          borrowed.
 * Threads: one.
 * Errors:  -EINVAL: the event is no span; -ENOMEM.
 * Limits:  texts are kept in the shown form, at most LLMOBS_ROW_TEXT columns
 *          each, and LLMOBS_ROW_MESSAGES messages a side.
 */
#ifndef LLMOBS_ROW_H
#define LLMOBS_ROW_H

#include "core/text/json.h"

#define LLMOBS_ROW_NAME 40
#define LLMOBS_ROW_MODEL 32
#define LLMOBS_ROW_TEXT 96
#define LLMOBS_ROW_MESSAGES 8

/* All strings but the three ids are fit for a terminal. */
struct llmobs_row {
    char *trace_id;
    char *span_id;
    char *parent_id; /* NULL: a root */
    bool wanted;     /* the filters select it; else only its ids are set */
    char *name;
    char *kind;
    char *model;  /* NULL: none */
    char *ml_app; /* NULL: none */
    char *error;  /* "type: message"; NULL: none */
    char *detail; /* the lines below it, each with its end; NULL: none */
    int64_t start_ns;
    int64_t duration_ns; /* -1: unknown; the same for all counts below */
    int64_t input_tokens;
    int64_t output_tokens;
    double first_token; /* seconds */
    bool failed;

    struct llmobs_row *parent; /* the nearest shown one; NULL: at the top */
    struct llmobs_row *child;  /* oldest */
    struct llmobs_row *next;   /* the parent's next younger child */
    bool orphan;               /* it names a parent that is not in the store */
    unsigned mark;
};

/* Gives a new row in *out: a whole one if `wanted`, else the ids alone; with
 * `messages`, the detail too. */
int llmobs_row_new(const struct llmobs_json *event, bool wanted, bool messages,
                   struct llmobs_row **out);
/* Adds whole lines to the row's detail. */
int llmobs_row_below(struct llmobs_row *row, struct llmobs_text lines);
void llmobs_row_free(struct llmobs_row *row);

#endif
