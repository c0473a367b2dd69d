/* scan - patches the slots of all loaded objects, and of those that come later.
 *
 * Owns:    counts of the loader's list; no object is remembered after the
 *          callback that shows it.
 * Threads: any. One thread scans at a time. The lock is a word of the shim that
 *          threads only ever try, since the caller may hold the loader's lock.
 *          A thread that finds it taken waits for the owner, which may have
 *          lost its processor, for LLMOBS_SCAN_WAIT_US at most: if the thread
 *          is inside a dl_iterate_phdr callback, the two could wait for each
 *          other. Then the owner does the work, which looks again after
 *          it has released the lock. The owner itself, called again from
 *          inside, returns at once.
 * Errors:  none; calls through an unpatched slot are not observed.
 * Fork:    a child claims a lock that a thread of its parent held (the word
 *          is its pid), and looks at all objects anew.
 *
 * No dl* function is called here, so that the app's dlerror stays.
 */
#ifndef LLMOBS_SCAN_H
#define LLMOBS_SCAN_H

#include "shim/libc.h"

#define LLMOBS_SCAN_WAIT_US 50000

/* Looks at the objects that have been loaded since the last time; cheap when
 * there are none. */
void llmobs_scan(void);

/* Finds the function that the shim has for a name of the loader's
 * (llmobs_dl_find). */
typedef void *llmobs_scan_find_fn(const char *name);

/* Begins the shim's work in the process, once: by its constructor or, where
 * another object's constructor comes first, by the first call that needs it.
 * The others are those of llmobs_host_init. */
void llmobs_scan_first(const char *first, char **env, bool late,
                       llmobs_scan_find_fn *find);

/* The number of objects that came with the program. */
size_t llmobs_scan_start_objects(void);

/* The first scan of a process whose constructor did not make it. */
void llmobs_scan_late(llmobs_scan_find_fn *find);

/* The API's question whether observing is on; without a libcurl that may be
 * undecided yet. ENABLE: the program switches it on, and all earlier objects
 * are looked through again. Bits. */
enum llmobs_scan_question {
    LLMOBS_SCAN_DECIDE = 1,
    LLMOBS_SCAN_ENABLE = 2,
    LLMOBS_SCAN_ANEW = 4 /* other names are looked for now */
};
bool llmobs_scan_ask(enum llmobs_scan_question asked);

/* An object may be loaded by a call whose end the shim does not see: from now
 * on llmobs_scan_unseen looks for new objects. */
void llmobs_scan_expect_unseen(void);
void llmobs_scan_unseen(void);

/* True once an object other than the program has an RPATH, which also counts
 * for all objects that it needs. */
bool llmobs_scan_any_rpath(void);

#endif
