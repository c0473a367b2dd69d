/* google - the common part of Google's generative APIs: names in two spellings,
 * lists of one, the model and its vendor in the path.
 *
 * Owns:    nothing; the caller owns the values that it is given.
 * Threads: any; no state.
 * Errors:  NULL or -ENOMEM without memory.
 * Limits:  longer names than LLMOBS_GOOGLE_NAME_MAX bytes are known in
 *          camelCase only.
 *
 * These APIs speak the JSON of protocol buffers: names are camelCase,
 * snake_case is accepted too, and one object may stand in the place of a list.
 */
#ifndef LLMOBS_GOOGLE_H
#define LLMOBS_GOOGLE_H

#include "rules/read/reading.h"

#define LLMOBS_GOOGLE_NAME_MAX 64
#define LLMOBS_GOOGLE_SNAKE_CAP (2 * LLMOBS_GOOGLE_NAME_MAX + 1)

/* The member with that camelCase name, or with its snake_case form. Borrows. */
struct llmobs_json *llmobs_google_get(const struct llmobs_json *object,
                                      const char *name);
const char *llmobs_google_gets(const struct llmobs_json *object,
                               const char *name);

/* The number of a list's elements; an object counts as a list of one. */
size_t llmobs_google_len(const struct llmobs_json *list);
const struct llmobs_json *llmobs_google_at(const struct llmobs_json *list,
                                           size_t i);

/* A camelCase name in snake_case, perhaps written to `out`; a name that is too
 * long stays as it is. */
const char *llmobs_google_snake(const char *name,
                                char out[LLMOBS_GOOGLE_SNAKE_CAP]);

/* Sets the metadata for all `names` (camelCase, NULL-terminated), under their
 * snake_case names, from `from`, else from `other`, else to null (WIRE 6.10).
 */
int llmobs_google_metadata(const struct llmobs_json *from,
                           const struct llmobs_json *other, const char *names,
                           struct llmobs_span *span);

/* form->model: notes the model of the path, ".../models/NAME:operation". */
int llmobs_google_model(struct llmobs_reading *reading);

/* The names of an API's counts of tokens. */
struct llmobs_google_counts {
    const char *input, *tools, *output, *thoughts, *total, *cached;
};

/* Reads the counts of `usage` into the span's metrics. The input is the prompt
 * and the results of the server's own tools; the output is the answer and the
 * thoughts: `usage` counts the second of each apart. A total that is missing,
 * or less than input and output, is their sum, where both are known. */
void llmobs_google_usage(const struct llmobs_json *usage,
                         const struct llmobs_google_counts *counts,
                         struct llmobs_span *span);

/* The vendor of a model, by the beginning of its name; NULL: not known. */
const char *llmobs_google_vendor(const char *model);

/* form->begin: notes that the program asks for this model. */
int llmobs_google_ask(struct llmobs_reading *reading);

/* form->begin: does as llmobs_google_ask, and sets the provider to the model's
 * vendor where the path has the vendor (WIRE 6.2). */
int llmobs_google_begin(struct llmobs_reading *reading);

/* Gives the word of a reason, which gateways that print numbers of an enum send
 * as a number (google/ai/generativelanguage content.proto): its name where all
 * of Google's APIs have the same one, else the digits, in `out`. NULL: none. */
#define LLMOBS_GOOGLE_REASON_CAP 24
const char *llmobs_google_reason(const struct llmobs_json *value,
                                 char out[LLMOBS_GOOGLE_REASON_CAP]);

#endif
