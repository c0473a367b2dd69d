/* inflate_inner - what the codings of inflate.h share. For core/inflate* only.
 *
 * Owns:    nothing beyond a call.
 * Threads: any.
 * Errors:  as inflate.h; 1 from a coding: the input ended first.
 * Limits:  a sink takes no more than `left` bytes; memory as each coding says.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_INFLATE_INNER_H
#define LLMOBS_INFLATE_INNER_H

#include "core/text/body.h"

#define LLMOBS_INFLATE_CHUNK 8192

/* Where decoded bytes go. */
struct llmobs_sink {
    struct llmobs_buf *out;   /* or NULL: */
    struct llmobs_body *body; /* here */
    size_t left;              /* bytes that may still be added */
    bool full;                /* more came than that */
};

/* Adds what there is room for. */
int llmobs_sink_add(struct llmobs_sink *sink, const void *data, size_t len);

/* Whether the build found the library; without it undoing is -ENOTSUP. */
extern const bool llmobs_inflate_has_br;
extern const bool llmobs_inflate_has_zstd;

/* Undo one whole coding. 0: ended, or the sink is full. Beside the sink br
 * takes up to 16 MiB of memory, zstd up to 8 MiB (RFC 9659). */
int llmobs_inflate_br(struct llmobs_text in, struct llmobs_sink *sink);
int llmobs_inflate_zstd(struct llmobs_text in, struct llmobs_sink *sink);

#endif
