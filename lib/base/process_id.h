/* process_id - which program, in which process, wrote something on the disk.
 *
 * As a text it is a file's name: "PID-START-NONCE".
 *
 * Owns:    nothing.
 * Threads: any.
 * Errors:  negative errno.
 */
#ifndef LLMOBS_PROCESS_ID_H
#define LLMOBS_PROCESS_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LLMOBS_PROCESS_ID_MAX 64 /* bytes of the text, with its NUL */

/* A program, also after its process has ended. */
struct llmobs_process_id {
    pid_t pid;
    uint64_t start; /* field 22 of /proc/PID/stat; 0: not known */
    uint64_t nonce; /* grows with each program in the same process */
};

/* Writes a number of a name, without a NUL; gives the end. */
char *llmobs_number_put(char *out, uint64_t number, unsigned base);
/* Gives the end of the name. */
char *llmobs_process_id_put(const struct llmobs_process_id *owner,
                            char out[LLMOBS_PROCESS_ID_MAX]);
/* Makes a new name for this process, different from all earlier names, and
 * gives the program in it (_program). */
void llmobs_process_id_self(char out[LLMOBS_PROCESS_ID_MAX], uint64_t *program);
bool llmobs_process_id_parse(const char *name, struct llmobs_process_id *out);
bool llmobs_process_id_equal(const struct llmobs_process_id *a,
                             const struct llmobs_process_id *b);

/* Gives the start time of a process, 0 where /proc does not have it. -ESRCH:
 * the process has ended. */
int llmobs_process_start(pid_t pid, uint64_t *start);

/* The same, and a number of the program in the process: the place of its stack
 * (field 28 of /proc/PID/stat), which is another one after an exec. 0: not
 * known, as for the process of another user. */
int llmobs_process_program(pid_t pid, uint64_t *start, uint64_t *program);

/* True where the process that now has the pid of `who`, and began at `start`,
 * is another one. Another time namespace counts from another boot: the start of
 * a process there says nothing, and the process counts as the same. */
bool llmobs_process_is_another(const struct llmobs_process_id *who,
                               uint64_t start);

/* The pid namespace in the text that readlink has given with `len`; 0: none. */
uint64_t llmobs_pidns_parse(char *text, ssize_t len);

/* The boot and the pid namespace of this process; 0: not known. */
void llmobs_process_namespace(uint64_t *boot, uint64_t *pidns);

#endif
