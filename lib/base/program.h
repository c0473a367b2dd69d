/* program - the name of the file that this process runs.
 *
 * Threads: any. No system call: the kernel left the name beside the environment
 *          at the start of the program.
 */
#ifndef LLMOBS_PROGRAM_H
#define LLMOBS_PROGRAM_H

#include <string.h>
#include <sys/auxv.h>

/* The name without its folder; NULL: the kernel told none. Of a script it is
 * the script's. */
static inline const char *llmobs_program_name(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

#endif
