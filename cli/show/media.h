/* media - an image or a recording in a message, named in a few words.
 *
 * Threads: any.
 * Errors:  -ENOMEM.
 * Limits:  the size of an image is looked for in its first 64 KiB.
 */
#ifndef LLMOBS_SHOW_MEDIA_H
#define LLMOBS_SHOW_MEDIA_H

#include "lib/text/json.h"

/* Adds "[image/png 200x150, 1 KB]" for an element of image_parts or
 * audio_parts; `what` takes the place of a type that is missing. */
int llmobs_media_add(struct llmobs_buf *out, const struct llmobs_json *part,
                     const char *what);

#endif
