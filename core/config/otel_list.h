/* otel_list - the lists of OpenTelemetry's variables: "key=value,key=value",
 * with bytes written as "%xx".
 *
 * Owns:    nothing; parts are borrowed from the list.
 * Threads: any.
 */
#ifndef LLMOBS_OTEL_LIST_H
#define LLMOBS_OTEL_LIST_H

#include "lib/base/buf.h"

/* Removes the next member that is not empty from `rest`. 1: `key` and `value`
 * are its parts, without the blanks around them and still encoded; 0: the list
 * is at its end; -EINVAL: the member has no "=" or no key. */
int llmobs_otel_list_next(struct llmobs_text *rest, struct llmobs_text *key,
                          struct llmobs_text *value);

/* Appends the decoded text. A "%" without two digits is an error if `exact`,
 * else it is copied. -EINVAL for that error, and for a result that is not UTF-8
 * or has control characters; then `out` has a part of it. */
int llmobs_otel_list_decode(struct llmobs_text text, bool exact,
                            struct llmobs_buf *out);

/* True for UTF-8 without control characters, also without C1's. */
bool llmobs_otel_list_plain(struct llmobs_text text);

#endif
