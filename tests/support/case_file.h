/* case_file - the files and texts of recorded cases.
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

/* Reads a text with sections: "=== NAME", or "=== NAME escaped", and its lines,
 * of which the last one's end is no part; escaped, "\xNN" is a byte. "=== NAME
 * same as OTHER" stands for that section of OTHER in the same folder, where it
 * has lines. Initialises a buffer for each name, which stays the caller's; a
 * section that is missing leaves it empty, one of another name is -EINVAL. */
int case_file_sections(const char *path, const char *const *names,
                       struct llmobs_buf *out);

/* Gives each section of such a text, in which none stands for another's, to
 * `fn`, until it returns an error. */
typedef int case_file_fn(void *arg, const char *name, struct llmobs_text data);
int case_file_each(const char *path, case_file_fn *fn, void *arg);

#endif
