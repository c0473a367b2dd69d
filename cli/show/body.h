/* body - writes an event's line into the page, so that no byte of it can end
 * the element that it stands in.
 *
 * Owns:    its buffers, from init to fini.
 * Threads: one.
 * Errors:  -ENOMEM; -EIO: the file cannot be written.
 * Limits:  LLMOBS_PAGE_BODY_TEXT bytes a text, LLMOBS_PAGE_BODY_IMAGE a text of
 *          base64, LLMOBS_PAGE_BODY_ALL for all lines together: beyond these
 *          each text of a line keeps LLMOBS_PAGE_BODY_REST bytes. Without
 *          limits where `full`.
 *
 * The line stays JSON of one line. '<' occurs in JSON within strings alone, so
 * "\u003c" stands for it everywhere. A line with a raw control code, which
 * JSON does not allow, and which a browser may take for an end of line, is
 * written anew. A cut text ends with a remark.
 */
#ifndef LLMOBS_PAGE_BODY_H
#define LLMOBS_PAGE_BODY_H

#include <stdint.h>
#include <stdio.h>

#include "lib/text/json.h"

#define LLMOBS_PAGE_BODY_TEXT (64u * 1024)
#define LLMOBS_PAGE_BODY_IMAGE (256u * 1024)
#define LLMOBS_PAGE_BODY_ALL (64u * 1024 * 1024)
#define LLMOBS_PAGE_BODY_REST 256u

struct llmobs_page_body {
    FILE *out; /* borrowed */
    bool full;
    struct llmobs_buf clean, cut;
    uint64_t written; /* bytes of lines */
    size_t texts;     /* texts that were cut */
    size_t images;    /* texts of base64 that were left out */
    size_t
        spans; /* lines that came beyond LLMOBS_PAGE_BODY_ALL, and were cut */
};

void llmobs_page_body_init(struct llmobs_page_body *body, FILE *out, bool full);
void llmobs_page_body_fini(struct llmobs_page_body *body);

/* Writes one line and its end. `event` is what the line says. */
int llmobs_page_body_write(struct llmobs_page_body *body,
                           struct llmobs_text line,
                           const struct llmobs_json *event);

/* Writes text with "\u003c" for each '<'. */
int llmobs_page_body_put(FILE *out, struct llmobs_text text);

#endif
