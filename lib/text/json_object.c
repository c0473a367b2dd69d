/* Stores the members of JSON objects, with an index if large. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "lib/base/siphash.h"
#include "lib/base/work.h"
#include "lib/text/json_clean.h"
#include "lib/text/json_value.h"

#define PLACES_MAX (UINT32_C(1) << 31)
#define KEY_MAX (UINT32_C(1) << 30)
#define CLONE_DEPTH_MAX 1000
#define BIG_OBJECT 4096 /* members */

/* Objects with more places have an index; in smaller ones a walk is as fast. */
#define WALKED_MAX 16

static struct llmobs_json_object *object_of(const struct llmobs_json *json)
{
    return (struct llmobs_json_object *)(uintptr_t)json;
}

/* -- the index: a table of member numbers, from 1 on, at most half full --- */

_Atomic uint64_t llmobs_json_seed[2];

/* The kernel gives every process random bytes at its start: a peer that knows
 * the code cannot choose keys that all land in one place. They are read once,
 * as another runtime in the process may write to them. A child keeps its
 * parent's seed. */
static uint64_t read_seed(size_t half)
{
    _Atomic uint64_t *own = &llmobs_json_seed[half];
    const unsigned char *random;
    uint64_t known = atomic_load_explicit(own, memory_order_relaxed);
    uint64_t seed = 0;

    if (known)
        return known;
    random = (const unsigned char *)(uintptr_t)getauxval(AT_RANDOM);
    if (random)
        memcpy(&seed, random + half * sizeof(seed), sizeof(seed));
    seed = (seed ^ (uint64_t)(uintptr_t)own) | 1;
    return atomic_compare_exchange_strong(own, &known, seed) ? seed : known;
}

uint32_t llmobs_json_hash(struct llmobs_text key)
{
    const uint64_t seed[2] = {read_seed(0), read_seed(1)};
    uint64_t hash = llmobs_siphash_short(seed, key.data, key.len);

    return (uint32_t)hash;
}

static bool has_index(uint32_t cap)
{
    return cap > WALKED_MAX;
}

static uint32_t *index_of(const struct llmobs_json_object *o)
{
    return (uint32_t *)(void *)(o->members + o->cap);
}

static size_t index_count(uint32_t cap)
{
    return has_index(cap) ? 2 * (size_t)cap : 0;
}

/* -- members ------------------------------------------------------------- */

static bool has_key(const struct llmobs_json_member *member,
                    struct llmobs_text key)
{
    return member->len == key.len && member->value != NULL &&
           (key.len == 0 || (member->key[0] == key.data[0] &&
                             memcmp(member->key, key.data, key.len) == 0));
}

static struct llmobs_json_member *find_by_index(
    const struct llmobs_json_object *o, struct llmobs_text key, uint32_t hash)
{
    size_t mask = index_count(o->cap) - 1;
    const uint32_t *index = index_of(o);

    for (size_t i = hash & mask; index[i] != 0; i = (i + 1) & mask) {
        struct llmobs_json_member *member = &o->members[index[i] - 1];

        if (member->hash == hash && has_key(member, key))
            return member;
    }
    return NULL;
}

/* The beginning of a key, by which members without an index differ. */
static uint32_t mark_of(const char *key)
{
    return key[0] ? (uint32_t)(unsigned char)key[0] |
                        (uint32_t)(unsigned char)key[1] << 8
                  : 0;
}

static uint32_t hash_for(const struct llmobs_json_object *o,
                         struct llmobs_text key)
{
    return has_index(o->cap) ? llmobs_json_hash(key) : 0;
}

