/* secrets - the one filter that decides what in a text is a credential, and
 * masks it before anything is written: to the spool, to a recording, to a span,
 * to the file of links.
 *
 * It masks in place, by '*': the text keeps its length, and JSON stays JSON. Of
 * a secret with twelve characters the last four stay. docs/SECRETS.md says
 * which secrets it knows and which it cannot know. Nothing is parsed, so a text
 * that is no JSON, or only a part of it, is looked at in the same way.
 *
 *   members.h  members of JSON, by their names
 *   links.h    URLs
 *   mask.h     all else: keys, headers, forms, YAML, PEM
 *
 * These ask:
 *   names.h    whether a name is that of a credential
 *   leads.h    whether a known beginning makes a word a key
 *   shapes.h   whether a word looks like a key
 *
 * Threads: any; the text belongs to one thread.
 * Errors:  none.
 * Limits:  three passes, each linear; allocates nothing, and takes no frame
 *          beyond 512 bytes, for a request is masked on the app's thread.
 */
#ifndef LLMOBS_SECRETS_H
#define LLMOBS_SECRETS_H

#include <stddef.h>

/* Masks the secrets in these bytes, which may begin and end anywhere. `data`
 * may be NULL where `len` is 0. */
void llmobs_secrets_mask(char *data, size_t len);

/* Like llmobs_secrets_mask, for a text that is not cut: of a secret at its end
 * the last four characters stay, and of its sentences more is masked, as in
 * llmobs_mask_body. */
void llmobs_secrets_mask_whole(char *text, size_t len);

#endif
