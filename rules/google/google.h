/* google - what Google's generative APIs have in common: names in two
 * spellings, lists of one, the model in the path, its vendor.
 *
 * Owns:    nothing; what is given belongs to the caller.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  names of LLMOBS_GOOGLE_NAME_MAX bytes are known in both spellings.
 * Fork:    nothing to do.
 *
 * The wire is the JSON of protocol buffers: its names are camelCase, snake_case
 * is accepted too, and one object may stand where a list is wanted.
 */
#ifndef LLMOBS_GOOGLE_H
#define LLMOBS_GOOGLE_H

#include "rules/read/reading.h"

#define LLMOBS_GOOGLE_NAME_MAX 64
#define LLMOBS_GOOGLE_SNAKE_CAP (2 * LLMOBS_GOOGLE_NAME_MAX + 1)

/* A member by its camelCase name, in whichever spelling. Borrows. */
struct llmobs_json *llmobs_google_get(const struct llmobs_json *object,
                                      const char *name);
const char *llmobs_google_gets(const struct llmobs_json *object,
                               const char *name);

/* Elements of a list; an object is a list of one. */
size_t llmobs_google_len(const struct llmobs_json *list);
const struct llmobs_json *llmobs_google_at(const struct llmobs_json *list,
                                           size_t i);

/* A camelCase name in snake_case, which may lie in `out`; one that is too long
 * stays as it is. */
const char *llmobs_google_snake(const char *name,
                                char out[LLMOBS_GOOGLE_SNAKE_CAP]);

/* Sets the metadata of all `names` (camelCase, NULL-terminated) under their
 * snake_case names: of `from`, else of `other`, else null (WIRE 6.10).
 */
int llmobs_google_metadata(const struct llmobs_json *from,
                           const struct llmobs_json *other,
                           const char *const *names, struct llmobs_span *span);

/* Notes the model of the path, ".../models/NAME:operation": a form's model. */
int llmobs_google_model(struct llmobs_reading *reading);

/* Names the provider after the model's vendor where the path tells it
 * (WIRE 6.2): a form's begin. */
int llmobs_google_begin(struct llmobs_reading *reading);

#endif
