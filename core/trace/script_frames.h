/* script_frames - the line of a script that makes a call, as members of
 * metadata.caller: file, line and function of the innermost frame that is not a
 * library's, the file of the outermost frame, and the plugins and themes of
 * WordPress that the frames between belong to.
 *
 * The frames are the interpreter's memory. Each interpreter has a file that
 * reads it, and probes it before (probe.h).
 *
 * Owns:    nothing: the texts are copied into the caller's memory at the call,
 *          because the interpreter may free its own texts at any later moment.
 * Threads: frames are read in the app's thread: no lock, and no allocation but
 *          a small one for Ruby and Perl; the interpreter is read only in a
 *          thread that runs it. _write in any thread.
 * Errors:  none; a member that is not known is absent.
 * Limits:  LLMOBS_FRAMES_TEXT bytes of texts; a text that has no room is
 *          absent. Of more than LLMOBS_FRAMES_MAX frames the outermost is not
 *          known.
 */
#ifndef LLMOBS_SCRIPT_FRAMES_H
#define LLMOBS_SCRIPT_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text/json.h"

/* No more frames than these are walked, and no longer names are read. */
#define LLMOBS_FRAMES_MAX 64
#define LLMOBS_FRAMES_LONGEST 4096

#define LLMOBS_FRAMES_TEXT 512
#define LLMOBS_FRAMES_PLUGINS 4

/* The texts, in the order of their worth. */
enum llmobs_frames_member {
    LLMOBS_FRAMES_FILE,
    LLMOBS_FRAMES_ENTRY,
    LLMOBS_FRAMES_PLUGIN, /* the first of so many */
    LLMOBS_FRAMES_CODE = LLMOBS_FRAMES_PLUGIN + LLMOBS_FRAMES_PLUGINS,
    LLMOBS_FRAMES_MEMBERS
};

struct llmobs_script_frames {
    uint32_t line; /* 0: unknown */
    uint16_t used; /* bytes of `text`; 0: no script makes the call */
    struct {
        uint16_t at, len; /* in `text`; len 0: unknown */
    } members[LLMOBS_FRAMES_MEMBERS];
    char text[LLMOBS_FRAMES_TEXT];
};

/* Sets HOME, whose folder no path shows. Borrows it for good. Before any
 * _write; NULL: unset. */
void llmobs_script_frames_init(const char *home);

/* Makes all members unknown. The bytes of the texts stay as they are. */
void llmobs_script_frames_clear(struct llmobs_script_frames *frames);

/* Adds what is known to `*caller`, which it makes where it is NULL. Keys in a
 * path are masked, and the folder of a user is "~". */
void llmobs_script_frames_write(const struct llmobs_script_frames *frames,
                                struct llmobs_json **caller);

/* The plugin that makes the call, which is the outermost of metadata.caller,
 * borrowed; NULL where no plugin is known, or not all frames are. */
const char *llmobs_script_frames_plugin(const struct llmobs_json *caller);

/* -- the interpreters ----------------------------------------------------- */

/* Each reads a script of its language, if the thread runs one, into `frames`,
 * which are clear. */
void llmobs_php_frames_read(struct llmobs_script_frames *frames);
void llmobs_python_frames_read(struct llmobs_script_frames *frames);
void llmobs_ruby_frames_read(struct llmobs_script_frames *frames);
void llmobs_perl_frames_read(struct llmobs_script_frames *frames);

/* Reads the script that sets a transfer up into `*saved`, which it makes at
 * need and the caller frees: a binding of Ruby may drop the GVL before the
 * transfer begins, and without it no frames are read. Does nothing in other
 * languages. */
void llmobs_ruby_frames_save(struct llmobs_script_frames **saved);

/* Copies what was saved, if the thread has no GVL. `saved` may be NULL. */
void llmobs_ruby_frames_restore(const struct llmobs_script_frames *saved,
                                struct llmobs_script_frames *frames);

/* Adds to a member, which is the last; false where the member has no room: then
 * nothing of it stays. */
bool llmobs_script_frames_add(struct llmobs_script_frames *frames,
                              enum llmobs_frames_member member,
                              struct llmobs_text text);

/* True for the file of a library, because that says little about the caller. */
bool llmobs_script_frames_is_library(struct llmobs_text file);

#endif
