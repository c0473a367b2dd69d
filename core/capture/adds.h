/* adds - the easy handles that were added to a multi, and those of them that
 * wait for its next drive.
 *
 * libcurl looks at an added handle when the multi is driven: by perform,
 * socket, socket_action or socket_all. Until then the app may set, replace and
 * free whatever the handle names.
 *
 * Owns:    a record for each multi that a handle was added to, or that was
 *          blinded, by its address (keyed.h). The handles are borrowed.
 * Threads: those of keyed.h.
 * Errors:  false without memory.
 */
#ifndef LLMOBS_ADDS_H
#define LLMOBS_ADDS_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct llmobs_adds;

/* A handle as a member of its multi. */
struct llmobs_member {
    _Atomic(struct llmobs_adds *) adds; /* NULL: none; read by a cleanup */
    struct llmobs_member *next, *before;
    bool waits; /* the multi was not driven since the handle was added */
};

/* The record of a multi; NULL: it has none. */
struct llmobs_adds *llmobs_adds_find(CURLM *multi);

/* Makes a handle a member of its multi, and the last one of those that wait. */
bool llmobs_adds_push(CURLM *multi, struct llmobs_member *member);

/* join makes a handle a member that libcurl added by itself, and that does not
 * wait; part undoes either where the handle leaves, or is gone. */
void llmobs_adds_join(CURLM *multi, struct llmobs_member *member);
void llmobs_adds_part(struct llmobs_member *member);

/* True when the handle is the one member of its multi: libcurl calls no other
 * handle's callbacks as it drives it. */
bool llmobs_adds_single(const struct llmobs_member *member);

/* How many members the multi has, and all multis together. */
size_t llmobs_adds_members(const struct llmobs_adds *adds);
size_t llmobs_adds_all_members(void);

/* Notes that libcurl has no transfer of the multi under way. True the first
 * time since a member came. */
bool llmobs_adds_over(struct llmobs_adds *adds);

/* Takes the first member that waits; NULL: none waits. */
struct llmobs_member *llmobs_adds_pop(struct llmobs_adds *adds);
bool llmobs_adds_any(const struct llmobs_adds *adds);

/* Takes this member; false: it does not wait. */
bool llmobs_adds_remove(struct llmobs_member *member);

/* detach makes the record, or NULL, unfindable, for a new multi may get the
 * address at any moment. Then its members part, and release gives it back for
 * recycling; or, where the multi stays after all, attach makes it findable
 * again. */
void llmobs_adds_detach(struct llmobs_adds *adds);
void llmobs_adds_release(struct llmobs_adds *adds);
void llmobs_adds_attach(struct llmobs_adds *adds, CURLM *multi);

/* A multi is blind while a server push may copy a handle, our callbacks
 * included, unseen: no transfer of such a multi is captured. blind answers
 * false without memory. */
bool llmobs_adds_blind(CURLM *multi);
void llmobs_adds_see(CURLM *multi);
bool llmobs_adds_is_blind(const struct llmobs_adds *adds);

/* Called before and after a drive: libcurl may begin, within the drive, a
 * handle that the app adds during it. `entry`: the address on the stack where
 * the program entered this library (stack.h). */
void llmobs_adds_enter(struct llmobs_adds *adds, uintptr_t entry);
void llmobs_adds_leave(struct llmobs_adds *adds);
bool llmobs_adds_driven(CURLM *multi);

/* The entry of the drive that is under way; 0: not known. */
uintptr_t llmobs_adds_entry(const struct llmobs_member *member);

#endif
