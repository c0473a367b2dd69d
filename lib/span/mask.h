/* mask - finds the credentials in a text, and masks them in a copy.
 *
 * secrets.h masks bodies in place with it; this part needs no JSON. It finds
 *   - keys with a well-known beginning: sk-, AIza, ghp_, ...;
 *   - private keys between the lines of PEM, also where one line is cut off;
 *   - the word behind "Bearer" and "Basic";
 *   - values behind a name (names.h), a mark and perhaps quotes: of forms,
 *     parameters, headers, YAML, INI, options of a command, connection strings;
 *   - the user part of a URL.
 * A character that is escaped for JSON (\u002d, \/) or for a URL (%2D) counts
 * as the character itself.
 *
 * Sentences stay: behind "password:" and a blank a word must look like a
 * secret, or be alone on its line; behind "key" and "token" it must always look
 * like a secret. In the text of an error, which a person reads and which often
 * quotes a key, the rules are laxer, and words that look like a key count
 * (shapes.h). The last four characters of a secret stay; a secret below eight
 * characters is masked whole (WIRE 8.2).
 *
 * Threads: any; a walk belongs to one thread.
 * Errors:  -ENOMEM, also where no work is left (work.h).
 * Limits:  time linear in the text: sixteen bytes at a time from one mark that
 *          a secret needs to the next, and from there at most LLMOBS_MASK_LOOK
 *          bytes either way, unless it is a secret. The copy is never much
 *          longer than the text.
 */
#ifndef LLMOBS_MASK_H
#define LLMOBS_MASK_H

#include "lib/base/buf.h"
#include "lib/span/repeat.h"

#define LLMOBS_MASK_LOOK 128

/* Appends `text`, an error message, with its secrets masked. */
int llmobs_mask_text(const char *text, struct llmobs_buf *out);

/* Like llmobs_mask_text, but for a body that is kept as text. */
int llmobs_mask_body(const char *text, struct llmobs_buf *out);

/* The kind of a text. */
enum llmobs_mask_kind {
    LLMOBS_MASK_BODY,
    LLMOBS_MASK_REST,  /* a body whose members are masked (members.h) */
    LLMOBS_MASK_ERROR, /* the text of an error */
    LLMOBS_MASK_BEARER /* any text; only "Bearer" and "Basic" count */
};

/* A walk over a text from its beginning, before which only text and kind are
 * set. */
struct llmobs_mask_walk {
    struct llmobs_text text;
    enum llmobs_mask_kind kind;
    size_t from; /* where the secret that was found begins */
    size_t len;  /* its length */
    bool whole;  /* no character of it may stay */
    size_t done; /* the walk has passed all bytes before */
    size_t key;  /* where the lines of a private key may go on */
    size_t next; /* bytes from here on were not looked at yet */
    size_t base; /* the block whose bytes `marks` tells of */
    unsigned marks;
    /* Before dull_to no lead with dull_extra begins a key, and before weak_to
     * no value of a doubtful name is a secret. */
    size_t dull_to, weak_to;
    const char *dull_extra; /* the `extra` of the leads that looked at it */
    struct llmobs_repeat repeat;
};

/* Finds the next secret; false: no secret follows. */
bool llmobs_mask_next(struct llmobs_mask_walk *walk);

/* True for a word of letters, digits, hyphens, underscores and dots in which no
 * key begins. */
bool llmobs_mask_is_plain(const char *word);

static inline bool llmobs_mask_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

#endif
