/* Compresses with zlib. */
#include "lib/text/gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define CHUNK 1024
/* A window of 4 KiB and small tables: zlib needs 26 KiB, not 268 KiB. */
#define WINDOW_BITS 12
#define MEMORY 3
#define IS_GZIP 16 /* beside the window's bits: the format around the data */

struct packer {
    z_stream z;
    unsigned char chunk[CHUNK];
};

int llmobs_gzip(struct llmobs_text text, struct llmobs_buf *out)
{
    struct packer *p = calloc(1, sizeof(*p));
    size_t before = out->len;
    int done = Z_OK, rc = 0;

    if (!p || text.len > UINT_MAX ||
        deflateInit2(&p->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS + IS_GZIP,
                     MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(p);
        return text.len > UINT_MAX ? -EFBIG : -ENOMEM;
    }
    p->z.next_in = (Bytef *)(uintptr_t)text.data;
    p->z.avail_in = (uInt)text.len;
    while (rc == 0 && done == Z_OK) {
        p->z.next_out = p->chunk;
        p->z.avail_out = CHUNK;
        done = deflate(&p->z, Z_FINISH);
        rc = llmobs_buf_add(out, p->chunk, CHUNK - p->z.avail_out);
    }
    deflateEnd(&p->z);
    free(p);
    if (rc)
        llmobs_buf_cut(out, before);
    return rc;
}
