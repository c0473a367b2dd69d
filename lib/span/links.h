/* links - masks in the bytes of a body the secrets of its URLs.
 *
 * A request may hold a URL that is a key itself: a tool's "server_url", or an
 * image's signed "image_url". links masks the user part,
 * "https://user:password@host" or "https://token@host", and the value of a
 * parameter ("?", "&", "#" or ";" and a name) that names.h knows. It does so in
 * every text of the body, whatever LLMOBS_REDACT is. A user part is masked
 * whole; the last characters of a value stay as in secrets.h, and so does a
 * full stop or bracket behind it, which belongs to the sentence.
 *
 * An escaped character (\/, \u0026) counts as itself, also in JSON within a
 * text, and a URL in a parameter of another URL (https%3A%2F%2F) counts as a
 * URL. A URL begins with a scheme and "://", and ends at a blank, a quote, '<',
 * '>' or a letter beyond ASCII. A mail address is neither a URL nor a part of
 * one. A slash belongs to the password where the text before it is no port. The
 * text keeps its length, and JSON stays JSON.
 *
 * Threads: any; the body belongs to one thread.
 * Limits:  one pass from slash to slash, and within a URL from character to
 *          character; reads only the two slashes twice. Allocates nothing. Does
 *          not find a URL whose scheme was cut off.
 */
#ifndef LLMOBS_LINKS_H
#define LLMOBS_LINKS_H

#include "lib/span/repeat.h"

/* Masks the secrets in these bytes, which may begin and end anywhere. Where
 * their end cuts off a password or value, its beginning is masked. What differs
 * in the lines of `runs` (NULL: none) is no part of a URL: where no other line
 * has a URL, they have none. */
void llmobs_links_mask(char *data, size_t len,
                       const struct llmobs_repeat_runs *runs);

/* Masks the parts of the path of one URL that may be a key, for URLs that give
 * access by their path alone: the address of an MCP server, a webhook. */
void llmobs_links_mask_path(char *data, size_t len);

#endif
