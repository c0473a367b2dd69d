/* choose - the recording that answers a request.
 *
 * It has the request's method and path, and either an equal body (the order of
 * members and the blanks of JSON do not count, nor does the query), or with
 * `nearest` the body that is most like it. Of several equal recordings each is
 * served once, in their order; then the last of them again and again. A form's
 * body is not known, so any form is equal to it.
 *
 * Owns:    nothing.
 * Threads: one.
 * Errors:  none; a difference that does not fit is cut.
 * Limits:  linear in the bodies that are compared; LLMOBS_CHOOSE_DIFFERENCES
 *          differences are named.
 */
#ifndef LLMOBS_RUN_CHOOSE_H
#define LLMOBS_RUN_CHOOSE_H

#include "cli/run/cassette.h"

#define LLMOBS_CHOOSE_DIFFERENCES 3

struct llmobs_asked {
    const char *method;
    const char *path;
    struct llmobs_cassette_body body;
};

/* Gives the recording, borrowed; NULL: no recording answers, and the reason is
 * added to `why`. */
struct llmobs_cassette_item *llmobs_choose(struct llmobs_cassette *cassette,
                                           const struct llmobs_asked *asked,
                                           bool nearest,
                                           struct llmobs_buf *why);

/* How much two bodies are alike, 0 to 1; 1: they are equal. */
double llmobs_choose_likeness(const struct llmobs_cassette_body *one,
                              const struct llmobs_cassette_body *two);

/* Adds where the bodies differ: "messages[0].content is "a", recorded "b"". */
void llmobs_choose_differences(const struct llmobs_cassette_body *asked,
                               const struct llmobs_cassette_body *recorded,
                               struct llmobs_buf *out);

#endif
