/* caller_left - the names of a caller's frames that a process leaves to the
 * process that delivers its call.
 *
 * The names of static functions are in an object's file, and a table of a
 * hundred thousand symbols is no work for the app's thread. So a process that
 * leaves its calls writes, beside the caller as far as known, which frames have
 * no name yet, and in which files their names are. A file counts only with the
 * build id that the loaded object has: the deliverer may be in another
 * container and find another file at that path. Where it finds no name, the
 * frame stays as it is.
 *
 * Owns:    the files of objects that were met, until an object is unloaded; the
 *          names that were found.
 * Threads: the thread that has the worker's turn.
 * Errors:  none; a name stays unknown.
 * Limits:  LLMOBS_LEFT_FRAMES frames and a caller; LLMOBS_LEFT_FILES objects;
 *          an object without a build id, or beyond these limits, is not left.
 *          LLMOBS_LEFT_KNOWN names.
 */
#ifndef LLMOBS_CALLER_LEFT_H
#define LLMOBS_CALLER_LEFT_H

#include "lib/elf/symbol.h"
#include "lib/text/json.h"

#define LLMOBS_LEFT_FILES 8
#define LLMOBS_LEFT_KNOWN 256
#define LLMOBS_LEFT_FRAMES 16

/* A frame without a name: the number of its file, from 1 on (0: it is not
 * left), and the frame's place in the object. */
struct llmobs_left_frame {
    int file;
    bool exact; /* of the instruction itself, not the one behind a call */
    uintptr_t address;
};

/* Gives the number of the object's file; 0: the object cannot be left.
 * `object`: the header that llmobs_loaded_find gives, as its identity. */
int llmobs_left_file(const void *object, const char *path,
                     const struct llmobs_symbol_head *head);

/* True where the object already has a number. */
bool llmobs_left_has(const void *object);

/* An object was unloaded: another object may get its address and number. */
void llmobs_left_forget(void);

/* In a child of fork: a thread of the parent may have written half an entry. */
void llmobs_left_forked(void);

/* Notes a frame that the deliverer shall name, by its place in the answer, or
 * LLMOBS_LEFT_CALLER for the caller itself. The first such frame makes `*left`.
 * Does nothing for a frame without a file. */
#define LLMOBS_LEFT_CALLER (-1)
void llmobs_left_add(struct llmobs_json **left, int place,
                     const struct llmobs_left_frame *frame);

/* In the process that delivers: names the frames of `caller` that were left. */
void llmobs_left_name(struct llmobs_json *caller,
                      const struct llmobs_json *left);

#endif
