/* environment - the variables that a command gets, beside our own.
 *
 * Every entry that is not set here passes as it came: the same bytes in the
 * same order, duplicates and entries without a '=' included. A name that stands
 * there several times is set each time, since programs differ in which one they
 * read.
 *
 * Owns:    its list and the entries that it makes. Nothing is given back before
 *          the exec or the end of the process: a command is run once.
 * Threads: one.
 * Errors:  -ENOMEM; the list stays as it was.
 * Limits:  those of the kernel, see llmobs_environment_exec.
 * Fork:    nothing to do.
 */
#ifndef LLMOBS_ENVIRONMENT_H
#define LLMOBS_ENVIRONMENT_H

#include <stddef.h>

struct llmobs_environment {
    char **entries; /* NULL at the end; NULL itself: our own variables */
    size_t count;
    size_t room;
};

/* Borrows the entries of `from`. */
int llmobs_environment_init(struct llmobs_environment *environment,
                            char *const *from);

int llmobs_environment_set(struct llmobs_environment *environment,
                           const char *name, const char *value);

void llmobs_environment_unset(struct llmobs_environment *environment,
                              const char *name);

/* Borrowed: the value of the first entry of that name that has one, else "". */
const char *llmobs_environment_get(const struct llmobs_environment *environment,
                                   const char *name);

/* Adds `item` behind `separator` to every value that `holds` does not find it
 * in. */
int llmobs_environment_join(struct llmobs_environment *environment,
                            const char *name, const char *item, char separator,
                            int (*holds)(const char *value, const char *item));

/* Runs argv[0], found as execvp finds it, with these variables, or with our own
 * where the kernel takes no more (E2BIG). Comes back with an errno. */
int llmobs_environment_exec(const struct llmobs_environment *environment,
                            char **argv);

/* As env(1) tells it: 127 for a command that is not there, else 126. */
int llmobs_environment_exec_status(int error);

#endif
