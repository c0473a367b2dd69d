/* page_row - writes the row of a span as JSON, for the page's index.
 *
 * Threads: any.
 * Errors:  -ENOMEM; -EINVAL: the event is no span.
 * Limits:  a text has LLMOBS_PAGE_ROW_TEXT bytes at most, a span
 *          LLMOBS_PAGE_ROW_TAGS tags.
 *
 * The members have names of one letter; a member without a value is missing:
 *   t, s, p  ids of trace, span, parent    b  start, microseconds since 1970
 *   n, k     name, kind                    d  duration, nanoseconds
 *   m, v     model, provider               i, o  tokens, in and out
 *   a, c, e  ml_app, service, env          r, w, x  of a cache read and
 *   u        session                                written, of reasoning
 *   E        type of the error             f  seconds to the first token
 *   z        1: failed                     q, A  first words, asked, answered
 *   S, P     script, plugin                g  the other tags, "key:value"
 *   C        who called: line, or frames    H, O  host, account
 *   R, B     run, its script or program    L  id of the turn before
 *   M        model that was asked for, if it is another one
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
