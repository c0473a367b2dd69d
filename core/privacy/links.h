/* links - secrets of the URLs in a body, masked in its bytes as they lie.
 *
 * A request may name a server by a URL that is a key itself: the "server_url"
 * of a tool, an image by a signed "image_url". Masked are the user part,
 * "https://user:password@host" or "https://token@host", and the value of a
 * parameter ("?", "&", "#" or ";" and a name) whose name is one of members.h or
 * key, sig, auth, pass or pwd, or ends in token, secret, signature, credential
 * or credentials. They are so for every value of LLMOBS_REDACT, in any text of
 * the body. A user part is masked whole; of a value its last characters stay as
 * in members.h, and the stop or bracket of the sentence behind it.
 *
 * A character counts as itself where it is escaped (\/, \u0026), in JSON
 * within a text too, and so does a URL in a parameter of another one
 * (https%3A%2F%2F). A URL begins with a scheme and "://", and ends at a blank,
 * a quote, '<', '>' or a letter that is none of ASCII: a mail address is no
 * URL, nor is one that follows it. The text stays as long as it was, and is
 * JSON where it was. A slash belongs to the password where what stands before
 * it is no port.
 *
 * Threads: any; the body is one thread's.
 * Limits:  one pass from colon to colon, and within a URL from character to
 *          character; nothing is read twice but the two slashes. Nothing is
 *          allocated. A URL whose scheme a cut has taken away is none.
 */
#ifndef LLMOBS_LINKS_H
#define LLMOBS_LINKS_H

#include <stddef.h>

/* Masks what is found in these bytes, which may begin and end anywhere: a
 * password or value that they end in is masked as far as it goes. */
void llmobs_links_mask(char *data, size_t len);

#endif
