/* members - masks in the bytes of a body the values of members that are secrets
 * by their names: some APIs take a key as {"api_key": "tvly-..."}.
 *
 * Such values are masked whatever LLMOBS_REDACT is. names.h says which names
 * these are, in any case, with '-', '_', '.', blanks or the brackets of a
 * form's names ("extra[api_key]") between their words, or none of them, with
 * escaped letters (\u005f), and in JSON within a text:
 *   - of a credential ("api_key", "authentication") all texts below are masked,
 *     but no names there;
 *   - of "headers" likewise, but in a list of texts those with a colon;
 *   - of "key" and "token" a text that looks like one, and below
 *     "data_sources", "webhook" or a push notification's configuration any;
 *   - of "server_url" and below "mcp_servers" the keys in the paths of URLs;
 *   - of a pair, {"name": "X-Api-Key", "value": "..."}, the value.
 *
 * A schema is left alone: a tool describes a parameter of that name by an
 * object whose first member is a word of JSON Schema ("type" with one of its
 * types, "description", "enum", "anyOf", "$ref" ...). Numbers stay. The text
 * keeps its length, and JSON stays JSON.
 *
 * The two quotes of a name and those of its value have the same number of
 * backslashes: a text within a text may end behind a name and a colon, or
 * inside a list, and the text that follows is not its value. A value that the
 * body's end cuts off is masked whole, but for backslashes at its end; so is a
 * text of a list there, which may be a name. A value without an end also ends
 * before the next event of a stream, and before a line with an object.
 *
 * Threads: any; the body belongs to one thread.
 * Limits:  one pass from colon to colon; of a name LLMOBS_NAMES_LETTERS
 *          letters; for a pair four members either way. Makes no tree and
 *          allocates nothing.
 */
#ifndef LLMOBS_MEMBERS_H
#define LLMOBS_MEMBERS_H

#include "lib/span/repeat.h"

/* Masks the values in these bytes, which may begin and end anywhere. Adds to
 * `runs`, which may be NULL, lines that are alike, behind all that it masked.
 */
void llmobs_members_mask(char *data, size_t len,
                         struct llmobs_repeat_runs *runs);

#endif
