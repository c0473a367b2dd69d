/* store - the exporter that keeps events in files of this host, one event a
 * line.
 *
 * Limits:  the files together hold `store_max` bytes: the oldest file goes when
 *          a new one begins.
 */
#ifndef LLMOBS_STORE_H
#define LLMOBS_STORE_H

#include "core/export/exporter.h"

/* The file that the store writes to. */
#define LLMOBS_STORE_FILE "spans.jsonl"

/* Has the name of the last file that went for want of room. */
#define LLMOBS_STORE_TRIMMED "trimmed"

/* The end of the line of an event that the exporter whose it is did not get
 * (`mark`). `llmobs drain --store` moves it to the spool, and puts a tab in
 * the place of the blank. _EXPIRED: that exporter takes it no more. */
#define LLMOBS_STORE_UNSENT " \n"
#define LLMOBS_STORE_EXPIRED "\r\n"

/* Gives the exporter; NULL: no memory. The first send makes the directory.
 */
struct llmobs_exporter *llmobs_store_new(const struct llmobs_config *config);

/* True where a file of this name belongs to the store. */
bool llmobs_store_has(const char *name);

/* When the store ended the file of this name, a wall time in nanoseconds: all
 * its spans are older. 0: not a name of a rotated file. */
uint64_t llmobs_store_stamp(const char *name);

#endif
