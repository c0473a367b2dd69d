/* mask - masks the secrets in a text that leaves the process.
 *
 * Threads: any.
 * Errors:  -ENOMEM, also where no work is left (work.h).
 * Limits:  time linear in the text; the result is never much longer than the
 *          text.
 *
 * Secrets are keys with a well-known beginning (sk-, AIza, ...), the word after
 * "Bearer", the values of parameters and headers with key, token, secret,
 * password or signature in their name, and the user part of a URL. In the text
 * of an error, words that look like a key or follow one of these names count
 * too. The last four characters of a secret stay; a secret below eight
 * characters is masked whole (WIRE 8.2).
 */
#ifndef LLMOBS_MASK_H
#define LLMOBS_MASK_H

#include "core/base/buf.h"

/* Appends `text`, an error message, with its secrets masked. */
int llmobs_mask_text(const char *text, struct llmobs_buf *out);

/* The same for a body that is kept as text. There a name must leave no doubt:
 * "api_key" and "password" count, "key" alone does not. */
int llmobs_mask_body(const char *text, struct llmobs_buf *out);

/* Masks in place, from `at` on, the words that look like keys and not like
 * names: of twenty characters or more, with a part between '-' and '_' that
 * alternates between digits and letters more often than words and dates do.
 * Also UUIDs. */
void llmobs_mask_opaque(struct llmobs_buf *buf, size_t at);

/* The ends of possible values, by the characters that end them. An end holds
 * for all beginnings before it, so that a hostile text is not read to its end
 * for each beginning. */
struct llmobs_mask_ends {
    const char *user;
    const char *line;
    const char *word;
};

/* A walk over one text from its beginning; all zero at first. */
struct llmobs_mask_walk {
    size_t at;
    struct llmobs_mask_ends ends;
};

/* Finds the next secret from walk->at on, by the rules for a body, or with
 * `bearer` by "Bearer" and "Basic" alone. Answers its length, and sets walk->at
 * to its beginning; the caller moves it behind the secret. 0: there is none. */
size_t llmobs_mask_find(const char *text, bool bearer,
                        struct llmobs_mask_walk *walk);

static inline bool llmobs_mask_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

#endif
