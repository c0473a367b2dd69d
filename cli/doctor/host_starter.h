/* host_starter - who starts a process, and so how the library is switched on
 * for it: a service's unit, a container, cron, or somebody's shell.
 *
 * Threads: one.
 * Errors:  none; a process of which nothing can be read counts as started by
 *          hand.
 * Limits:  LLMOBS_STARTER_TEXT bytes of a process's list of control groups.
 */
#ifndef LLMOBS_HOST_STARTER_H
#define LLMOBS_HOST_STARTER_H

#include <sys/types.h>

#define LLMOBS_STARTER_TEXT 16384
#define LLMOBS_STARTER_NAME 256

enum llmobs_starter_kind {
    LLMOBS_STARTER_HAND, /* from a shell or a session */
    LLMOBS_STARTER_UNIT, /* a service of the system */
    LLMOBS_STARTER_USER, /* a service of a user's own manager */
    LLMOBS_STARTER_CRON,
    LLMOBS_STARTER_CONTAINER
};

struct llmobs_starter {
    enum llmobs_starter_kind kind;
    char name[LLMOBS_STARTER_NAME]; /* the unit, or the container's id; else ""
                                     */
};

/* Reads a text of the form of /proc/PID/cgroup. `base` is the name of the
 * process's program: cron itself is a unit, a program that cron runs is not. */
void llmobs_starter_read(struct llmobs_starter *starter, const char *groups,
                         const char *base);

/* Finds who started the process `pid`. */
void llmobs_starter_of(struct llmobs_starter *starter, pid_t pid,
                       const char *base);

/* The kind's name: "by hand", "unit", "user's unit", "cron", "container". */
const char *llmobs_starter_name(enum llmobs_starter_kind kind);

/* Writes how to switch `library` on for what the starter starts. */
void llmobs_starter_advice(const struct llmobs_starter *starter,
                           const char *library, char *out, size_t cap);

#endif
