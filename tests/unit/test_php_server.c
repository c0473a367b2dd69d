/* The headers of PHP's built-in server, by a stand-in for PHP. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/php_request.h"
#include "tests/unit/unit.h"

/* -- PHP ---------------------------------------------------------------- */

typedef void *malloc_fn(size_t size);
typedef void free_fn(void *block);
typedef void *realloc_fn(void *block, size_t size);

static struct {
    malloc_fn *malloc;
    free_fn *free;
    realloc_fn *realloc;
} heap;

static size_t blocks; /* that PHP has not given back */

void *zend_mm_get_heap(void);
void *zend_mm_get_heap(void)
{
    return &heap;
}

void zend_mm_get_custom_handlers(void *of, malloc_fn **get, free_fn **give,
                                 realloc_fn **change);
void zend_mm_get_custom_handlers(void *of, malloc_fn **get, free_fn **give,
                                 realloc_fn **change)
{
    ck_assert_ptr_eq(of, &heap);
    *get = heap.malloc;
    *give = heap.free;
    *change = heap.realloc;
}

void zend_mm_set_custom_handlers(void *of, malloc_fn *get, free_fn *give,
                                 realloc_fn *change);
void zend_mm_set_custom_handlers(void *of, malloc_fn *get, free_fn *give,
                                 realloc_fn *change)
{
    ck_assert_ptr_eq(of, &heap);
    heap.malloc = get;
    heap.free = give;
    heap.realloc = change;
}

/* The page has no memory left. */
static void *get(size_t size)
{
    ck_assert_msg(heap.malloc, "PHP takes the page's memory");
    blocks++;
    return heap.malloc(size);
}

static void give(void *block)
{
    ck_assert_ptr_nonnull(block);
    blocks--;
    heap.free(block);
}

struct text {
    uint32_t refcount, type;
    uint64_t hash;
    size_t len;
    char bytes[];
};

struct value {
    void *is;
    uint64_t type;
};

struct array {
    size_t count;
    struct {
        struct text *name;
        struct value value;
    } entries[8];
};

void *_zend_new_array(uint32_t size);
void *_zend_new_array(uint32_t size)
{
    struct array *array = get(sizeof(*array));

    ck_assert_uint_eq(size, 0);
    array->count = 0;
    return array;
}

void zend_array_destroy(void *of);
void zend_array_destroy(void *of)
{
    struct array *array = of;

    for (size_t i = 0; i < array->count; i++) {
        give(array->entries[i].name);
        give(array->entries[i].value.is);
    }
    give(array);
}

const struct value *zend_hash_str_find(const void *of, const char *key,
                                       size_t len);
const struct value *zend_hash_str_find(const void *of, const char *key,
                                       size_t len)
{
    const struct array *array = of;

    for (size_t i = 0; i < array->count; i++)
        if (array->entries[i].name->len == len &&
            memcmp(array->entries[i].name->bytes, key, len) == 0)
            return &array->entries[i].value;
    return NULL;
}

typedef struct text *new_text_fn(const char *bytes, size_t len, bool permanent);

static struct text *never(const char *bytes, size_t len, bool permanent)
{
    (void)permanent;
    ck_abort_msg("PHP keeps the name %.*s", (int)len, bytes);
    return NULL;
}

extern new_text_fn *zend_string_init_interned;
new_text_fn *zend_string_init_interned = never;

static unsigned of_the_site(int kind, const char *name, char **value,
                            size_t len, size_t *new_len)
{
    (void)kind;
    (void)value;
    (void)len;
    (void)new_len;
    ck_abort_msg("the site's filter sees %s", name);
    return 1;
}

static llmobs_php_filter *filter = of_the_site;

/* -- its request -------------------------------------------------------- */

static const char *const *fields; /* name, value, ..., NULL */

/* As PHP does it for each header. */
static void by_the_filter(const char *name, const char *value)
{
    size_t size = strlen(name) + 1, len = 0;
    char *empty = heap.realloc(get(0), 1);
    char *copy = get(size), *real = get(1), *passed;

    memcpy(copy, name, size);
    real = heap.realloc(real, size / 2 + 1);
    memcpy(real, copy, size / 2 + 1);
    real = heap.realloc(real, size);
    memcpy(real + size / 2, copy + size / 2, size - size / 2);
    passed = strdup(value); /* gone afterwards, as an address on the stack */
    ck_assert_uint_eq(filter(3, real, &passed, strlen(value), &len), 0);
    free(passed);
    give(empty);
    give(copy);
    give(real);
}

