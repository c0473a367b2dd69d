/* script_frames - notes which line of a script makes a call, and tells it as
 * members of metadata.caller: file, line and function of the innermost frame
 * that is no library's, the file of the outermost frame, and the plugins and
 * themes of WordPress that the frames between belong to.
 *
 * The frames are the interpreter's memory, which is probed before it is read
 * (probe.h): by the file of each.
 *
 * Owns:    nothing: the texts are copied into the caller's memory at the call,
 *          as the interpreter may free its own at any later moment.
 * Threads: _take in the app's thread: no lock, and no allocation but a small
 *          one for Ruby and Perl; it reads the interpreter only in a thread
 *          that runs it. _tell in any thread.
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

/* The texts that are kept, in the order of their worth. */
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

/* Takes over HOME, whose folder no path tells: it stays for good. Before any
 * _tell; NULL: unset. */
void llmobs_script_frames_init(const char *home);

/* Nothing is known. The texts stay as they are. */
void llmobs_script_frames_clear(struct llmobs_script_frames *frames);

/* Notes the script of the calling thread; clears `frames` where no script runs
 * or where this thread runs none. */
void llmobs_script_frames_take(struct llmobs_script_frames *frames);

/* Adds what is known to `*caller`, which it makes where it is NULL. Keys in a
 * path are masked, and the folder of a user is "~". */
void llmobs_script_frames_tell(const struct llmobs_script_frames *frames,
                               struct llmobs_json **caller);

/* The plugin that asked: the outermost of metadata.caller, borrowed; NULL where
 * none is known, or how deep the script is. */
const char *llmobs_script_frames_plugin(const struct llmobs_json *caller);

/* Notes in `*noted`, which it makes at need and the caller frees, the script
 * that sets a transfer up: a binding of Ruby may drop the GVL before it begins,
 * without which no frames are read. Does nothing in other languages. */
void llmobs_ruby_frames_note(struct llmobs_script_frames **noted);

/* Copies what was noted, if the thread has no GVL. `noted` may be NULL. */
void llmobs_ruby_frames_recall(const struct llmobs_script_frames *noted,
                               struct llmobs_script_frames *frames);

/* -- for the files of the interpreters ------------------------------------ */

/* Each notes a script of its language, if the thread runs one, in `frames`,
 * which are clear. */
void llmobs_php_frames_take(struct llmobs_script_frames *frames);
void llmobs_python_frames_take(struct llmobs_script_frames *frames);
void llmobs_ruby_frames_take(struct llmobs_script_frames *frames);
void llmobs_perl_frames_take(struct llmobs_script_frames *frames);

/* Adds to a member, which is the last; false where the member has no room: then
 * nothing of it stays. */
bool llmobs_script_frames_keep(struct llmobs_script_frames *frames,
                               enum llmobs_frames_member member,
                               struct llmobs_text text);

/* True for the file of a library, which says little about who calls. */
bool llmobs_script_frames_is_library(struct llmobs_text file);

#endif
