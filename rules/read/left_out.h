/* left_out - texts of base64 that the core leaves out of a body before it is
 * read (lib/text/blob.h): which ones, and how it shows.
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

/* Which texts of base64 the spans of a dialect have. */
enum {
    LLMOBS_MEDIA_TOLD = 1,   /* none: they are words, with their sizes */
    LLMOBS_MEDIA_IMAGES = 2, /* but pictures in URLs, of LLMOBS_MEDIA_MAX */
    LLMOBS_MEDIA_DATA = 4    /* and members named "data", likewise */
};

/* More than each limit of what is a part of a span, escapes included. */
#define LLMOBS_MEDIA_MAX ((size_t)4352 * 1024)

/* How many characters a text of base64 may have that follows `before`, the last
 * bytes before it, and stay in the body; SIZE_MAX: it is none of a picture, a
 * sound, a file or a vector. `media`: LLMOBS_MEDIA_*. No allocation. */
size_t llmobs_media_stays(unsigned media, struct llmobs_text before);

/* True where a text's bytes were left out before it was read
 * (lib/text/blob.h): *bytes is how many it stands for. */
bool llmobs_media_left_out(struct llmobs_text text, uint64_t *bytes);

#endif
