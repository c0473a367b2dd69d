/* adds - easy handles that were added to a multi, and those of them that no
 * drive of it has reached yet.
 *
 * libcurl looks at an added handle when the multi is driven: by perform,
 * socket, socket_action or socket_all. Until then the app may set, replace and
 * free whatever the handle names.
 *
 * Owns:    a record for each multi that a handle was added to, or that was
 *          blinded, by its address (keyed.h). The handles are borrowed.
 * Threads: those of keyed.h.
 * Errors:  false without memory.
 * Limits:  LLMOBS_ADDS_CHAINS chains.
 * Fork:    plain memory.
 */
#ifndef LLMOBS_ADDS_H
#define LLMOBS_ADDS_H

#include "core/capture/handle.h"

#define LLMOBS_ADDS_CHAINS 256

struct llmobs_adds;

/* The record of a multi; NULL: it has none. */
struct llmobs_adds *llmobs_adds_find(CURLM *multi);

/* Puts a handle at the end of its multi's list, and counts it as a member. */
bool llmobs_adds_push(CURLM *multi, struct llmobs_handle *handle);

/* Members that libcurl adds by itself are counted alone; whoever leaves, or is
 * gone, is taken off list and count. */
void llmobs_adds_join(CURLM *multi, struct llmobs_handle *handle);
void llmobs_adds_part(CURLM *multi, struct llmobs_handle *handle);

/* True when the multi has no member but one: nobody else's callback is called
 * as it is driven. */
bool llmobs_adds_single(CURLM *multi);

/* Takes the first one; NULL: there is none. */
struct llmobs_handle *llmobs_adds_pop(struct llmobs_adds *adds);
bool llmobs_adds_any(const struct llmobs_adds *adds);

/* Takes this one; false: it is not there. */
bool llmobs_adds_remove(CURLM *multi, struct llmobs_handle *handle);

/* Makes the record unfindable (the address may be a new multi's any moment):
 * NULL: there is none. Then gives it back for recycling, and its list is gone;
 * or, where the multi stays after all, makes it findable again. */
struct llmobs_adds *llmobs_adds_detach(CURLM *multi);
void llmobs_adds_release(struct llmobs_adds *adds);
void llmobs_adds_attach(struct llmobs_adds *adds, CURLM *multi);

/* Whether a pushed handle of this multi may inherit what we set, unseen: no
 * transfer of it is captured. Blinding answers false without memory. */
bool llmobs_adds_blind(CURLM *multi);
void llmobs_adds_see(CURLM *multi);
bool llmobs_adds_is_blind(const struct llmobs_adds *adds);

/* Around a drive. A handle that is added inside may be reached by that very
 * drive. */
void llmobs_adds_enter(struct llmobs_adds *adds);
void llmobs_adds_leave(struct llmobs_adds *adds);
bool llmobs_adds_driven(CURLM *multi);

#endif
