/* request_tags - what a request says of itself, for the tags of its span: its
 * user, its session, the app, names that the program made up. Gateways have
 * headers for it, APIs have members of the body.
 *
 * It is put into span->said as it came; core/event/tags.h decides what of it
 * leaves the process. A value that holds a credential is never put there, nor
 * one that is an object, a list or null. Of several for one key the first
 * counts.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  none: a tag is left out without memory.
 * Limits:  REQUEST_TAGS_NAMED tags by names of the program; their keys are of
 *          a-z, 0-9, '_', '.' and '-', with REQUEST_TAGS_KEY bytes at most, and
 *          none that the library's own tags have. 1,024 bytes of a value. In a
 *          body that no object is given for, 64 KiB at each end are looked at.
 * Source:  the documentation of Helicone, Portkey, Cloudflare's AI Gateway,
 *          TrueFoundry, LiteLLM, OpenRouter, OpenAI, Anthropic, AWS, Google.
 */
#ifndef LLMOBS_REQUEST_TAGS_H
#define LLMOBS_REQUEST_TAGS_H

#include "lib/span/span.h"
#include "rules/read/call.h"

#define REQUEST_TAGS_NAMED 16
#define REQUEST_TAGS_KEY 64

/* `body`: the object of the whole request, or NULL: it is not at hand. */
void llmobs_request_tags_read(const struct llmobs_call *call,
                              struct llmobs_json *body,
                              struct llmobs_span *span);

#endif
