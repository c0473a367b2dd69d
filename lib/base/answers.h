/* answers - the last answer of each destination, and since when it accepts
 * nothing, in a file that outlives the process: it says why nothing arrives.
 *
 * Owns:    nothing.
 * Threads: any. Where the file cannot be locked, one of two answers may be
 *          missing until the next.
 * Errors:  none; an answer that cannot be written is not there.
 * Limits:  LLMOBS_ANSWERS destinations, beyond which the oldest goes; waits 5
 * ms for the lock.
 */
#ifndef LLMOBS_ANSWERS_H
#define LLMOBS_ANSWERS_H

#include <stdint.h>

#define LLMOBS_ANSWERS 8

/* As it is on the disk; another version of it has another `form`. */
struct llmobs_answer {
    char form[8];        /* "": no answer */
    char exporter[16];   /* as LLMOBS_EXPORTER names it */
    char place[184];     /* a directory, or a URL without its secrets */
    uint64_t accepted;   /* events */
    int64_t since_ns;    /* the first of the present row of failures; 0: the
                          * last answer accepted */
    int64_t last_ns;     /* the last answer, or failure */
    int64_t accepted_ns; /* the last one that accepted; 0: none has */
    int32_t status;      /* of HTTP; 0: no answer */
    int32_t error;       /* -errno where there is no answer */
    int32_t code;        /* libcurl's, for that */
    int32_t named;       /* an agent: by what variable (config.h) */
};

/* Writes a destination's answer of this moment into the directory: its texts,
 * its last four numbers, and, to be added, how many events it accepted. */
void llmobs_answers_put(int dir, struct llmobs_answer *answer);

/* Ends the texts of an answer that comes from elsewhere. */
static inline void llmobs_answer_limit(struct llmobs_answer *answer)
{
    answer->exporter[sizeof(answer->exporter) - 1] = '\0';
    answer->place[sizeof(answer->place) - 1] = '\0';
}

/* Reads the answers in the directory; those that are missing have no form. */
void llmobs_answers_read(int dir, struct llmobs_answer out[LLMOBS_ANSWERS]);

#endif
