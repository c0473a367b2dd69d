/* json_clean - checks JSON text, and repairs what the builder of values
 * (json.c) cannot take.
 *
 * Owns:    nothing; repaired text lives in the caller's buffer.
 * Threads: any.
 * Errors:  -EINVAL: no JSON; -E2BIG: beyond a limit; -ENOMEM, also where
 *          there is no work left (work.h).
 * Limits:  LLMOBS_JSON_DEPTH_MAX containers inside one another,
 *          LLMOBS_JSON_TOKENS_MAX keys, values and containers together; a
 *          repaired text has at most six times the bytes.
 *
 * One pass without recursion. Text that needs no repair is not copied. The pass
 * checks the whole grammar, so that the builder can fail only for want of
 * memory. Text that is no JSON at all ends the pass at its first word.
 */
#ifndef LLMOBS_JSON_CLEAN_H
#define LLMOBS_JSON_CLEAN_H

#include <stdint.h>

#include "core/base/buf.h"

/* Answers the length of the UTF-8 sequence at the start of `text`, and fills
 * its code point; 0 when there is no sequence (cut, overlong, a surrogate,
 * beyond U+10FFFF). */
size_t llmobs_utf8_decode(struct llmobs_text text, uint32_t *point);

/* Repairs a document: bad bytes, lone surrogates and NUL become U+FFFD; raw
 * control characters in strings are escaped; a byte order mark is dropped;
 * integers beyond 64 bits become reals; numbers beyond a double, NaN and
 * Infinity become null. The function initialises `scratch`, and the caller
 * frees it by fini, also after an error; `clean` borrows from it or from
 * `text`. */
int llmobs_json_clean(struct llmobs_text text, struct llmobs_buf *scratch,
                      struct llmobs_text *clean);

/* The same for the characters of one string; only bad bytes and NUL change. */
int llmobs_json_clean_string(struct llmobs_text text,
                             struct llmobs_buf *scratch,
                             struct llmobs_text *clean);

#endif
