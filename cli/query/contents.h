/* contents - the amounts that files of a store hold, and from when.
 *
 * Owns:    the ids of traces, until fini.
 * Threads: one.
 * Errors:  -errno of the file, -ENOMEM.
 * Limits:  memory: some 50 bytes a trace, and the longest line.
 */
#ifndef LLMOBS_ROWS_CONTENTS_H
#define LLMOBS_ROWS_CONTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "cli/query/texts.h"
#include "cli/shared/reader.h"

struct llmobs_contents {
    size_t spans, evaluations;
    int64_t first_ns, last_ns;  /* when spans began; 0: there are no spans */
    struct llmobs_texts traces; /* the ids of the traces, each once */
};

/* Adds what a file of the store holds, from its begin. Borrows the
 * descriptor. Lines that nobody can read do not count. */
int llmobs_contents_add(struct llmobs_contents *contents, int fd);

void llmobs_contents_fini(struct llmobs_contents *contents);

#endif
