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

/* A text has sections: "=== NAME", or "=== NAME escaped", and its lines, of
 * which the last one's end is no part; escaped, "\xNN" is a byte. "=== NAME
 * same as OTHER" stands for that section of the case OTHER, where it has lines.
 * "=== case NAME" begins a case; the sections before a text's first case are of
 * each of its cases that has none of that name. A text without such a line is
 * one case, by the name of its file. */
struct case_section {
    char name[32], other[64];
    struct llmobs_buf data;
};

struct case_text {
    char name[64], where[256]; /* where: "FILE:LINE: NAME", for messages */
    struct case_section *sections;
    size_t count;
};

struct case_texts {
    struct case_text *list; /* in the order of names; none comes twice */
    size_t count;
};

/* Reads the cases of a text, or of all texts of a folder, which are then the
 * caller's to fini, also on error. Says on stderr what is wrong with a text. */
int case_texts_read(struct case_texts *texts, const char *path);
void case_texts_fini(struct case_texts *texts);

/* NULL where there is none. */
const struct case_text *case_texts_find(const struct case_texts *texts,
                                        const char *name);

/* Empty where there is none. */
struct llmobs_text case_text_section(const struct case_text *text,
                                     const char *name);

#endif