/* Appends a member; there is room. The key may lie in another block. */
static struct llmobs_json_member *append_member(struct llmobs_json_object *o,
                                                struct llmobs_text key,
                                                uint32_t hash)
{
    struct llmobs_json_member *member = &o->members[o->used++];

    memcpy(o->keys, key.data, key.len);
    o->keys[key.len] = '\0';
    member->key = o->keys;
    member->value = NULL;
    member->len = (uint32_t)key.len;
    member->hash = has_index(o->cap) ? hash : mark_of(member->key);
    o->keys += key.len + 1;
    o->key_room -= key.len + 1;
    if (has_index(o->cap)) {
        /* Enters the last member. */
        size_t mask = index_count(o->cap) - 1;
        uint32_t *index = index_of(o);
        size_t i = o->members[o->used - 1].hash & mask;

        while (index[i] != 0)
            i = (i + 1) & mask;
        index[i] = o->used;
    }
    return member;
}

/* Takes memory for `cap` members and `key_room` bytes of keys. */
static bool allocate_block(struct llmobs_json_object *o, uint32_t cap,
                           size_t key_room)
{
    size_t index = index_count(cap) * sizeof(uint32_t);
    char *block = malloc(cap * sizeof(*o->members) + index + key_room);

    if (block == NULL)
        return false;
    o->members = (struct llmobs_json_member *)(void *)block;
    o->used = 0;
    o->cap = cap;
    o->keys = block + cap * sizeof(*o->members) + index;
    o->key_room = key_room;
    memset(o->keys - index, 0, index);
    return true;
}

/* Moves the members to a block with room for one more key. Places and keys of
 * members that were taken out stay behind. At least a third of the new block is
 * free, so that a long series of new keys stays linear. */
static bool grow_object(struct llmobs_json_object *o, size_t key_len)
{
    struct llmobs_json_object old = *o;
    size_t live = o->head.len, keys = 0, spare;
    uint32_t cap = LLMOBS_JSON_FEW;

    while (cap < live + live / 2 + 1)
        cap *= 2;
    for (uint32_t i = 0; i < old.used; i++)
        keys += old.members[i].value ? old.members[i].len + (size_t)1 : 0;
    spare = (cap - live - 1) * LLMOBS_JSON_KEY_ROOM;
    if (!allocate_block(
            o, cap, keys + key_len + 1 + (spare > keys / 2 ? spare : keys / 2)))
        return false;
    for (uint32_t i = 0; i < old.used; i++) {
        struct llmobs_json_member *from = &old.members[i];
        struct llmobs_text key = {from->key, from->len};
        bool hashed = has_index(old.cap) || !has_index(cap);

        if (from->value)
            append_member(o, key, hashed ? from->hash : llmobs_json_hash(key))
                ->value = from->value;
    }
    if (old.members != o->few)
        free(old.members);
    return true;
}

struct llmobs_json_member *llmobs_json_place(struct llmobs_json *object,
                                             struct llmobs_text key)
{
    struct llmobs_json_object *o = object_of(object);
    uint32_t hash = hash_for(o, key), before = o->cap;
    struct llmobs_json_member *member =
        has_index(o->cap) ? find_by_index(o, key, hash) : NULL;

    if (member != NULL)
        return member;
    for (uint32_t i = 0; i < o->used && !has_index(o->cap); i++)
        if (has_key(&o->members[i], key))
            return &o->members[i];
    if (key.len >= KEY_MAX || o->head.len >= PLACES_MAX / 2)
        return NULL;
    if ((o->used == o->cap || o->key_room <= key.len) &&
        !grow_object(o, key.len))
        return NULL;
    return append_member(o, key, has_index(before) ? hash : hash_for(o, key));
}

void llmobs_json_fill(struct llmobs_json *object,
                      struct llmobs_json_member *member,
                      struct llmobs_json *value)
{
    struct llmobs_json *before = member->value;

    member->value = value;
    if (before == NULL)
        object->len++;
    else
        llmobs_json_free(before);
}

struct llmobs_json *llmobs_json_value_object(void)
{
    struct llmobs_json_object *o = malloc(sizeof(*o));

    if (o == NULL)
        return NULL;
    atomic_init(&o->head.owners, 1);
    o->head.type = LLMOBS_JSON_OBJECT;
    o->head.failed = o->head.searched = false;
    o->head.len = 0;
    o->members = o->few;
    o->used = 0;
    o->cap = LLMOBS_JSON_FEW;
    o->keys = o->few_keys;
    o->key_room = sizeof(o->few_keys);
    return &o->head;
}

