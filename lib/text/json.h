/* json - values of JSON: read, made, written.
 *
 * Owns:    nothing; the last owner of a value frees it with llmobs_json_free.
 * Threads: a value belongs to one thread at a time; trees of several threads
 *          may share values that none of them changes.
 * Errors:  a maker gives NULL when memory runs out. Where no work is left
 *          (work.h) parse, clone, dump, set and the makers of containers and
 *          strings fail as if there were no memory. set and add take their
 *          value in every case; they answer -ENOMEM where the value or its
 *          container is NULL. A reader accepts NULL, and answers NULL, 0 or
 *          false for a value of another type.
 * Limits:  LLMOBS_JSON_DEPTH_MAX levels, LLMOBS_JSON_TOKENS_MAX tokens (keys,
 *          values and containers); a document beyond either is refused whole.
 *          dump writes at most 1000 levels, then -E2BIG; dumps also gives NULL
 *          beyond 1 GiB, and clone beyond 1000 levels. A key of 1 GiB is
 *          refused, as if memory had run out.
 *
 * Strings are UTF-8 without NUL. The parser and the makers replace bad bytes
 * and NUL by U+FFFD. The parser also replaces lone surrogates, accepts raw
 * control characters in strings, drops a byte order mark, and turns an integer
 * beyond 64 bits into a real and a number beyond a double into null. Of
 * duplicate keys the last one holds, at the place of the first (WIRE 8.4, 8.9).
 */
#ifndef LLMOBS_JSON_H
#define LLMOBS_JSON_H

#include <stdint.h>

#include "lib/base/buf.h"

#define LLMOBS_JSON_DEPTH_MAX 200
#define LLMOBS_JSON_TOKENS_MAX 1000000

struct llmobs_json;

/* Parses a document. Gives `*out`. -EINVAL: no JSON; -E2BIG: beyond a limit;
 * -ENOMEM. _masked: a document whose secrets are masked; a string that dump
 * writes as the document has it is marked as searched. `lends`: the document is
 * writable, and stays until all its values are freed: a long string is not
 * copied, and its closing quotation mark is a NUL for so long. */
int llmobs_json_parse(struct llmobs_text text, struct llmobs_json **out);
int llmobs_json_parse_masked(struct llmobs_text text, bool lends,
                             struct llmobs_json **out);

/* Makers; each gives a value. _share makes the caller one more owner of the
 * same value; _clone gives a deep copy. */
struct llmobs_json *llmobs_json_object(void);
struct llmobs_json *llmobs_json_array(void);
struct llmobs_json *llmobs_json_string(const char *text); /* NULL for NULL */
struct llmobs_json *llmobs_json_stringn(const char *text, size_t len);
struct llmobs_json *llmobs_json_int(int64_t number);
struct llmobs_json *llmobs_json_real(double number); /* not finite: null */
struct llmobs_json *llmobs_json_bool(bool value);
struct llmobs_json *llmobs_json_null(void);
struct llmobs_json *llmobs_json_share(struct llmobs_json *json);
struct llmobs_json *llmobs_json_clone(const struct llmobs_json *json);
void llmobs_json_free(struct llmobs_json *json); /* NULL does nothing */
/* Where `from` is an object, frees *to and puts a share of `from` there.
 */
void llmobs_json_replace(struct llmobs_json **to, struct llmobs_json *from);

/* Marks a value whose texts, and those of all below, need no search for
 * secrets: they are words of the library, or were searched where they came to
 * rest. Gives the value. What was joined, unescaped or cut gets no mark. */
struct llmobs_json *llmobs_json_searched(struct llmobs_json *value);

/* Puts a value; takes it, also on error. */
int llmobs_json_set(struct llmobs_json *object, const char *key,
                    struct llmobs_json *value);
int llmobs_json_add(struct llmobs_json *array, struct llmobs_json *value);
int llmobs_json_sets(struct llmobs_json *object, const char *key,
                     const char *text); /* NULL text: nothing is set */
/* Like _sets, for each key and text that follow; NULL ends the list. */
int llmobs_json_set_texts(struct llmobs_json *object, ...)
    __attribute__((sentinel));
void llmobs_json_unset(struct llmobs_json *object, const char *key);

