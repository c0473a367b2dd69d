/* first_token - when a stream's first token came.
 *
 * Owns:    nothing.
 * Threads: the test's.
 * Errors:  none: a call that is not read ends the test.
 * Limits:  streams of 4096 bytes.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_TEST_FIRST_TOKEN_H
#define LLMOBS_TEST_FIRST_TOKEN_H

#include "lib/base/buf.h"

/* The seconds to the first token of a stream whose every byte came a
 * millisecond after the one before; below 0: none told. */
double first_token(const char *url, struct llmobs_text body);

#endif
