/* media - images, sounds and files as words: their bytes are never kept.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM.
 * Limits:  those of message_content.h.
 */
#ifndef LLMOBS_MEDIA_H
#define LLMOBS_MEDIA_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/text/json.h"
#include "rules/read/call.h"
#include "rules/read/left_out.h"

/* Appends "[what: detail, N bytes]" to a text, on a line of its own. Either
 * may be left out: `detail` by NULL or "", the size by 0. */
int llmobs_media_mark(struct llmobs_buf *text, const char *what,
                      const char *detail, uint64_t bytes);

/* The same for what a URL leads to: the URL, or the size of an inline one, or
 * of base64 without a URL before it. */
int llmobs_media_url(struct llmobs_buf *text, const char *what,
                     const char *url);

/* The same for a file of a form (llmobs_request_read), or a list of them; the
 * words have its type, and its size if that is known. Nothing for any other
 * value. */
int llmobs_media_file(struct llmobs_buf *text, const char *what,
                      const struct llmobs_json *file);

/* The kind of a part that is no text, {"image": URL}: "image", "audio", "video"
 * or "file", which is also the name of its member. NULL: it is a text, or none
 * of these. Static. */
const char *llmobs_media_kind(const struct llmobs_json *part);

/* Gives the value with words in place of the texts that are long pieces of
 * base64 or URLs that begin "data:", in lists and objects, too. A text that
 * has base64's letters alone is such where it looks random, begins as a file
 * does, or stands in an object with the type of a medium. The name of a member
 * is the kind in its words; `what` is that of a text that is no member. NULL
 * without memory. */
struct llmobs_json *llmobs_media_words(const struct llmobs_json *value,
                                       const char *what);

/* Takes the texts that are long pieces of base64, or long and named "data", out
 * of JSON, in its place, and answers the new length: each becomes "". No
 * allocation. */
size_t llmobs_media_drop(char *json, size_t len);

/* The number of bytes that a base64 text stands for, also if they were left
 * out. */
uint64_t llmobs_media_base64(struct llmobs_text text);

/* The same for the text under `key` of an answer whose missing middle is all in
 * that text; 0: that cannot be seen. */
uint64_t llmobs_media_cut(const struct llmobs_call *call, const char *key);

#endif
