/* case_file - the files of a recorded case.
 *
 * Owns:    nothing.
 * Threads: one at a time.
 * Errors:  -errno of the file, -EINVAL for malformed JSON, -EFBIG, -ENOMEM.
 * Limits:  64 MiB a file.
 * Fork:    plain files.
 */
#ifndef LLMOBS_CASE_FILE_H
#define LLMOBS_CASE_FILE_H

#include "lib/text/json.h"

/* Initialises `buf`, which stays the caller's to fini, also on error. */
int case_file_read(const char *dir, const char *name, struct llmobs_buf *buf);

/* Gives `*out`; NULL and 0 where there is no such file. */
int case_file_json(const char *dir, const char *name, struct llmobs_json **out);

#endif
