/* origin - names an application that nobody has named, and the script and the
 * unit that made a call, from what the kernel tells of the process.
 *
 * Owns:    nothing; what it finds belongs to the configuration.
 * Threads: the thread that loads the configuration.
 * Errors:  none: what cannot be found stays unknown.
 * Limits:  LLMOBS_ORIGIN_LEVELS parents; /proc is needed. A process that takes
 *          another role after it has loaded the configuration keeps its name.
 *
 * The first of these names an application: the systemd unit, unless it is one
 * under which many programs run; PHP-FPM's pool, unless it is the usual "www";
 * the script; the program, unless it is one for all, such as curl. A name with
 * a long number in it, or of a temporary folder, would be another one each day:
 * there is none. (Datadog counts an application for each name.)
 *
 * Of a command line only the script's path is kept (script.h). The name service
 * is not asked.
 */
#ifndef LLMOBS_ORIGIN_H
#define LLMOBS_ORIGIN_H

#include "core/config/config.h"

#define LLMOBS_ORIGIN_LEVELS 6

/* Sets the configuration's script, its tags "unit" and "pool", and, where
 * nobody has named one, its ml_app. */
void llmobs_origin_find(struct llmobs_config *config);

#endif
