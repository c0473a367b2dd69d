/* json_value - how the values behind json.h lie in memory; for its files and
 * json_series alone.
 *
 * Owns:    a container owns its places, and is one owner of the value in each
 *          place. A scalar is one block of memory; true, false and null are
 *          static.
 * Threads: only one thread at a time uses a value. Any thread may change the
 *          value's count of owners, as trees of two threads may share the
 *          value.
 * Errors:  the functions that make a value, and llmobs_json_place, give NULL
 *          when memory runs out.
 * Limits:  2^31 places in a container, 1 GiB in a key; beyond: as if memory had
 *          run out. llmobs_json_free frees a tree of any depth with the same
 *          depth of stack.
 *
 * The functions here neither look for bad bytes nor count work: their callers
 * have done both.
 */
#ifndef LLMOBS_JSON_VALUE_H
#define LLMOBS_JSON_VALUE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/text/json.h"

enum llmobs_json_type {
    LLMOBS_JSON_OBJECT,
    LLMOBS_JSON_ARRAY,
    LLMOBS_JSON_STRING, /* its bytes and a NUL, or where they lie, follow */
    LLMOBS_JSON_INT,
    LLMOBS_JSON_REAL,
    LLMOBS_JSON_TRUE, /* this type and those below are static */
    LLMOBS_JSON_FALSE,
    LLMOBS_JSON_NULL
};

struct llmobs_json {
    atomic_uint owners; /* of no use in static values */
    uint8_t type;
    bool failed;   /* llmobs_json_error */
    bool searched; /* llmobs_json_searched */
    bool lent;     /* a string in its document: a NUL is in the place of its
                    * closing quotation mark while the string has an owner */
    union {
        size_t len; /* bytes of a string, number of values in a container */
        int64_t whole;
        double real;
        struct llmobs_json *next; /* while the container is being freed */
    };
};

struct llmobs_json_array {
    struct llmobs_json head;
    struct llmobs_json **items;
    size_t cap;
};

struct llmobs_json_member {
    const char *key;
    struct llmobs_json *value; /* NULL: the place is empty */
    uint32_t len;              /* of the key, without its NUL */
    uint32_t hash;             /* or, without an index, the key's first bytes */
};

#define LLMOBS_JSON_FEW 4       /* members */
#define LLMOBS_JSON_KEY_ROOM 12 /* bytes, for the key of one further member */

/* Members lie in the order in which they came. A few lie within the object;
 * more have a block of their own: their places, then the index of a big object,
 * then the keys. */
struct llmobs_json_object {
    struct llmobs_json head;
    struct llmobs_json_member *members;
    uint32_t used; /* places, also of members that were taken out */
    uint32_t cap;
    char *keys;      /* where the next key goes */
    size_t key_room; /* bytes */
    struct llmobs_json_member few[LLMOBS_JSON_FEW];
    char few_keys[LLMOBS_JSON_FEW * LLMOBS_JSON_KEY_ROOM];
};

static inline char *llmobs_json_bytes(const struct llmobs_json *string)
{
    char *const *at = (char *const *)(string + 1);

    return string->lent ? *at : (char *)(uintptr_t)at;
}

static inline bool llmobs_json_is(const struct llmobs_json *json,
                                  enum llmobs_json_type type)
{
    return json != NULL && json->type == type;
}

/* True for a value that is missing, and for one in which a value is missing,
 * unless it has another owner too: whoever made a value that is shared has
 * asked for its failure, and goes on without what is missing. */
static inline bool llmobs_json_is_broken(const struct llmobs_json *value)
{
    return value == NULL ||
           (value->failed &&
            atomic_load_explicit(&value->owners, memory_order_acquire) == 1);
}

/* The bytes of the string are for the caller to write; the NUL is there. */
struct llmobs_json *llmobs_json_value_string(size_t len);
struct llmobs_json *llmobs_json_value_object(void);
/* A string that stays where it is; a quotation mark follows the text. */
struct llmobs_json *llmobs_json_value_lent(struct llmobs_text text);
struct llmobs_json *llmobs_json_value_array(void);

/* Makes a string of the text between its quotes, which has only escapes that
 * JSON knows, and no bad bytes. */
struct llmobs_json *llmobs_json_value_text(struct llmobs_text text);

/* Puts a value at the end of an array; takes it, also on error. */
int llmobs_json_value_add(struct llmobs_json *array, struct llmobs_json *value);

/* Gives the place of a key in an object. A new place is empty until fill, and
 * the object must not change before. */
struct llmobs_json_member *llmobs_json_place(struct llmobs_json *object,
                                             struct llmobs_text key);
/* Takes the value, puts it in the place, and frees the old value. */
void llmobs_json_fill(struct llmobs_json *object,
                      struct llmobs_json_member *member,
                      struct llmobs_json *value);

/* Answers the first member from `member` on that is not empty; NULL: none. */
struct llmobs_json_member *llmobs_json_member_from(
    const struct llmobs_json *object, struct llmobs_json_member *member);

/* The hash of a key. Nobody outside of the process can compute it: it depends
 * on the seed, which is 0 until the first hash and then constant, for the tests
 * too. */
uint32_t llmobs_json_hash(struct llmobs_text key);
extern _Atomic uint64_t llmobs_json_seed[2];

/* The steps of work (work.h) that a place in this object costs. */
size_t llmobs_json_place_work(const struct llmobs_json *object);

#endif
