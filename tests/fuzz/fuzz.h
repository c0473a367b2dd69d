/* fuzz - what the fuzz targets and the maker of their seeds share.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  a broken promise ends the process, as libFuzzer wants it.
 * Limits:  none of its own.
 * Fork:    plain memory.
 *
 * Input of the target `dialects`: three bytes (shape, flags, answer), the text
 * of the stars of the shape's path up to a line feed, the request up to
 * FUZZ_CUT, the answer. Where its type is the event stream, the answer is a
 * list of events, each a type, FUZZ_TYPE_END, a payload and FUZZ_CUT; frames
 * and checksums are made of them, and base64 of a chunk.
 */
#ifndef LLMOBS_FUZZ_H
#define LLMOBS_FUZZ_H

#include <stdlib.h>

#include "rules/custom.h"

#define FUZZ_CUT 0x1E
#define FUZZ_TYPE_END 0x1D

/* Bits of the flags. */
#define FUZZ_PROXIED 1u
#define FUZZ_CONFIRM 2u
#define FUZZ_TRANSPORT_FAILED 4u
#define FUZZ_REQUEST_CUT 8u   /* its middle is missing */
#define FUZZ_RESPONSE_CUT 16u /* likewise */
#define FUZZ_STATUS_SHIFT 5

/* Of the byte `answer`: the lower bits choose the type. */
#define FUZZ_MARKS 128u

enum fuzz_type {
    FUZZ_SSE,
    FUZZ_JSON,
    FUZZ_EVENTSTREAM,
    FUZZ_LINES,
    FUZZ_TEXT,
    FUZZ_NO_TYPE,
    FUZZ_EVENTSTREAM_RAW, /* as it stands */
    FUZZ_TYPES
};

/* Content-Type values by fuzz_type; NULL: none. */
extern const char *const fuzz_types[FUZZ_TYPES];

/* All shapes of all dialects, and last that of the generic one. */
size_t fuzz_shape_count(void);
struct llmobs_rule fuzz_shape(size_t i);

/* Takes what stands before `end`, or all, off the front of `in`. */
struct llmobs_text fuzz_take(struct llmobs_text *in, char end);

/* Takes one byte off the front; 0 where there is none. */
unsigned fuzz_byte(struct llmobs_text *in);

/* Gives memory of exactly the text's size, aligned for any type: a read beyond
 * it is found. With a NUL of its own: a C string. */
char *fuzz_copy(struct llmobs_text text);
char *fuzz_string(struct llmobs_text text);

/* Fills a file of the target's own; gives its path, static. */
const char *fuzz_file(struct llmobs_text text);

/* Ends the process where the code under test was at work for too long: the
 * time of its thread since the last call. */
void fuzz_work(void);

#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            abort();          \
    } while (0)

#endif
