/* left_out - texts of base64 that the core leaves out of a body before the body
 * is read (lib/text/body.h): which texts, and how a body shows it.
 *
 * Owns:    nothing.
 * Threads: any; no state. llmobs_media_stays is for the program's thread.
 * Errors:  none.
 * Limits:  none.
 */
#ifndef LLMOBS_LEFT_OUT_H
#define LLMOBS_LEFT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* Which texts of base64 the spans of a dialect keep. */
enum {
    LLMOBS_MEDIA_TOLD = 1,   /* none: words stand for them, with their sizes */
    LLMOBS_MEDIA_IMAGES = 2, /* but pictures in URLs, up to LLMOBS_MEDIA_MAX */
    LLMOBS_MEDIA_DATA = 4,   /* but members named "data", up to the same size */
    LLMOBS_MEDIA_KEPT = 7    /* both of these are kept */
};

/* No part of a span is longer, escapes included. */
#define LLMOBS_MEDIA_MAX ((size_t)4352 * 1024)

/* How many characters the text of base64 behind `before` may have to stay in
 * the body; SIZE_MAX: it is not of a picture, a sound, a file or a vector.
 * `media`: LLMOBS_MEDIA_*. No allocation. */
size_t llmobs_media_stays(unsigned media, struct llmobs_text before);

/* True if bytes of the text were left out before it was read (lib/text/body.h):
 * *bytes is how many bytes it stands for. */
bool llmobs_media_left_out(struct llmobs_text text, uint64_t *bytes);

#endif
