/* recording - an exchange as the texts that `llmobs-run --record` writes: a
 * description, the request's body, the answer's body (docs/RECORD.md).
 *
 * Owns:    its texts, from make to fini.
 * Threads: any; the exchange belongs to one thread, as its span has been made:
 *          so it has ended, and its bodies are masked.
 * Errors:  -ENOMEM, -EFBIG.
 * Limits:  LLMOBS_RECORDING_MAX bytes a body.
 *
 * Of the headers only the content types are written, and nothing of the query.
 */
#ifndef LLMOBS_RECORDING_H
#define LLMOBS_RECORDING_H

#include "core/event/exchange.h"

#define LLMOBS_RECORDING_FORMAT 1
#define LLMOBS_RECORDING_HEAD "exchange.json"
#define LLMOBS_RECORDING_MAX ((size_t)256 * 1024 * 1024)

struct llmobs_recording {
    struct llmobs_buf head; /* of the file LLMOBS_RECORDING_HEAD */
    struct llmobs_buf request;
    struct llmobs_buf answer;
    const char *request_file; /* static; NULL: the request has no body */
    const char *answer_file;  /* static; NULL: the answer has no body */
};

/* Fills `recording`; `name`: of the span. The caller calls fini, also after an
 * error. */
int llmobs_recording_make(struct llmobs_exchange *exchange, const char *name,
                          struct llmobs_recording *recording);
void llmobs_recording_fini(struct llmobs_recording *recording);

#endif
