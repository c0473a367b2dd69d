/* page_row - writes the row of a span as JSON, for the page's index.
 *
 * Threads: any.
 * Errors:  -ENOMEM; -EINVAL: the event is no span.
 * Limits:  a text has LLMOBS_PAGE_ROW_TEXT bytes at most, a span
 *          LLMOBS_PAGE_ROW_TAGS tags.
 *
 * The members have names of one letter; a member without a value is missing.
 * cli/query/keys.h has most; the start is in microseconds. The others are:
 *   z  1: failed                           g  the other tags, "key:value"
 *   B  the script or program of the run    L  id of the turn before
 *   j  1: billed, though no call of a model
 */
#ifndef LLMOBS_PAGE_ROW_H
#define LLMOBS_PAGE_ROW_H

#include "cli/query/row.h"

#define LLMOBS_PAGE_ROW_TEXT 1024
#define LLMOBS_PAGE_ROW_TAGS 64

/* Appends the object. The row has all parts of the event. */
int llmobs_page_row_add(struct llmobs_buf *out, const struct llmobs_row *row,
                        const struct llmobs_json *event);

/* Appends a string of JSON, at most `max` bytes of `text`, with no '<'. */
int llmobs_page_string_add(struct llmobs_buf *out, const char *text,
                           size_t max);

#endif
