/* Allocates and frees JSON values. */
#include "lib/text/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/text/json_clean.h"

#define ITEMS_FIRST 4
#define ITEMS_MAX ((size_t)1 << 31)

/* Shared by all threads: nobody writes to these values. */
static const struct llmobs_json truth = {.type = LLMOBS_JSON_TRUE},
                                falsehood = {.type = LLMOBS_JSON_FALSE},
                                nothing = {.type = LLMOBS_JSON_NULL};

static struct llmobs_json *as_borrowed(const struct llmobs_json *json)
{
    return (struct llmobs_json *)(uintptr_t)json;
}

static struct llmobs_json_array *array_of(const struct llmobs_json *json)
{
    return (struct llmobs_json_array *)(uintptr_t)json;
}

static bool is_static(const struct llmobs_json *json)
{
    return json->type >= LLMOBS_JSON_TRUE;
}

/* -- makers -------------------------------------------------------------- */

static struct llmobs_json *make_value(enum llmobs_json_type type, size_t size)
{
    struct llmobs_json *json = malloc(size);

    if (json == NULL)
        return NULL;
    atomic_init(&json->owners, 1);
    json->type = (uint8_t)type;
    json->failed = json->searched = json->lent = false;
    json->len = 0;
    return json;
}

struct llmobs_json *llmobs_json_value_string(size_t len)
{
    struct llmobs_json *json;

    if (len >= PTRDIFF_MAX - sizeof(*json))
        return NULL;
    json = make_value(LLMOBS_JSON_STRING, sizeof(*json) + len + 1);
    if (json == NULL)
        return NULL;
    json->len = len;
    llmobs_json_bytes(json)[len] = '\0';
    return json;
}

struct llmobs_json *llmobs_json_value_lent(struct llmobs_text text)
{
    char *bytes = (char *)(uintptr_t)text.data;
    struct llmobs_json *json =
        make_value(LLMOBS_JSON_STRING, sizeof(*json) + sizeof(bytes));

    if (json == NULL)
        return NULL;
    json->len = text.len;
    json->lent = true;
    memcpy(json + 1, &bytes, sizeof(bytes));
    bytes[text.len] = '\0';
    return json;
}

struct llmobs_json *llmobs_json_value_array(void)
{
    struct llmobs_json *json =
        make_value(LLMOBS_JSON_ARRAY, sizeof(struct llmobs_json_array));

    if (json != NULL) {
        array_of(json)->items = NULL;
        array_of(json)->cap = 0;
    }
    return json;
}

struct llmobs_json *llmobs_json_array(void)
{
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? llmobs_json_value_array() : NULL;
}

struct llmobs_json *llmobs_json_string(const char *text)
{
    return text != NULL ? llmobs_json_stringn(text, strlen(text)) : NULL;
}

struct llmobs_json *llmobs_json_stringn(const char *text, size_t len)
{
    struct llmobs_text raw = {text != NULL ? text : "", text != NULL ? len : 0};
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    struct llmobs_json *json = NULL;

    if (llmobs_json_clean_string(raw, LLMOBS_WORK_VALUE, &scratch, &clean) == 0)
        json = llmobs_json_value_string(clean.len);
    if (json != NULL)
        memcpy(llmobs_json_bytes(json), clean.data, clean.len);
    llmobs_buf_fini(&scratch);
    return json;
}

struct llmobs_json *llmobs_json_int(int64_t number)
{
    struct llmobs_json *json = make_value(LLMOBS_JSON_INT, sizeof(*json));

    if (json != NULL)
        json->whole = number;
    return json;
}

struct llmobs_json *llmobs_json_real(double number)
{
    struct llmobs_json *json;

    /* The difference is 0 only for a finite number. */
    if (!(number - number == 0))
        return llmobs_json_null();
    json = make_value(LLMOBS_JSON_REAL, sizeof(*json));
    if (json != NULL)
        json->real = number;
    return json;
}

struct llmobs_json *llmobs_json_searched(struct llmobs_json *value)
{
    if (value != NULL && !is_static(value))
        value->searched = true;
    return value;
}

struct llmobs_json *llmobs_json_bool(bool value)
{
    return as_borrowed(value ? &truth : &falsehood);
}

struct llmobs_json *llmobs_json_null(void)
{
    return as_borrowed(&nothing);
}

/* -- owners -------------------------------------------------------------- */

struct llmobs_json *llmobs_json_share(struct llmobs_json *json)
{
    if (json != NULL && !is_static(json))
        (void)atomic_fetch_add_explicit(&json->owners, 1, memory_order_relaxed);
    return json;
}

/* Lets go of one value. A container that nobody owns any more goes to the list
 * `doomed`, so that a deep tree does not need a deep stack. */
static void drop_value(struct llmobs_json *json, struct llmobs_json **doomed)
{
    if (json == NULL || is_static(json))
        return;
    /* Only an owner can make another owner, so a single owner needs no exchange
     * with other threads. */
    if (atomic_load_explicit(&json->owners, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&json->owners, 1, memory_order_acq_rel) != 1)
        return;
    if (json->type > LLMOBS_JSON_ARRAY) {
        if (json->lent)
            llmobs_json_bytes(json)[json->len] = '"';
        free(json);
        return;
    }
    if (json->type == LLMOBS_JSON_ARRAY) /* `next` takes the place of len */
        array_of(json)->cap = json->len;
    json->next = *doomed;
    *doomed = json;
}

