/* php_frames - notes which line of a PHP script makes a call, and tells it as
 * members of metadata.caller: file, line and function of the innermost frame
 * that is no library's, the file of the outermost frame, and the plugins and
 * themes of WordPress that the frames between belong to.
 *
 * The frames are PHP's memory, which has the form of a table's versions. It is
 * probed before it is read (probe.h), and each walk must find the file that
 * PHP's own function gives. Where either fails, or the version is another, the
 * innermost file and line are told alone, as PHP's functions give them.
 *
 * Owns:    nothing: the texts are copied into the caller's memory at the call,
 *          as PHP may free its own at any later moment.
 * Threads: _take in the app's thread: no lock, no allocation; it reads PHP only
 *          in the thread that runs PHP. _tell in any thread.
 * Errors:  none; a member that is not known is absent.
 * Limits:  LLMOBS_PHP_TEXT bytes of texts; a text that has no room is absent.
 *          Of more than 64 frames the outermost is not known.
 */
#ifndef LLMOBS_PHP_FRAMES_H
#define LLMOBS_PHP_FRAMES_H

#include <stdint.h>

#include "lib/text/json.h"

#define LLMOBS_PHP_TEXT 512
#define LLMOBS_PHP_PLUGINS 4

/* The texts that are kept, in the order of their worth. */
enum llmobs_php_member {
    LLMOBS_PHP_FILE,
    LLMOBS_PHP_ENTRY,
    LLMOBS_PHP_PLUGIN, /* the first of so many */
    LLMOBS_PHP_CODE = LLMOBS_PHP_PLUGIN + LLMOBS_PHP_PLUGINS,
    LLMOBS_PHP_MEMBERS
};

struct llmobs_php_frames {
    uint32_t line; /* 0: unknown */
    uint16_t used; /* bytes of `text`; 0: no script makes the call */
    struct {
        uint16_t at, len; /* in `text`; len 0: unknown */
    } members[LLMOBS_PHP_MEMBERS];
    char text[LLMOBS_PHP_TEXT];
};

/* Nothing is known. The texts stay as they are. */
void llmobs_php_frames_clear(struct llmobs_php_frames *frames);

/* Notes the script of the calling thread; clears `frames` where no script runs
 * or where this is not the thread that runs PHP. */
void llmobs_php_frames_take(struct llmobs_php_frames *frames);

/* Adds what is known to `*caller`, which it makes where it is NULL. Keys in a
 * path are masked, and the folder of a user is "~". */
void llmobs_php_frames_tell(const struct llmobs_php_frames *frames,
                            struct llmobs_json **caller);

/* The plugin that asked: the outermost of metadata.caller, borrowed; NULL where
 * none is known, or how deep the script is. */
const char *llmobs_php_frames_plugin(const struct llmobs_json *caller);

#endif
