/* fields - the facts of a span that --fields names, for tables of spans.
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

#endif
