/* json_clean - text that the JSON library would refuse, made acceptable.
 *
 * Owns:    nothing; repaired text lives in the caller's buffer.
 * Threads: any.
 * Errors:  -EINVAL: no JSON; -E2BIG: beyond a limit; -ENOMEM, also where
 *          there is no work left (work.h).
 * Limits:  LLMOBS_JSON_DEPTH_MAX containers inside one another,
 *          LLMOBS_JSON_TOKENS_MAX keys, values and containers together; a
 *          repaired text has at most six times the bytes.
 * Fork:    plain memory.
 *
 * One pass without recursion. Text that needs no repair is not copied. The
 * whole grammar is checked here, so that the library refuses what comes out
 * for want of memory only; what is no JSON at all ends the pass at its first
 * word.
 */
#ifndef LLMOBS_JSON_CLEAN_H
#define LLMOBS_JSON_CLEAN_H

#include <stdint.h>

#include "core/base/buf.h"

/* Length of the UTF-8 sequence at the start of `text` and its code point; 0
 * when there is none (cut, overlong, a surrogate, beyond U+10FFFF). */
size_t llmobs_utf8_decode(struct llmobs_text text, uint32_t *point);

/* Repairs a document: bad bytes, lone surrogates and NUL become U+FFFD, raw
 * control characters in strings are escaped, a byte order mark goes, integers
 * beyond 64 bits become reals, numbers beyond a double, NaN and Infinity null.
 * `scratch` is initialised here and stays the caller's to fini, also on error;
 * `clean` borrows from it or from `text`. */
int llmobs_json_clean(struct llmobs_text text, struct llmobs_buf *scratch,
                      struct llmobs_text *clean);

/* The same for the characters of one string: bad bytes and NUL. */
int llmobs_json_clean_string(struct llmobs_text text,
                             struct llmobs_buf *scratch,
                             struct llmobs_text *clean);

#endif
