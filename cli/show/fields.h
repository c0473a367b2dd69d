/* fields - the facts of a span by their names, for tables of spans.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  -EINVAL: there is no such field, and a message says so.
 * Limits:  LLMOBS_FIELDS_MAX fields at once.
 */
#ifndef LLMOBS_FIELDS_H
#define LLMOBS_FIELDS_H

#include "cli/query/keys.h"
#include "cli/query/sheet.h"
#include "cli/query/row.h"

#define LLMOBS_FIELDS_MAX 64

/* The chosen fields, by their places in the list of all, behind which the keys
 * of an event come (keys.h); count 0: all. A column borrows its key's word. */
struct llmobs_fields {
    size_t at[LLMOBS_FIELDS_MAX];
    struct llmobs_by_key keys[LLMOBS_FIELDS_MAX];
    struct llmobs_column columns[LLMOBS_FIELDS_MAX];
    size_t count;
};

/* Reads "start,model,script,tag:team"; replaces what was chosen. */
int llmobs_fields_choose(struct llmobs_fields *fields, const char *names);

/* Chooses all. */
void llmobs_fields_all(struct llmobs_fields *fields);

/* The parts of a row that the chosen fields need. */
enum llmobs_row_parts llmobs_fields_parts(const struct llmobs_fields *fields);

/* True where one of the chosen fields is a cost. */
bool llmobs_fields_have_cost(const struct llmobs_fields *fields);

/* Sets one cell for each field, which borrows the texts of the row, of the
 * event, which only keys need, and of the room. */
void llmobs_fields_cells(const struct llmobs_fields *fields,
                         const struct llmobs_row *row,
                         const struct llmobs_json *event,
                         struct llmobs_key_room *room,
                         struct llmobs_cell cells[LLMOBS_FIELDS_MAX]);

#endif
