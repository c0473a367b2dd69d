/* letters - appends text to a buffer: as it is, or as the inside of a JSON
 * string, or of a JSON string within another JSON string.
 *
 * Threads: one at a time.
 * Errors:  -ENOMEM; -EFBIG: less than 16 bytes of the buffer's max would be
 *          left. Then some bytes may have been appended.
 *
 * One pass copies, checks and escapes. Bad UTF-8 and NUL become U+FFFD.
 */
#ifndef LLMOBS_OTLP_LETTERS_H
#define LLMOBS_OTLP_LETTERS_H

#include "lib/base/buf.h"

/* How many JSON strings the text is in. */
enum llmobs_quoting { LLMOBS_QUOTED_NOT, LLMOBS_QUOTED, LLMOBS_QUOTED_TWICE };

int llmobs_letters_add(struct llmobs_buf *buf, enum llmobs_quoting quoting,
                       struct llmobs_text text);

#endif
