/* scan - keep all loaded objects' slots pointed at us.
 *
 * Owns:    what has been seen of the loader's list, as counts only: no object
 *          is remembered beyond the callback that shows it.
 * Threads: any. One scans at a time; the lock is a word of ours that is only
 *          ever tried, since the caller may hold the loader's lock. Who finds
 *          it taken waits for the holder, who may have lost its processor,
 *          LLMOBS_SCAN_WAIT_US at most (the two could be waiting for each
 *          other when the caller is inside a dl_iterate_phdr callback), then
 *          leaves the work to the holder, who looks again after letting go.
 *          The holder itself, called again from inside, does so at once.
 * Errors:  none; what could not be patched is not observed.
 * Fork:    a lock that was held by a thread of the parent is taken over (the
 *          word holds the pid) and everything is looked at anew.
 *
 * No dl* function is called here, so that the app's dlerror stays.
 */
#ifndef LLMOBS_SCAN_H
#define LLMOBS_SCAN_H

#include "shim/libc.h"

#define LLMOBS_SCAN_WAIT_US 50000

/* Looks at what has been loaded since the last time; cheap when nothing. */
void llmobs_scan(void);

/* The API's question whether observing is on, which nobody may have settled yet
 * where there is no libcurl. ENABLE: the program wants it; what came before is
 * then looked through again. Bits. */
enum llmobs_scan_question { LLMOBS_SCAN_DECIDE = 1, LLMOBS_SCAN_ENABLE = 2 };
bool llmobs_scan_ask(enum llmobs_scan_question asked);

/* Something may get loaded without our seeing the end of it: from now on
 * llmobs_scan_unseen looks. */
void llmobs_scan_expect_unseen(void);
void llmobs_scan_unseen(void);

/* True once an object other than the program has an RPATH, which serves all
 * that it needs as well. */
bool llmobs_scan_met_rpath(void);

#endif
