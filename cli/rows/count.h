/* count - the number of traces in a store.
 *
 * Threads: one.
 * Errors:  -ENOMEM, those of the reader.
 * Limits:  memory: some 50 bytes a trace.
 */
#ifndef LLMOBS_ROWS_COUNT_H
#define LLMOBS_ROWS_COUNT_H

#include "cli/shared/reader.h"

/* Reads the whole store. Of a line as the exporter writes it, it reads the end
 * alone, so that this takes as long as the store's bytes take from memory. */
int llmobs_count_traces(struct llmobs_reader *reader, size_t *out);

#endif
