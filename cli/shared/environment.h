/* environment - the variables that a command gets, beside the tool's own
 * variables.
 *
 * Every entry that is not set here is passed on unchanged: the same bytes in
 * the same order, duplicates and entries without a '=' included. A name that
 * occurs several times is set each time, since programs differ in which one
 * they read.
 *
 * Owns:    its list and the entries that it makes. They are never freed: the
 *          process ends, or executes the command, soon.
 * Threads: one.
 * Errors:  -ENOMEM; the list stays as it was.
 * Limits:  those of the kernel, see llmobs_environment_exec.
 */
#ifndef LLMOBS_ENVIRONMENT_H
#define LLMOBS_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

struct llmobs_environment {
    char **entries; /* NULL at the end; NULL itself: this process's variables */
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

/* The value of the first entry of that name with a value, else ""; borrowed. */
const char *llmobs_environment_get(const struct llmobs_environment *environment,
                                   const char *name);

/* Whether there is an entry of that name, even without a value. */
bool llmobs_environment_has(const struct llmobs_environment *environment,
                            const char *name);

/* Puts `item` before or behind every value that does not have it: the values
 * are lists whose items any of the characters of `separators` separates, and
 * the first of these separates the new item. */
int llmobs_environment_join(struct llmobs_environment *environment,
                            const char *name, const char *item,
                            const char *separators, bool before);

/* Executes argv[0], found as execvp finds it, with these variables, or with
 * this process's own where the kernel refuses so many (E2BIG). Returns an
 * errno. */
int llmobs_environment_exec(const struct llmobs_environment *environment,
                            char **argv);

/* The exit status that env(1) has: 127 for a command that does not exist, else
 * 126. _fail tells the error of a program in the name of a command before. */
int llmobs_environment_exec_status(int error);
int llmobs_environment_fail(const char *command, const char *program,
                            int error);

/* Executes argv[0] as llmobs_environment_exec; where that fails, tells so in
 * the name of `command`, and gives the exit status. */
int llmobs_environment_become(const struct llmobs_environment *environment,
                              const char *command, char **argv);

#endif
