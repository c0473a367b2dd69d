/* proc_stat - the fields of /proc/PID/stat.
 *
 * Threads: any; no state.
 * Source:  proc(5): the second field, the name of the program in brackets, may
 *          hold any character; the last ')' ends it.
 */
#ifndef LLMOBS_PROC_STAT_H
#define LLMOBS_PROC_STAT_H

#include <string.h>

enum {
    LLMOBS_PROC_STATE = 3,
    LLMOBS_PROC_PARENT = 4,
    LLMOBS_PROC_TERMINAL = 7,
    LLMOBS_PROC_THREADS = 20,
    LLMOBS_PROC_START = 22,
    LLMOBS_PROC_STACK = 28,
    LLMOBS_PROC_EXIT_CODE = 52
};

/* Gives the begin of a field of the text, a C string, by its number in proc(5),
 * from 3 on; empty: the text has no such field. */
static inline const char *llmobs_proc_field(const char *text, int number)
{
    const char *at = strrchr(text, ')');

    for (int i = 2; at && i < number; i++)
        at = strchr(at + 1, ' ');
    return at ? at + 1 : "";
}

#endif
