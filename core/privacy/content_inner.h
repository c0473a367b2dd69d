/* content_inner - what the two files of content share. For them alone. */
#ifndef LLMOBS_CONTENT_INNER_H
#define LLMOBS_CONTENT_INNER_H

#include "core/privacy/content.h"

/* Puts a member of an object, or with a NULL key of an array, or what is to
 * stand in its place, into a copy. */
typedef int llmobs_content_put_fn(void *ctx, struct llmobs_json *to,
                                  const char *key, struct llmobs_json *value);

/* Gives a copy of an object or array, of which `put` has every member; NULL
 * without memory. */
struct llmobs_json *llmobs_content_map(struct llmobs_json *json,
                                       llmobs_content_put_fn *put, void *ctx);

/* The same of an object alone, so that `put` always has a key; of any other
 * value, which no event has there, an empty object. */
struct llmobs_json *llmobs_content_members(struct llmobs_json *json,
                                           llmobs_content_put_fn *put,
                                           void *ctx);

/* Puts a value, which it takes. */
int llmobs_content_put(struct llmobs_json *to, const char *key,
                       struct llmobs_json *value);

/* Whether the text is on the list, which a NULL ends. */
bool llmobs_content_is_in(const char *text, const char *const *list);

/* What of an evaluation is content, besides its "json_value". */
extern const char *const llmobs_content_judged[];

/* Gives an event or an evaluation without what the patterns match; NULL
 * without memory. */
struct llmobs_json *llmobs_content_redact(const struct llmobs_privacy *privacy,
                                          struct llmobs_json *event);

/* Gives the redacted text; NULL without memory. */
char *llmobs_content_redact_text(const struct llmobs_privacy *privacy,
                                 const char *text);

#endif
