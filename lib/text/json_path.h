/* json_path - sets a value at a place like "$.list[0].name".
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Limits:  LLMOBS_JSON_PATH_STEPS steps; names of LLMOBS_JSON_PATH_NAME bytes;
 *          an array grows by one value at a time.
 *
 * Source:  RFC 9535, of its singular queries those without a negative index.
 */
#ifndef LLMOBS_JSON_PATH_H
#define LLMOBS_JSON_PATH_H

#include "lib/text/json.h"

#define LLMOBS_JSON_PATH_STEPS 32
#define LLMOBS_JSON_PATH_NAME 128

/* Sets the value there; the objects and arrays on the way are made. Takes
 * `value`, also on error; NULL is -ENOMEM. -EINVAL: no such place. */
int llmobs_json_path_set(struct llmobs_json *root, const char *path,
                         struct llmobs_json *value);

#endif
