/* caller_left - the names of a caller's frames that a process leaves to the one
 * that delivers its call.
 *
 * The names of static functions are in an object's file, and a table of a
 * hundred thousand symbols is no work for the app's thread. So a process that
 * leaves its calls writes, beside the caller as it knows it, which frames have
 * no name yet, and in which files their names are. A file counts only with the
 * build id that the loaded object has: the deliverer may be in another
 * container and find another file at that path. Where it finds none, the frame
 * stays as it is.
 *
 * Owns:    the files of objects that were met, until an object is unloaded; the
 *          names that were found.
 * Threads: one at a time: the thread that has the worker's turn.
 * Errors:  none; a name stays unknown.
 * Limits:  LLMOBS_LEFT_FRAMES frames and a caller; LLMOBS_LEFT_FILES objects;
 *          an object without a build id, or beyond them, is not left.
 *          LLMOBS_LEFT_KNOWN names.
 */
#ifndef LLMOBS_CALLER_LEFT_H
#define LLMOBS_CALLER_LEFT_H

#include "lib/elf/symbol.h"
#include "lib/text/json.h"

#define LLMOBS_LEFT_FILES 8
#define LLMOBS_LEFT_KNOWN 256
#define LLMOBS_LEFT_FRAMES 16

/* A frame that has no name: the number of its file, from 1 on (0: it is not
 * left), and where in the object it is. */
struct llmobs_left_frame {
    int file;
    bool exact; /* the instruction itself, not the one after a call */
    uintptr_t address;
};

/* The number of the object's file; 0: it cannot be left. `object`: what
 * llmobs_loaded_find calls with, as a name of the object. */
int llmobs_left_file(const void *object, const char *path,
                     const struct llmobs_symbol_head *head);

/* True where the object has a number already. */
bool llmobs_left_has(const void *object);

/* An object was unloaded: its number may be another's. */
void llmobs_left_forget(void);

/* A child of fork: its parent's thread may have left a file half noted. */
void llmobs_left_forked(void);

/* Notes a frame that the deliverer shall name, by its place in the answer, or
 * LLMOBS_LEFT_CALLER for the caller itself. Makes `*left` at the first such
 * frame. Does nothing for a frame without a file. */
#define LLMOBS_LEFT_CALLER (-1)
void llmobs_left_add(struct llmobs_json **left, int place,
                     const struct llmobs_left_frame *frame);

/* In the process that delivers: names the frames of `caller` that were left. */
void llmobs_left_name(struct llmobs_json *caller,
                      const struct llmobs_json *left);

#endif
