/* link_user - the end user that a request names in its JSON: the members user,
 * safety_identifier, user_id and metadata.user_id of the document.
 *
 * Threads: any. Errors: none; a text that is no JSON object may add anything.
 * Source:  OpenAI's API has user and safety_identifier, Anthropic's has
 *          metadata.user_id.
 */
#ifndef LLMOBS_LINK_USER_H
#define LLMOBS_LINK_USER_H

#include "lib/base/buf.h"
#include "lib/base/siphash.h"

/* Adds names and values of these members, as they are written. */
void llmobs_link_user_add(struct llmobs_text body, struct llmobs_siphash *out);

#endif