/* -ENOMEM where a value could not be put into this one, or into a value before
 * that was put into this one, and where this one is NULL; else 0. A caller that
 * puts many values asks once, at the end. A value that has another owner too
 * (_share) counts as whole: its maker has asked. */
int llmobs_json_error(const struct llmobs_json *container);

/* Gives the value if `rc` is 0; else frees it and gives NULL. */
struct llmobs_json *llmobs_json_done(struct llmobs_json *value, int rc);

/* Puts a value whose making gave `rc`; takes it. If `rc` is not 0, frees the
 * value instead, and gives `rc`. */
int llmobs_json_add_made(struct llmobs_json *array, struct llmobs_json *value,
                         int rc);
int llmobs_json_set_made(struct llmobs_json *object, const char *key,
                         struct llmobs_json *value, int rc);

/* Readers; the caller borrows their answer from the value. */
struct llmobs_json *llmobs_json_get(const struct llmobs_json *object,
                                    const char *key);
struct llmobs_json *llmobs_json_at(const struct llmobs_json *array, size_t i);
size_t llmobs_json_len(const struct llmobs_json *json); /* array, object */
const char *llmobs_json_text(const struct llmobs_json *json);
size_t llmobs_json_text_len(const struct llmobs_json *json);
const char *llmobs_json_gets(const struct llmobs_json *object, const char *key);
/* True where the member is a string that equals `word`. */
bool llmobs_json_says(const struct llmobs_json *object, const char *key,
                      const char *word);

bool llmobs_json_is_object(const struct llmobs_json *json);
bool llmobs_json_is_array(const struct llmobs_json *json);
bool llmobs_json_is_container(const struct llmobs_json *json);
bool llmobs_json_is_string(const struct llmobs_json *json);
bool llmobs_json_is_int(const struct llmobs_json *json);
bool llmobs_json_is_number(const struct llmobs_json *json);
bool llmobs_json_is_null(const struct llmobs_json *json); /* JSON null */
bool llmobs_json_is_true(const struct llmobs_json *json);
bool llmobs_json_is_false(const struct llmobs_json *json);
int64_t llmobs_json_to_int(const struct llmobs_json *json);
double llmobs_json_to_real(const struct llmobs_json *json);

/* Walks an object, which must not change meanwhile; the caller borrows keys and
 * values; _find answers where a key is. for (it = llmobs_json_iter(o); it; it =
 * llmobs_json_next(o, it)).
 */
void *llmobs_json_iter(const struct llmobs_json *object);
void *llmobs_json_find(const struct llmobs_json *object, const char *key);
void *llmobs_json_next(const struct llmobs_json *object, void *iter);
const char *llmobs_json_iter_key(void *iter);
struct llmobs_json *llmobs_json_iter_value(void *iter);

/* Walks the items of an array, which must not grow or shrink meanwhile, as long
 * as `more` is true; another value has none. The caller borrows each item. */
#define LLMOBS_JSON_EACH(one, array, more)            \
    for (struct llmobs_json * one, **one##_at = NULL; \
         (more) && (one = llmobs_json_walk(array, &one##_at)) != NULL;)

/* The item behind *at, at first NULL; NULL: there is none. */
struct llmobs_json *llmobs_json_walk(const struct llmobs_json *array,
                                     struct llmobs_json ***at);

/* Appends a value to `buf`: keys sorted, each real in the shortest form that
 * reads back the same, separators ", " and ": " (WIRE 1.5, 1.9). _ASCII escapes
 * every code point from 0x7F up; _KEEP_ORDER leaves the keys in their order. */
#define LLMOBS_JSON_ASCII 1u
#define LLMOBS_JSON_KEEP_ORDER 2u
int llmobs_json_dump(const struct llmobs_json *json, unsigned flags,
                     struct llmobs_buf *buf);

/* Like llmobs_json_dump. Calls `mask` for each run of the text whose values are
 * not marked as searched, with the names before them; it may change bytes in
 * place. */
int llmobs_json_dump_masked(const struct llmobs_json *json, unsigned flags,
                            struct llmobs_buf *buf,
                            void (*mask)(char *data, size_t len));

/* Like llmobs_json_dump, but gives a new C string; NULL when memory runs out.
 */
char *llmobs_json_dumps(const struct llmobs_json *json, unsigned flags);

#endif
