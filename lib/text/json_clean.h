/* json_clean - checks JSON text, and repairs bytes and numbers that no value
 * can hold.
 *
 * Owns:    nothing; repaired text lives in the caller's buffer.
 * Threads: any.
 * Errors:  -EINVAL: no JSON; -E2BIG: beyond a limit; -ENOMEM, also where there
 *          is no work left (work.h).
 * Limits:  LLMOBS_JSON_DEPTH_MAX containers inside one another,
 *          LLMOBS_JSON_TOKENS_MAX keys, values and containers together; a
 *          repaired text has at most six times the bytes.
 *
 * One pass without recursion. Text that needs no repair is not copied. The pass
 * checks the whole grammar, so that a taker of tokens can fail only for want of
 * memory. The pass ends at the first word of a text that is no JSON at all.
 */
#ifndef LLMOBS_JSON_CLEAN_H
#define LLMOBS_JSON_CLEAN_H

#include <stdint.h>

#include "lib/base/buf.h"

/* Gives the length of the UTF-8 sequence at the start of `text`, and its code
 * point in *point; 0: no valid sequence (cut, overlong, a surrogate, beyond
 * U+10FFFF). */
size_t llmobs_utf8_decode(struct llmobs_text text, uint32_t *point);

/* Gives how many of the first `max` bytes of a longer text are whole
 * characters, where the text is UTF-8. */
size_t llmobs_utf8_fit(const char *text, size_t max);

/* Repairs a document: bad bytes, lone surrogates and NUL become U+FFFD; raw
 * control characters in strings are escaped; a byte order mark is dropped;
 * integers beyond 64 bits become reals; numbers beyond a double, NaN and
 * Infinity become null. The function initialises `scratch`, and the caller
 * frees it by fini, also after an error; `clean` borrows from it or from
 * `text`. */
int llmobs_json_clean(struct llmobs_text text, struct llmobs_buf *scratch,
                      struct llmobs_text *clean);

enum llmobs_json_token {
    LLMOBS_JSON_TOKEN_OPEN_OBJECT,
    LLMOBS_JSON_TOKEN_OPEN_ARRAY,
    LLMOBS_JSON_TOKEN_CLOSE,
    LLMOBS_JSON_TOKEN_KEY,
    LLMOBS_JSON_TOKEN_STRING,
    LLMOBS_JSON_TOKEN_INT, /* fits 64 bits */
    LLMOBS_JSON_TOKEN_REAL,
    LLMOBS_JSON_TOKEN_TRUE,
    LLMOBS_JSON_TOKEN_FALSE,
    LLMOBS_JSON_TOKEN_NULL
};

/* Takes one token, with its repaired text where the kind has one: of a key or a
 * string the text between the quotation marks. The taker borrows the text until
 * it returns. An error ends the pass. */
typedef int llmobs_json_token_fn(void *ctx, enum llmobs_json_token token,
                                 struct llmobs_text text);

/* Like llmobs_json_clean, but gives each token to `take` at once. The document
 * may turn out later to be no JSON. */
int llmobs_json_tokens(struct llmobs_text text, llmobs_json_token_fn *take,
                       void *ctx);

/* Like llmobs_json_clean, but for the characters of one string; only bad bytes
 * and NUL change. Counts `steps` of work (work.h) besides its own. */
int llmobs_json_clean_string(struct llmobs_text text, size_t steps,
                             struct llmobs_buf *scratch,
                             struct llmobs_text *clean);

#endif
