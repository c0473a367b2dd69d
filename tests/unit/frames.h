/* frames - frames of AWS's event stream for tests.
 *
 * Owns:    nothing; what is written belongs to the caller's buffer.
 * Threads: the test's.
 * Errors:  none: a test without memory ends.
 * Limits:  the buffer's.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_TEST_FRAMES_H
#define LLMOBS_TEST_FRAMES_H

#include "lib/base/buf.h"

#define BYTES(text) (text), sizeof(text) - 1

/* A header whose value is a string; the lengths are part of the texts. */
#define HEADER(name, len, value) name "\x07\x00" len value
#define EVENT HEADER("\x0d:message-type", "\x05", "event")
#define EXCEPTION HEADER("\x0d:message-type", "\x09", "exception")
#define ERROR HEADER("\x0d:message-type", "\x05", "error")
#define EVENT_TYPE(len, value) HEADER("\x0b:event-type", len, value)

/* Adds a frame as it should be; with `lie` its total length is another one. */
void frame_add(struct llmobs_buf *buf, const char *headers, size_t len,
               const char *payload, size_t lie);

#endif
