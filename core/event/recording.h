/* recording - an exchange as the texts that `llmobs-run --record` writes: a
 * description, the request's body, the answer's body (docs/RECORD.md); and the
 * directory of LLMOBS_RECORD, which has a directory for each exchange: 0001,
 * 0002, ... in the order in which they ended.
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

#include "core/config/config.h"
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

/* -- the directory --------------------------------------------------------
 *
 * The directory of an exchange is made under a name that begins with a dot, and
 * gets its final name by one rename: it is complete, or not there. Several
 * processes may write; the rename refuses a number that is in use, and the next
 * number is tried.
 *
 * Threads: the thread that has the worker's turn.
 * Errors:  logged; the exchange is then not recorded, and otherwise treated as
 *          usual.
 * Limits:  LLMOBS_RECORDER_MAX recordings a directory.
 * Fork:    a child uses its own names.
 */

#define LLMOBS_RECORDER_MAX 999999

struct llmobs_recorder {
    unsigned next; /* the number to try; 0: not known yet */
    unsigned temporary;
};

/* Records an exchange whose span has been made, once; `name`: the span's. Does
 * nothing where LLMOBS_RECORD is unset, or where the settings remove content
 * from spans. */
void llmobs_recorder_write(struct llmobs_recorder *recorder,
                           const struct llmobs_config *config,
                           struct llmobs_exchange *exchange, const char *name);

#endif
