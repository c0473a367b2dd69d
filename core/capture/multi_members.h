/* multi_members - the easy handles of a multi, and which of them wait for its
 * next drive.
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
#ifndef LLMOBS_MULTI_MEMBERS_H
#define LLMOBS_MULTI_MEMBERS_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct llmobs_members;

/* A handle as a member of its multi. */
struct llmobs_member {
    _Atomic(struct llmobs_members *)
        members; /* NULL: none; read by a cleanup */
    struct llmobs_member *next, *before;
    bool waits; /* the multi was not driven since the handle was added */
};

/* The record of a multi; NULL: it has none. */
struct llmobs_members *llmobs_members_find(CURLM *multi);

/* Makes a handle a member of its multi, and the last one of those that wait. */
bool llmobs_members_add(CURLM *multi, struct llmobs_member *member);

/* Makes a handle a member that libcurl added by itself, and that does not wait.
 * _remove undoes _add and _join. */
void llmobs_members_join(CURLM *multi, struct llmobs_member *member);
void llmobs_members_remove(struct llmobs_member *member);

/* True when the handle is the one member of its multi: libcurl calls no other
 * handle's callbacks as it drives it. */
bool llmobs_members_is_single(const struct llmobs_member *member);

/* How many members the multi has, and all multis together. */
size_t llmobs_members_count(const struct llmobs_members *members);
size_t llmobs_members_count_all(void);

/* A call begins whose body is read as its transfer ends, unless libcurl sends
 * it. */
void llmobs_members_await(const struct llmobs_member *member);

/* A drive has left so many transfers under way: true where one of them has
 * ended in it, and some are awaited. */
bool llmobs_members_any_ended(struct llmobs_members *members, int running);

/* libcurl has no transfer of the multi under way. True when this is called for
 * the first time since a member was added. */
bool llmobs_members_set_over(struct llmobs_members *members);

/* Removes the first member from those that wait, and returns it; NULL: none
 * waits. */
struct llmobs_member *llmobs_members_dequeue(struct llmobs_members *members);
bool llmobs_members_any_queued(const struct llmobs_members *members);

/* This member waits no more; false: it did not wait. */
bool llmobs_members_unqueue(struct llmobs_member *member);

/* detach makes the record, or NULL, unfindable, because a new multi may get the
 * address at any moment. Then its members are removed, and release returns the
 * record for recycling; or, where the multi stays after all, attach makes it
 * findable again. */
void llmobs_members_detach(struct llmobs_members *members);
void llmobs_members_release(struct llmobs_members *members);
void llmobs_members_attach(struct llmobs_members *members, CURLM *multi);

/* A multi is blind while a server push may copy a handle, our callbacks
 * included, unseen: no transfer of such a multi is captured. _blind returns
 * false without memory. */
bool llmobs_members_blind(CURLM *multi);
void llmobs_members_unblind(CURLM *multi);
bool llmobs_members_is_blind(const struct llmobs_members *members);

/* Called before and after a drive. Within it libcurl may begin a handle that
 * the app adds then. `entry`: the address on the stack where the program
 * entered this library (stack.h). */
void llmobs_members_begin_drive(struct llmobs_members *members,
                                uintptr_t entry);
void llmobs_members_end_drive(struct llmobs_members *members);
bool llmobs_members_is_driven(CURLM *multi);

/* The entry of the drive that is under way; 0: not known. */
uintptr_t llmobs_members_drive_entry(const struct llmobs_member *member);

#endif
