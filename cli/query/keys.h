/* keys - the facts of a span that a person may group, filter and list by, each
 * with its word.
 *
 * Owns:    nothing.
 * Threads: one (accounts.h).
 * Errors:  -EINVAL: there is no such key; -ENOMEM, or what texts.h says.
 * Limits:  LLMOBS_BY_KEYS keys at once; a word of LLMOBS_KEY_WORD bytes, its
 *          NUL included; parts of a value are cut to LLMOBS_KEY_PART bytes.
 */
#ifndef LLMOBS_KEYS_H
#define LLMOBS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/query/texts.h"
#include "lib/base/buf.h"
#include "lib/text/json.h"

struct llmobs_row;

#define LLMOBS_BY_KEYS 2
#define LLMOBS_KEY_WORD 96
#define LLMOBS_KEY_PART 1024

/* The first ones are read from the event alone. */
enum llmobs_key {
    LLMOBS_KEY_SCRIPT,
    LLMOBS_KEY_CALLER,
    LLMOBS_KEY_PLUGIN,
    LLMOBS_KEY_PAGE,
    LLMOBS_KEY_UNIT,
    LLMOBS_KEY_HOST,
    LLMOBS_KEY_OS_USER,
    LLMOBS_KEY_USER,
    LLMOBS_KEY_KEY,
    LLMOBS_KEY_RUN,
    LLMOBS_KEY_OF_EVENT, /* so many of them */
    LLMOBS_KEY_MODEL = LLMOBS_KEY_OF_EVENT,
    LLMOBS_KEY_PROVIDER,
    LLMOBS_KEY_ML_APP,
    LLMOBS_KEY_SERVICE,
    LLMOBS_KEY_KIND,
    LLMOBS_KEY_SESSION,
    LLMOBS_KEY_DAY,
    LLMOBS_KEY_ERROR,
    LLMOBS_KEY_TAG,  /* the word names the tag */
    LLMOBS_KEY_EVAL, /* the word names the label of an evaluation */
    LLMOBS_KEY_COUNT
};

/* A key, and its word, such as "script", "tag:team" or "eval:tone". */
struct llmobs_by_key {
    enum llmobs_key key;
    char word[LLMOBS_KEY_WORD];
};

/* The ways to group; count 0: by nothing. */
struct llmobs_by {
    struct llmobs_by_key keys[LLMOBS_BY_KEYS];
    size_t count;
};

/* The words of all keys; NULL: that one has none of its own. */
const char *llmobs_key_word(enum llmobs_key key);

/* Reads one word of `len` bytes; a '-' in it is a '_'. */
int llmobs_key_read(struct llmobs_by_key *key, const char *word, size_t len);

/* Reads "script" or "script,model". -EINVAL: *near is the word that may be
 * meant, or NULL. -EEXIST: both keys are the same. */
int llmobs_by_read(struct llmobs_by *by, const char *words, const char **near);

/* The value that a span has; NULL: none. It borrows from the row, which only a
 * key that is not of the event alone needs, or from the event; a value that has
 * to be made is shared in `texts`, and lives as long as they do. */
const char *llmobs_key_of(const struct llmobs_by_key *key,
                          const struct llmobs_row *row,
                          const struct llmobs_json *event,
                          struct llmobs_texts *texts);

/* Adds "by seo-writer.php:4 do_the_title, plugin seo-writer", and below it the
 * first `frames` frames of the program, the inner one first, a line each;
 * nothing where no line of a script is known. */
int llmobs_key_add_caller(const struct llmobs_json *event, size_t frames,
                          struct llmobs_buf *out);

/* True where the values are paths, of which a person names the end. */
bool llmobs_key_is_path(enum llmobs_key key);

/* The values of `count` groups are arrays as those of `by`, `stride` bytes
 * apart: replaces each that is a path by its shortest end that no other value
 * of its key has; NULL stays. */
int llmobs_by_shorten(const struct llmobs_by *by, const char **first,
                      size_t stride, size_t count);

#endif