/* -- json.h -------------------------------------------------------------- */

/* The table of a big object does not fit into the processor's cache, and is
 * slow. */
size_t llmobs_json_place_work(const struct llmobs_json *object)
{
    return object->len < BIG_OBJECT ? LLMOBS_WORK_VALUE / 4
                                    : LLMOBS_WORK_VALUE * 4;
}

static int set_clean(struct llmobs_json *object, const char *key,
                     struct llmobs_json *value)
{
    struct llmobs_text raw = llmobs_text_of(key), clean;
    struct llmobs_json_member *member = NULL;
    struct llmobs_buf scratch;
    if (llmobs_json_clean_string(raw, llmobs_json_place_work(object), &scratch,
                                 &clean) == 0)
        member = llmobs_json_place(object, clean);
    llmobs_buf_fini(&scratch);
    if (member == NULL)
        return -ENOMEM;
    llmobs_json_fill(object, member, value);
    return 0;
}

int llmobs_json_set(struct llmobs_json *object, const char *key,
                    struct llmobs_json *value)
{
    bool whole = !llmobs_json_is_broken(value);
    int rc;

    if (object == NULL || value == NULL)
        rc = -ENOMEM;
    else if (key == NULL || !llmobs_json_is_object(object) || object == value)
        rc = -EINVAL;
    else
        rc = set_clean(object, key, value);
    if (rc != 0)
        llmobs_json_free(value);
    if (llmobs_json_is_object(object) && (rc == -ENOMEM || !whole))
        object->failed = true;
    return rc;
}

int llmobs_json_sets(struct llmobs_json *object, const char *key,
                     const char *text)
{
    if (text == NULL)
        return 0;
    return llmobs_json_set(object, key, llmobs_json_string(text));
}

int llmobs_json_set_made(struct llmobs_json *object, const char *key,
                         struct llmobs_json *value, int rc)
{
    if (rc == 0)
        return llmobs_json_set(object, key, value);
    llmobs_json_free(value);
    return rc;
}

int llmobs_json_set_texts(struct llmobs_json *object, ...)
{
    const char *key;
    va_list rest;
    int rc = 0;

    va_start(rest, object);
    while (!rc && (key = va_arg(rest, const char *)))
        rc = llmobs_json_sets(object, key, va_arg(rest, const char *));
    va_end(rest);
    return rc;
}

void *llmobs_json_find(const struct llmobs_json *object, const char *key)
{
    const struct llmobs_json_object *o = object_of(object);
    struct llmobs_text text;

    if (key == NULL || !llmobs_json_is(object, LLMOBS_JSON_OBJECT))
        return NULL;
    if (!has_index(o->cap)) {
        /* Most look-ups are by a constant, and most objects have no such
         * member: so the key's length is not computed first. */
        struct llmobs_json_member *end = o->members + o->used;
        uint32_t mark = mark_of(key);

        for (struct llmobs_json_member *m = o->members; m < end; m++)
            if (m->hash == mark && m->value && strcmp(m->key, key) == 0)
                return m;
        return NULL;
    }
    text.data = key;
    text.len = strlen(key);
    return find_by_index(o, text, llmobs_json_hash(text));
}

/* The place stays empty until the object moves to another block. */
void llmobs_json_unset(struct llmobs_json *object, const char *key)
{
    struct llmobs_json_member *member = llmobs_json_find(object, key);
    struct llmobs_json *value;

    if (member == NULL)
        return;
    value = member->value;
    member->value = NULL;
    object->len--;
    llmobs_json_free(value);
}

struct llmobs_json *llmobs_json_get(const struct llmobs_json *object,
                                    const char *key)
{
    struct llmobs_json_member *member = llmobs_json_find(object, key);

    return member != NULL ? member->value : NULL;
}

const char *llmobs_json_gets(const struct llmobs_json *object, const char *key)
{
    return llmobs_json_text(llmobs_json_get(object, key));
}

