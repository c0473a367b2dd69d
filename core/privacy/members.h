/* members - masks in the bytes of a body the values of members that are secrets
 * by their names: some APIs take a key as {"api_key": "tvly-..."}.
 *
 * Such values are masked whatever LLMOBS_REDACT is. The names are
 * authorization, cookie, set-cookie, secret, credentials, passphrase, passwd,
 * and all that end in api key, access key, secret key, private key, account
 * key, subscription key, app key, access token, refresh token, id token, auth
 * token, bearer token, session token, security token, client secret, password
 * or password confirmation. "token" and "key" alone do not count: a model's
 * answer consists of
 * tokens, and a list has keys. A name may have upper and lower case, '-', '_',
 * '.', blanks or the brackets of a form's names ("extra[api_key]"), or none of
 * them, and escaped letters (\u005f), and it may lie in JSON within a text. Of
 * a name with brackets each part counts by itself, too: "password[again]".
 *
 * Strings are masked, also those in a list or an object, but no names there. A
 * schema is left alone: a tool describes a parameter of that name by an object
 * whose first member is a word of JSON Schema ("type" with one of its types,
 * "description", "enum", "anyOf", "$ref" ...). Numbers stay. Of a string with
 * twelve characters the last four stay, as elsewhere (mask.h). The text keeps
 * its length, and JSON stays JSON.
 *
 * The two quotes of a name and those of its value have the same number of
 * backslashes: a text within a text may end behind a name and a colon, or
 * inside a list, and the text that follows is not its value. A value that the
 * body's end cuts off is masked whole, but for backslashes at its end; so is a
 * text of a list there, which may be a name. A value without an end also ends
 * before the next event of a stream, and before a line with an object.
 *
 * links.h masks URLs within a body.
 *
 * Threads: any; the body belongs to one thread.
 * Limits:  one pass from colon to colon; LLMOBS_MEMBERS_NAME_MAX letters of a
 *          name. Makes no tree and allocates nothing.
 */
#ifndef LLMOBS_MEMBERS_H
#define LLMOBS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#define LLMOBS_MEMBERS_NAME_MAX 48

/* Masks the values in these bytes, which may begin and end anywhere. */
void llmobs_members_mask(char *data, size_t len);

/* True for a name of the list above, given as its small letters alone. */
bool llmobs_members_is_secret(const char *name, size_t len);

/* Masks one value; of twelve characters or more the last four stay. */
void llmobs_members_hide(char *value, size_t len);

/* The letter that the "u0041" behind a backslash stands for; 0: none. */
char llmobs_members_unit(const char *text, size_t len);

#endif
