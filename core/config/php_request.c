/* Reads a request's headers from the running PHP. */
#include "core/config/php_request.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cold.h"
#include "core/config/theirs.h"

/* From this version of PHP on the form of its tables was not checked. */
#define VERSION_UNKNOWN 80600

/* -- the table of the server -------------------------------------------- */

/* The head of sapi_module_struct. */
struct sapi {
    const char *name;
    const char *pretty_name;
    void (*first[3])(void); /* startup, shutdown, activate */
    int (*deactivate)(void);
    void (*others[2])(void); /* ub_write, flush */
    void (*get_stat)(void);
    char *(*getenv)(const char *name, size_t len);
    /* The members from here on have the form of the checked versions: */
    void (*answers[6])(void); /* sapi_error to read_cookies */
    void (*register_server_variables)(void *array);
    void (*process[3])(void); /* log_message to terminate_process */
    const char *ini_path;
    void (*readers[2])(void); /* default_post_reader, treat_data */
    const char *executable;
    int ini_ignored[2];
    void (*connection[4])(void); /* get_fd to get_target_gid */
    llmobs_php_filter *input_filter;
};

/* The head of sapi_globals_struct. */
struct sapi_state {
    const void *server_context; /* NULL between requests */
};

/* PHP's own symbols; NULL if the process is not PHP. A PHP with threads has no
 * sapi_globals, and a PHP before 8.3 no php_version_id. */
extern struct sapi sapi_module;
extern const struct sapi_state sapi_globals;
extern unsigned php_version_id(void);

static bool is_server(const struct sapi *sapi)
{
    return strcmp(sapi->name, "cli-server") == 0;
}

static bool has_known_form(const struct sapi *sapi)
{
    if (!sapi->name ||
        (THEIR(php_version_id) && THEIR(php_version_id)() >= VERSION_UNKNOWN))
        return false;
    if (is_server(sapi))
        return !sapi->getenv && llmobs_php_server_known();
    if (!sapi->getenv)
        return false;
    return strcmp(sapi->name, "apache2handler") == 0 ||
           ((strcmp(sapi->name, "fpm-fcgi") == 0 ||
             strcmp(sapi->name, "cgi-fcgi") == 0) &&
            !sapi->get_stat); /* they lack it: the known form */
}

bool llmobs_php_found(void)
{
    return &THEIR(sapi_module);
}

bool llmobs_php_has_request(void)
{
    const struct sapi *sapi = &THEIR(sapi_module);
    const struct sapi_state *state = &THEIR(sapi_globals);

    return sapi && state && state->server_context && has_known_form(sapi);
}

static void (*at_end)(void);
static int (*own_deactivate)(void);

static int deactivate(void)
{
    at_end();
    return own_deactivate ? own_deactivate() : 0;
}

void llmobs_php_on_request_end(void (*end)(void))
{
    if (at_end)
        return;
    at_end = end;
    own_deactivate = THEIR(sapi_module).deactivate;
    THEIR(sapi_module).deactivate = deactivate;
}

/* -- the built-in server: PHP's structures ------------------------------- */

/* The head of zval, and zend_string, as from PHP 7.0 on. */
#define IS_STRING 6
#define IS_ARRAY 7
#define NOT_COLLECTABLE 0x10

struct text {
    uint32_t refcount;
    uint32_t type;
    uint64_t hash;
    size_t len;
    char bytes[];
};

struct value {
    union {
        void *array;
        const struct text *text;
    } is;
    uint8_t type;
    uint8_t more[7];
};

/* PHP's own symbols; NULL if the process is not PHP. _zend_new_array came with
 * PHP 7.3. */
typedef void *malloc_fn(size_t size);
typedef void free_fn(void *block);
typedef void *realloc_fn(void *block, size_t size);
typedef struct text *new_text_fn(const char *bytes, size_t len, bool permanent);
extern void *zend_mm_get_heap(void);
extern void zend_mm_get_custom_handlers(void *heap, malloc_fn **, free_fn **,
                                        realloc_fn **);
extern void zend_mm_set_custom_handlers(void *heap, malloc_fn *, free_fn *,
                                        realloc_fn *);
extern void *_zend_new_array(uint32_t size);
extern void zend_array_destroy(void *array);
extern const struct value *zend_hash_str_find(const void *array,
                                              const char *key, size_t len);
extern new_text_fn *zend_string_init_interned;

/* -- the built-in server: the memory that PHP borrows
 * ---------------------------------------- */

/* Enough for most names; malloc serves longer ones. */
#define LENT 8192
#define ALIGN 16

LLMOBS_COLD static _Alignas(ALIGN) char lent[LENT];
static size_t top;  /* end of what is lent */
static size_t live; /* blocks that PHP has not freed */

static bool is_lent(const void *block)
{
    return (uintptr_t)block - (uintptr_t)lent < LENT;
}

/* A lent block has at least one byte, so that each block has its own address.
 */
static void *lend(size_t size)
{
    void *block = lent + top;

    if (size == 0 || size > LENT - top)
        return malloc(size);
    top += (size + ALIGN - 1) / ALIGN * ALIGN;
    live++;
    return block;
}

static void reclaim(void *block)
{
    if (!is_lent(block))
        free(block);
    else if (--live == 0)
        top = 0;
}

/* The size of a lent block is not known, so this copies all lent bytes from the
 * block's beginning on. */