static void fill_by_filter(void *array)
{
    ck_assert_ptr_nonnull(array);
    for (size_t i = 0; fields[i]; i += 2)
        by_the_filter(fields[i], fields[i + 1]);
}

static void put(struct array *array, const char *name, const char *value)
{
    size_t len = strlen(value), i = array->count++;
    struct text *text = get(sizeof(*text) + len + 1);

    text->len = len;
    memcpy(text->bytes, value, len + 1);
    blocks++; /* of the library, which PHP gives back */
    array->entries[i].name =
        zend_string_init_interned(name, strlen(name), false);
    ck_assert_uint_eq(array->entries[i].name->refcount, 1);
    array->entries[i].value = (struct value){text, 6 | 1 << 8};
}

/* As from PHP 8.2 on: no client names the first of them. */
static void fill_both(void *of)
{
    struct value *array = of;

    ck_assert_uint_eq(array->type & 0xff, 7);
    put(array->is, fields[0], fields[1]);
    put(array->is, "SERVER_PORT", "80");
    for (size_t i = 2; fields[i]; i += 2)
        by_the_filter(fields[i], fields[i + 1]);
}

#define NAMES 3
static const struct llmobs_php_name names[NAMES] = {
    {"HTTP_TRACEPARENT", 16}, {"HTTP_FORWARDED", 14}, {"REMOTE_ADDR", 11}};
static const char *values[NAMES];

static bool read_all(void (*fill)(void *array), const char *const *request)
{
    bool done;

    memset(values, 0, sizeof(values));
    fields = request;
    done = llmobs_php_server_read(fill, &filter, names, NAMES, values);
    ck_assert(filter == of_the_site && zend_string_init_interned == never);
    ck_assert_uint_eq(blocks, 0);
    return done;
}

TEST(of_both_forms)
{
    static const char *const request[] = {
        "REMOTE_ADDR",      "10.0.0.1", "HTTP_HOST", "somewhere",
        "HTTP_TRACEPARENT", "parent",   NULL};
    void (*const forms[])(void *) = {fill_by_filter, fill_both};

    ck_assert(llmobs_php_server_known());
    for (size_t i = 0; i < 2; i++) {
        ck_assert(read_all(forms[i], request));
        ck_assert_str_eq(values[0], "parent");
        ck_assert_ptr_null(values[1]);
        ck_assert_str_eq(values[2], "10.0.0.1");
        ck_assert_ptr_null(heap.malloc);
    }
}

TEST(of_an_unknown_caller)
{
    static const char *const request[] = {"SERVER_NAME", "here",
                                          "HTTP_TRACEPARENT", "parent", NULL};

    ck_assert(!read_all(fill_by_filter, request));
    ck_assert(!read_all(fill_both, request));
}

TEST(of_one_name_twice)
{
    static const char *const request[] = {
        "REMOTE_ADDR",      "10.0.0.1",       "HTTP_FORWARDED",
        "for=8.8.8.8",      "HTTP_FORWARDED", "for=10.0.0.1",
        "HTTP_TRACEPARENT", "parent",         NULL};

    ck_assert(!read_all(fill_by_filter, request));
}

/* Neither is kept, and the next request has its own values again. */
TEST(of_long_names_and_values)
{
    char *text = unit_own(malloc(1 << 16));
    const char *const long_value[] = {"REMOTE_ADDR", "10.0.0.1",
                                      "HTTP_TRACEPARENT", text, NULL};
    const char *const long_name[] = {"REMOTE_ADDR", "10.0.0.1", text, "value",
                                     text,          "again",    NULL};

    memset(text, 'x', 1 << 16);
    text[(1 << 16) - 1] = '\0';
    for (int i = 0; i < 3; i++) {
        ck_assert(!read_all(fill_by_filter, long_value));
        ck_assert(read_all(fill_both, long_name));
        ck_assert_str_eq(values[2], "10.0.0.1");
    }
}

TEST(of_memory_that_is_another_s)
{
    static const char *const request[] = {"REMOTE_ADDR", "10.0.0.1", NULL};

    heap.malloc = malloc;
    heap.free = free;
    heap.realloc = realloc;
    ck_assert(!read_all(fill_by_filter, request));
    ck_assert(heap.malloc == malloc && heap.free == free &&
              heap.realloc == realloc);
    memset(&heap, 0, sizeof(heap));
}