void llmobs_json_free(struct llmobs_json *json)
{
    struct llmobs_json *doomed = NULL;

    drop_value(json, &doomed);
    while (doomed != NULL) {
        struct llmobs_json_array *a = (struct llmobs_json_array *)doomed;
        struct llmobs_json_object *o = (struct llmobs_json_object *)doomed;
        bool array = doomed->type == LLMOBS_JSON_ARRAY;

        doomed = doomed->next;
        if (array) {
            for (size_t i = 0; i < a->cap; i++)
                drop_value(a->items[i], &doomed);
            free(a->items);
            free(a);
            continue;
        }
        for (uint32_t i = 0; i < o->used; i++)
            drop_value(o->members[i].value, &doomed);
        if (o->members != o->few)
            free(o->members);
        free(o);
    }
}

void llmobs_json_replace(struct llmobs_json **to, struct llmobs_json *from)
{
    if (!llmobs_json_is_object(from))
        return;
    llmobs_json_free(*to);
    *to = llmobs_json_share(from);
}

static bool make_room(struct llmobs_json_array *a)
{
    size_t cap = a->cap > 0 ? 2 * a->cap : ITEMS_FIRST;
    struct llmobs_json **items;

    if (a->head.len < a->cap)
        return true;
    if (cap > ITEMS_MAX)
        return false;
    items = realloc(a->items, cap * sizeof(struct llmobs_json *));
    if (items == NULL)
        return false;
    a->items = items;
    a->cap = cap;
    return true;
}

int llmobs_json_value_add(struct llmobs_json *array, struct llmobs_json *value)
{
    struct llmobs_json_array *a = array_of(array);

    if (!make_room(a)) {
        array->failed = true;
        llmobs_json_free(value);
        return -ENOMEM;
    }
    a->items[a->head.len++] = value;
    return 0;
}

int llmobs_json_add(struct llmobs_json *array, struct llmobs_json *value)
{
    if (llmobs_json_is_array(array) && llmobs_json_is_broken(value))
        array->failed = true;
    if (value == NULL)
        return -ENOMEM;
    if (!llmobs_json_is_array(array) || array == value) {
        llmobs_json_free(value);
        return array == NULL ? -ENOMEM : -EINVAL;
    }
    return llmobs_json_value_add(array, value);
}

int llmobs_json_error(const struct llmobs_json *container)
{
    return container && !container->failed ? 0 : -ENOMEM;
}

struct llmobs_json *llmobs_json_done(struct llmobs_json *value, int rc)
{
    if (rc == 0)
        return value;
    llmobs_json_free(value);
    return NULL;
}

int llmobs_json_add_made(struct llmobs_json *array, struct llmobs_json *value,
                         int rc)
{
    if (rc == 0)
        return llmobs_json_add(array, value);
    llmobs_json_free(value);
    return rc;
}

struct llmobs_json *llmobs_json_at(const struct llmobs_json *array, size_t i)
{
    if (!llmobs_json_is_array(array) || i >= array->len)
        return NULL;
    return array_of(array)->items[i];
}

struct llmobs_json *llmobs_json_walk(const struct llmobs_json *array,
                                     struct llmobs_json ***at)
{
    struct llmobs_json **items;

    if (!llmobs_json_is_array(array) || array->len == 0)
        return NULL;
    items = array_of(array)->items;
    *at = *at ? *at + 1 : items;
    return *at < items + array->len ? **at : NULL;
}

/* -- readers ------------------------------------------------------------- */

size_t llmobs_json_len(const struct llmobs_json *json)
{
    return llmobs_json_is_array(json) || llmobs_json_is_object(json) ? json->len
                                                                     : 0;
}

const char *llmobs_json_text(const struct llmobs_json *json)
{
    return llmobs_json_is_string(json) ? llmobs_json_bytes(json) : NULL;
}

size_t llmobs_json_text_len(const struct llmobs_json *json)
{
    return llmobs_json_is_string(json) ? json->len : 0;
}

bool llmobs_json_is_object(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_OBJECT);
}

bool llmobs_json_is_array(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_ARRAY);
}

bool llmobs_json_is_container(const struct llmobs_json *json)
{
    return llmobs_json_is_object(json) || llmobs_json_is_array(json);
}

bool llmobs_json_is_string(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_STRING);
}

bool llmobs_json_is_int(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_INT);
}

bool llmobs_json_is_number(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_INT) ||
           llmobs_json_is(json, LLMOBS_JSON_REAL);
}

bool llmobs_json_is_null(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_NULL);
}

bool llmobs_json_is_true(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_TRUE);
}

bool llmobs_json_is_false(const struct llmobs_json *json)
{
    return llmobs_json_is(json, LLMOBS_JSON_FALSE);
}

int64_t llmobs_json_to_int(const struct llmobs_json *json)
{
    return llmobs_json_is_int(json) ? json->whole : 0;
}

double llmobs_json_to_real(const struct llmobs_json *json)
{
    if (llmobs_json_is_int(json))
        return (double)json->whole;
    return llmobs_json_is(json, LLMOBS_JSON_REAL) ? json->real : 0;
}
