/* spool_watch - reports that something was written to a spool (inotify): at
 * once after a time without writes, every 40 ms during constant writes.
 *
 * Owns:    its descriptor, as long as the process lives.
 * Threads: one at a time.
 * Errors:  negative errno from open. Where the kernel has no watch left, wait
 *          returns soon; a lost event costs time and no more: the caller looks
 *          again by itself.
 */
#ifndef LLMOBS_SPOOL_WATCH_H
#define LLMOBS_SPOOL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* The time that wait sleeps without a watch. */
#define LLMOBS_SPOOL_WATCH_BLIND_MS 50

struct llmobs_spool_watch {
    int fd;          /* -1: the spool has no watch */
    int64_t told_ns; /* when wait last reported an event; 0: never */
    char base[4096];
};

/* Watches the spool `base`. Where the kernel has no watch left, wait returns
 * every LLMOBS_SPOOL_WATCH_BLIND_MS. */
int llmobs_spool_watch_open(struct llmobs_spool_watch *watch, const char *base);

/* Sleeps until something is written, `until_ns` (monotonic) at the latest.
 * True: something was written. A signal ends the sleep. */
bool llmobs_spool_watch_wait(struct llmobs_spool_watch *watch,
                             int64_t until_ns);

#endif