bool llmobs_json_says(const struct llmobs_json *object, const char *key,
                      const char *word)
{
    const char *text = llmobs_json_gets(object, key);

    return text && strcmp(text, word) == 0;
}

struct llmobs_json_member *llmobs_json_member_from(
    const struct llmobs_json *object, struct llmobs_json_member *member)
{
    struct llmobs_json_object *o = object_of(object);

    for (; member < o->members + o->used; member++) {
        if (member->value != NULL)
            return member;
    }
    return NULL;
}

void *llmobs_json_iter(const struct llmobs_json *object)
{
    return llmobs_json_is_object(object)
               ? llmobs_json_member_from(object, object_of(object)->members)
               : NULL;
}

void *llmobs_json_next(const struct llmobs_json *object, void *iter)
{
    return llmobs_json_member_from(object,
                                   (struct llmobs_json_member *)iter + 1);
}

const char *llmobs_json_iter_key(void *iter)
{
    return ((struct llmobs_json_member *)iter)->key;
}

struct llmobs_json *llmobs_json_iter_value(void *iter)
{
    return ((struct llmobs_json_member *)iter)->value;
}

struct llmobs_json *llmobs_json_object(void)
{
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? llmobs_json_value_object()
                                             : NULL;
}

static struct llmobs_json *clone_below(const struct llmobs_json *json,
                                       size_t depth);

static int clone_items(const struct llmobs_json *from, struct llmobs_json *to,
                       size_t depth)
{
    int rc = to != NULL ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < from->len; i++) {
        struct llmobs_json *item = clone_below(
            ((const struct llmobs_json_array *)from)->items[i], depth + 1);

        rc = item != NULL ? llmobs_json_value_add(to, item) : -ENOMEM;
    }
    return rc;
}

static int clone_members(const struct llmobs_json *from, struct llmobs_json *to,
                         size_t depth)
{
    int rc = to != NULL ? 0 : -ENOMEM;

    for (struct llmobs_json_member *m = llmobs_json_iter(from);
         rc == 0 && m != NULL; m = llmobs_json_member_from(from, m + 1)) {
        struct llmobs_json *value = clone_below(m->value, depth + 1);
        struct llmobs_json_member *place = NULL;

        if (value != NULL)
            place = llmobs_json_place(to, (struct llmobs_text){m->key, m->len});
        if (place != NULL)
            llmobs_json_fill(to, place, value);
        else
            llmobs_json_free(value);
        rc = place != NULL ? 0 : -ENOMEM;
    }
    return rc;
}

static struct llmobs_json *clone_below(const struct llmobs_json *json,
                                       size_t depth)
{
    struct llmobs_json *copy;

    if (!llmobs_work_do(LLMOBS_WORK_VALUE))
        return NULL;
    switch (json->type) {
    case LLMOBS_JSON_OBJECT:
    case LLMOBS_JSON_ARRAY: {
        bool array = json->type == LLMOBS_JSON_ARRAY;

        copy = array ? llmobs_json_value_array() : llmobs_json_value_object();
        if (depth < CLONE_DEPTH_MAX &&
            (array ? clone_items : clone_members)(json, copy, depth) == 0)
            return copy;
        llmobs_json_free(copy);
        return NULL;
    }
    case LLMOBS_JSON_STRING:
        copy = llmobs_json_value_string(json->len);
        if (copy != NULL)
            memcpy(llmobs_json_bytes(copy), llmobs_json_bytes(json), json->len);
        return copy;
    case LLMOBS_JSON_INT:
        return llmobs_json_int(json->whole);
    case LLMOBS_JSON_REAL:
        return llmobs_json_real(json->real);
    default:
        return (struct llmobs_json *)(uintptr_t)json;
    }
}

struct llmobs_json *llmobs_json_clone(const struct llmobs_json *json)
{
    return json != NULL ? clone_below(json, 0) : NULL;
}

/* -- arrays -------------------------------------------------------------- */
