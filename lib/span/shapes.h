/* shapes - tells words that look like keys from names, dates and ids.
 *
 * A part of a word, between '-' and '_', looks like a key where it alternates
 * between digits and letters more often than names do.
 *
 * Threads: any; a buffer belongs to one thread.
 * Errors:  none.
 */
#ifndef LLMOBS_SPAN_SHAPES_H
#define LLMOBS_SPAN_SHAPES_H

#include "lib/base/buf.h"

/* True for a text that looks like a key: the value of a member "key" or
 * "token", which may be a word or a piece of text as well. */
bool llmobs_shapes_is_value(const char *text, size_t len);

/* Least strict: for a part of the path of a URL where a key may be. */
bool llmobs_shapes_is_path_key(const char *text, size_t len);

/* Masks in place, from `at` on, the words that look like keys. In a path also
 * UUIDs. In the text of an error UUIDs are ids and stay, as do words that begin
 * as providers' ids do ("rs_", "chatcmpl-") or stand behind "id"; but words
 * with digits behind "key", "token" and the like are masked there. */
void llmobs_shapes_mask(struct llmobs_buf *buf, size_t at, bool error);

#endif
