/* members - values of members whose names say that they are secrets, masked in
 * a body's bytes as they lie.
 *
 * They are masked for every value of LLMOBS_REDACT: some APIs take a key as
 * {"api_key": "tvly-..."}. A name counts in any case, with '-', '_', '.' or
 * blanks or without, its letters escaped (\u005f) or not, and in JSON within a
 * text, too. Strings are masked, those inside a list or an object too, but no
 * names there, and no schema: a tool describes a parameter of that name by an
 * object whose first member is a word of JSON Schema ("type" with one of its
 * types, "description", "enum", "anyOf", "$ref" ...). Numbers stay. Of a string
 * its last four characters stay where it has twelve, as elsewhere (mask.h). The
 * text stays as long as it was and is JSON where it was.
 *
 * Both quotes of a name and those of its value have the same number of
 * backslashes: a text within a text may end behind a name and a colon, or
 * inside a list, and what follows is not its value. A value that the body's end
 * cuts off is masked whole, but for backslashes that stand last; so is a text
 * of a list there, which may be a name. Before the next event of a stream, and
 * before a line with an object, what has no end ends.
 *
 * These are: authorization, cookie, set-cookie, secret, credentials,
 * passphrase, passwd, and what ends in api key, access key, secret key, private
 * key, account key, subscription key, app key, access token, refresh token, id
 * token, auth token, bearer token, session token, security token, client secret
 * or password. Not "token" or "key" alone: a token of a model's answer is one,
 * and so is the key of a list.
 *
 * URLs within a body are links.h's.
 *
 * Threads: any; the body is one thread's.
 * Limits:  one pass from quote to quote; LLMOBS_MEMBERS_NAME_MAX letters of a
 *          name. No tree is made and nothing is allocated.
 */
#ifndef LLMOBS_MEMBERS_H
#define LLMOBS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#define LLMOBS_MEMBERS_NAME_MAX 48

/* Masks what is found in these bytes, which may begin and end anywhere. */
void llmobs_members_mask(char *data, size_t len);

/* True for a name of the list above, of its small letters alone. */
bool llmobs_members_is_secret(const char *name, size_t len);

/* Masks one value. */
void llmobs_members_hide(char *value, size_t len);

/* The letter that the "u0041" behind a backslash stands for; 0: none. */
char llmobs_members_unit(const char *text, size_t len);

#endif
