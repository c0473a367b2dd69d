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

/* Appends "[what: detail, N bytes]" to a text, on its own line. `detail` NULL
 * or "" is left out, as is a size of 0. */
int llmobs_media_mark(struct llmobs_buf *text, const char *what,
                      const char *detail, uint64_t bytes);

/* Like llmobs_media_mark, but for the thing that a URL leads to: with the URL,
 * or with the size of a data URL, or of base64 without a URL before it. */
int llmobs_media_url(struct llmobs_buf *text, const char *what,
                     const char *url);

/* Like llmobs_media_mark, but for a file of a form (llmobs_request_read), or
 * for a list of files; with its type, and its size if known. Does nothing for
 * any other value. */
int llmobs_media_file(struct llmobs_buf *text, const char *what,
                      const struct llmobs_json *file);

/* The kind of a part that is not a text, {"image": URL}: "image", "audio",
 * "video" or "file", which is also the name of its member. NULL: a text, or
 * another kind. Static. */
const char *llmobs_media_kind(const struct llmobs_json *part);

/* Gives the value with words in place of texts that are long pieces of base64
 * or URLs that begin with "data:", also within lists and objects. The words
 * name the kind as the member is named; `what` names it for a text that is no
 * member. NULL when memory runs out. */
struct llmobs_json *llmobs_media_words(const struct llmobs_json *value,
                                       const char *what);

/* How many bytes a base64 text stands for, even if they were left out. */
uint64_t llmobs_media_base64(struct llmobs_text text);

/* Like llmobs_media_base64, but for the text under `key` of an answer whose
 * missing middle is all in that text; 0: this is not certain. */
uint64_t llmobs_media_cut(const struct llmobs_call *call, const char *key);

#endif
