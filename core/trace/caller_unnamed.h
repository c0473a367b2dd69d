/* caller_unnamed - lets the process that delivers a call find the names of its
 * caller's frames.
 *
 * The names of static functions are in an object's file, and the app's thread
 * must not search a table of a hundred thousand symbols. So it writes which
 * frames have no name yet, and in which files their names are. A file counts
 * only with the build id that the loaded object has: the process that delivers
 * may be in another container and find another file at that path. If it finds
 * no name, the frame stays as it is.
 *
 * Owns:    the names that were found; the caller has the files (caller.c).
 * Threads: resolve: the thread that has the worker's turn. Others: any.
 * Errors:  none; a name stays unknown.
 * Limits:  LLMOBS_UNNAMED_FRAMES frames and a caller; LLMOBS_UNNAMED_FILES
 *          objects; beyond these there are only the names in memory.
 *          LLMOBS_UNNAMED_KNOWN names.
 */
#ifndef LLMOBS_CALLER_UNNAMED_H
#define LLMOBS_CALLER_UNNAMED_H

#include "lib/elf/symbol.h"
#include "lib/text/json.h"

#define LLMOBS_UNNAMED_FILES 16
#define LLMOBS_UNNAMED_KNOWN 256
#define LLMOBS_UNNAMED_FRAMES 16

/* The files of objects that were met. Zeros at first. */
struct llmobs_unnamed_files {
    struct {
        const void *object; /* NULL: the entry is free */
        char id[LLMOBS_SYMBOL_ID];
        char *path;
    } list[LLMOBS_UNNAMED_FILES];
};

/* A frame without a name: the number of its file, from 1 on (0: no other
 * process can name it), and the frame's place in the object. */
struct llmobs_unnamed_frame {
    int file;
    bool exact; /* of the instruction itself, not the one behind a call */
    uintptr_t address;
};

/* Gives the number of the object's file; 0: only this process can search it.
 * `object`: the header that llmobs_loaded_find gives, as its identity. */
int llmobs_unnamed_file(struct llmobs_unnamed_files *files, const void *object,
                        const char *path,
                        const struct llmobs_symbol_head *head);

/* To be called after an object was unloaded: another object may get its address
 * and number. */
void llmobs_unnamed_clear(struct llmobs_unnamed_files *files);

/* Adds a frame that the other process shall name, by its place in the answer,
 * or LLMOBS_UNNAMED_CALLER for the caller itself. The first such frame makes
 * `*unnamed`. Does nothing for a frame without a file. */
#define LLMOBS_UNNAMED_CALLER (-1)
void llmobs_unnamed_add(const struct llmobs_unnamed_files *files,
                        struct llmobs_json **unnamed, int place,
                        const struct llmobs_unnamed_frame *frame);

/* In the process that delivers: names the unnamed frames of `caller`. */
void llmobs_unnamed_resolve(struct llmobs_json *caller,
                            const struct llmobs_json *unnamed);

/* Likewise, for the texts of both, which may be NULL: gives a new caller, or
 * NULL. Keeps it, as the next call often has the same. */
struct llmobs_json *llmobs_unnamed_caller(const char *caller,
                                          const char *unnamed);

#endif
