/* indent - writes a document of JSON with a member on each line, for people and
 * for diff.
 *
 * Only blanks between tokens change: each string and number stays as it is
 * written, and members stay in their order. A list that holds neither strings
 * nor containers stays on one line, and so does a container of at most `brief`
 * bytes with one member, or with two where it is within another. The text is
 * not checked beyond its brackets, commas and colons.
 *
 * Threads: any.
 * Errors:  -EINVAL: the text is not one document of JSON; -ENOMEM, -EFBIG. The
 *          buffer then may have a part of it.
 * Limits:  LLMOBS_INDENT_DEPTH containers inside one another, else -EINVAL.
 *          Linear in the text.
 */
#ifndef LLMOBS_INDENT_H
#define LLMOBS_INDENT_H

#include "lib/base/buf.h"

#define LLMOBS_INDENT_DEPTH 200

/* Appends the document, and a line end behind it. */
int llmobs_indent(struct llmobs_text text, size_t brief,
                  struct llmobs_buf *out);

#endif