static void *lend_more(void *block, size_t size)
{
    size_t most = is_lent(block) ? top - (size_t)((char *)block - lent) : 0;
    void *more;

    if (block && most == 0)
        return realloc(block, size);
    more = lend(size);
    if (!more || !block)
        return more;
    memcpy(more, block, size < most ? size : most);
    reclaim(block);
    return more;
}

/* -- the built-in server: the variables
 * ------------------------------------------------------ */

/* Room for all values of a request. The baggage alone may have 8 KiB: W3C's
 * specification of baggage asks a process to pass on that much. */
#define STORED_MAX 16384

LLMOBS_COLD static char stored[STORED_MAX]; /* the values, each with its NUL */

static struct {
    const struct llmobs_php_name *names;
    size_t count;
    const char **values;
    size_t used; /* of `stored` */
    bool refused;
} reading;

static void store_value(const char **value, const char *text, size_t len)
{
    char *copy = stored + reading.used;

    if (*value || len >= STORED_MAX - reading.used) {
        reading.refused = true;
        return;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    reading.used += len + 1;
    *value = copy;
}

static unsigned filter_all(int kind, const char *name, char **value, size_t len,
                           size_t *new_len)
{
    (void)kind;
    (void)new_len;
    for (size_t i = 0; i < reading.count; i++)
        if (strcmp(name, reading.names[i].text) == 0)
            store_value(&reading.values[i], *value, len);
    return 0;
}

/* While PHP fills the library's array, PHP calls this function instead of its
 * own zend_string_init_interned, to make the names of variables whose names no
 * client can choose. (From 8.2 on, PHP adds these variables without a call of
 * the filter.) PHP's own function would keep a name until the request ends; but
 * the library lends the memory of the name for the length of this reading. */
static struct text *new_name(const char *bytes, size_t len, bool permanent)
{
    struct text *name = lend(sizeof(*name) + len + 1);

    (void)permanent;
    if (!name)
        return NULL;
    name->refcount = 1;
    name->type = IS_STRING | NOT_COLLECTABLE;
    name->hash = 0;
    name->len = len;
    memcpy(name->bytes, bytes, len);
    name->bytes[len] = '\0';
    return name;
}

bool llmobs_php_server_known(void)
{
    return THEIR(zend_mm_get_heap) && THEIR(zend_mm_get_custom_handlers) &&
           THEIR(zend_mm_set_custom_handlers) && THEIR(_zend_new_array) &&
           THEIR(zend_array_destroy) && THEIR(zend_hash_str_find) &&
           &THEIR(zend_string_init_interned);
}

/* Makes PHP fill an array, and stores its variables. The array is in memory
 * that the library lends. */
static void fill_array(void (*fill)(void *array), llmobs_php_filter **filter)
{
    struct value array = {.is.array = THEIR(_zend_new_array)(0),
                          .type = IS_ARRAY};
    llmobs_php_filter *own_filter = *filter;
    new_text_fn *own_names = THEIR(zend_string_init_interned);

    *filter = filter_all;
    THEIR(zend_string_init_interned) = new_name;
    fill(&array);
    THEIR(zend_string_init_interned) = own_names;
    *filter = own_filter;
    for (size_t i = 0; i < reading.count; i++) {
        const struct llmobs_php_name *name = &reading.names[i];
        const struct value *found;

        if (reading.values[i])
            continue;
        found =
            THEIR(zend_hash_str_find)(array.is.array, name->text, name->len);
        if (found && found->type == IS_STRING)
            store_value(&reading.values[i], found->is.text->bytes,
                        found->is.text->len);
    }
    THEIR(zend_array_destroy)(array.is.array);
}

bool llmobs_php_server_read(void (*fill)(void *array),
                            llmobs_php_filter **filter,
                            const struct llmobs_php_name *names, size_t count,
                            const char **values)
{
    void *heap = THEIR(zend_mm_get_heap)();
    int saved = errno;
    malloc_fn *get = NULL;
    free_fn *release = NULL;
    realloc_fn *change = NULL;

    /* A PHP that profiles its memory or uses malloc for all of it has set
     * functions of its own: nothing is lent there. Lending ends when the
     * functions are set to NULL. */
    THEIR(zend_mm_get_custom_handlers)(heap, &get, &release, &change);
    if (get || release || change)
        return false;
    THEIR(zend_mm_set_custom_handlers)(heap, lend, reclaim, lend_more);
    THEIR(zend_mm_get_custom_handlers)(heap, &get, &release, &change);
    if (get != lend)
        return false;
    reading.names = names;
    reading.count = count;
    reading.values = values;
    reading.used = 0;
    reading.refused = false;
    fill_array(fill, filter);
    THEIR(zend_mm_set_custom_handlers)(heap, NULL, NULL, NULL);
    errno = saved;
    /* Without an address PHP has passed only a part of the request. */
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].text, "REMOTE_ADDR") == 0)
            return !reading.refused && values[i];
    return !reading.refused;
}

/* -- any server --------------------------------------------------------- */

bool llmobs_php_read_request(const struct llmobs_php_name *names, size_t count,
                             const char **values)
{
    if (is_server(&THEIR(sapi_module)))
        return llmobs_php_server_read(
            THEIR(sapi_module).register_server_variables,
            &THEIR(sapi_module).input_filter, names, count, values);
    for (size_t i = 0; i < count; i++)
        values[i] = THEIR(sapi_module).getenv(names[i].text, names[i].len);
    return true;
}
