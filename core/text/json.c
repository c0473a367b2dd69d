#include "core/text/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "core/base/work.h"
#include "core/text/json_build.h"
#include "core/text/json_clean.h"
#include "core/text/json_plain.h"
#include "core/text/decimal.h"

#define BIG_OBJECT 4096 /* members */
#define DUMP_DEPTH_MAX 1000
#define DUMPS_MAX ((size_t)1 << 30)

static json_t *in(const struct llmobs_json *json)
{
    return (json_t *)(uintptr_t)json;
}

static struct llmobs_json *out(json_t *json)
{
    return (struct llmobs_json *)json;
}

/* The library would open /dev/urandom for the seed of its hash tables; the
 * kernel gave every process random bytes already. */
static void seed_once(void)
{
    static atomic_bool seeded;
    const unsigned char *random;
    uint64_t seed = 0;

    if (atomic_load_explicit(&seeded, memory_order_relaxed))
        return;
    random = (const unsigned char *)(uintptr_t)getauxval(AT_RANDOM);
    if (random != NULL)
        memcpy(&seed, random + 8, sizeof(seed));
    seed = (seed ^ (uint64_t)(uintptr_t)&seed) * UINT64_C(0x9E3779B97F4A7C15);
    json_object_seed((size_t)(seed >> 32 | 1));
    atomic_store_explicit(&seeded, true, memory_order_relaxed);
}

int llmobs_json_parse(struct llmobs_text text, struct llmobs_json **json)
{
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    int rc;

    *json = NULL;
    rc = llmobs_json_clean(text, &scratch, &clean);
    if (rc == 0)
        rc = llmobs_json_build(clean, json);
    llmobs_buf_fini(&scratch);
    return rc;
}

struct llmobs_json *llmobs_json_object(void)
{
    seed_once();
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? out(json_object()) : NULL;
}

struct llmobs_json *llmobs_json_array(void)
{
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? out(json_array()) : NULL;
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
    json_t *json = NULL;

    if (llmobs_json_clean_string(raw, &scratch, &clean) == 0 &&
        llmobs_work_do(LLMOBS_WORK_VALUE))
        json = json_stringn_nocheck(clean.data, clean.len);
    llmobs_buf_fini(&scratch);
    return out(json);
}

struct llmobs_json *llmobs_json_int(int64_t number)
{
    return out(json_integer(number));
}

struct llmobs_json *llmobs_json_real(double number)
{
    /* Not finite: the difference is not 0. */
    return out(number - number == 0 ? json_real(number) : json_null());
}

struct llmobs_json *llmobs_json_bool(bool value)
{
    return out(json_boolean(value));
}

struct llmobs_json *llmobs_json_null(void)
{
    return out(json_null());
}

struct llmobs_json *llmobs_json_share(struct llmobs_json *json)
{
    return out(json_incref(in(json)));
}

/* How many values there are. The depth is bounded by who made them, and a level
 * takes less stack than it does of the copy that follows. */
static size_t count_values(const struct llmobs_json *json)
{
    size_t count = 1;

    if (llmobs_json_is_array(json))
        for (size_t i = 0; i < llmobs_json_len(json); i++)
            count += count_values(llmobs_json_at(json, i));
    else
        for (void *it = llmobs_json_iter(json); it;
             it = llmobs_json_next(json, it))
            count += count_values(llmobs_json_iter_value(it));
    return count;
}

struct llmobs_json *llmobs_json_clone(const struct llmobs_json *json)
{
    if (llmobs_work_is_counted() &&
        !llmobs_work_do(count_values(json) * LLMOBS_WORK_VALUE))
        return NULL;
    return out(json_deep_copy(in(json)));
}

void llmobs_json_free(struct llmobs_json *json)
{
    json_decref(in(json));
}

/* A table that no cache holds is slow. */
static size_t set_work(const struct llmobs_json *object)
{
    return llmobs_json_len(object) < BIG_OBJECT ? LLMOBS_WORK_VALUE / 4
                                                : LLMOBS_WORK_VALUE * 4;
}

int llmobs_json_set(struct llmobs_json *object, const char *key,
                    struct llmobs_json *value)
{
    struct llmobs_text raw = {key, key != NULL ? strlen(key) : 0};
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    int rc = 0;

    llmobs_buf_init(&scratch, 0);
    if (value == NULL)
        return -ENOMEM;
    if (object == NULL)
        rc = -ENOMEM;
    else if (key == NULL || !llmobs_json_is_object(object) || object == value)
        rc = -EINVAL;
    else if (!llmobs_work_do(set_work(object)))
        rc = -ENOMEM;
    else
        rc = llmobs_json_clean_string(raw, &scratch, &clean);
    if (rc != 0) {
        llmobs_json_free(value);
    } else {
        /* Repaired text ends in a NUL, and unrepaired text is the key. */
        rc = json_object_set_new_nocheck(in(object), clean.data, in(value));
        rc = rc != 0 ? -ENOMEM : 0;
    }
    llmobs_buf_fini(&scratch);
    return rc;
}

int llmobs_json_add(struct llmobs_json *array, struct llmobs_json *value)
{
    if (value == NULL)
        return -ENOMEM;
    if (!llmobs_json_is_array(array) || array == value) {
        llmobs_json_free(value);
        return array == NULL ? -ENOMEM : -EINVAL;
    }
    return json_array_append_new(in(array), in(value)) != 0 ? -ENOMEM : 0;
}

int llmobs_json_sets(struct llmobs_json *object, const char *key,
                     const char *text)
{
    if (text == NULL)
        return 0;
    return llmobs_json_set(object, key, llmobs_json_string(text));
}

void llmobs_json_unset(struct llmobs_json *object, const char *key)
{
    if (key != NULL)
        (void)json_object_del(in(object), key);
}

struct llmobs_json *llmobs_json_get(const struct llmobs_json *object,
                                    const char *key)
{
    return key != NULL ? out(json_object_get(in(object), key)) : NULL;
}

struct llmobs_json *llmobs_json_at(const struct llmobs_json *array, size_t i)
{
    return out(json_array_get(in(array), i));
}

size_t llmobs_json_len(const struct llmobs_json *json)
{
    return llmobs_json_is_array(json) ? json_array_size(in(json))
                                      : json_object_size(in(json));
}

const char *llmobs_json_text(const struct llmobs_json *json)
{
    return json_string_value(in(json));
}

const char *llmobs_json_gets(const struct llmobs_json *object, const char *key)
{
    return llmobs_json_text(llmobs_json_get(object, key));
}

bool llmobs_json_is_object(const struct llmobs_json *json)
{
    return json_is_object(in(json));
}

bool llmobs_json_is_array(const struct llmobs_json *json)
{
    return json_is_array(in(json));
}

bool llmobs_json_is_string(const struct llmobs_json *json)
{
    return json_is_string(in(json));
}

bool llmobs_json_is_int(const struct llmobs_json *json)
{
    return json_is_integer(in(json));
}

bool llmobs_json_is_number(const struct llmobs_json *json)
{
    return json_is_number(in(json));
}

bool llmobs_json_is_null(const struct llmobs_json *json)
{
    return json_is_null(in(json));
}

bool llmobs_json_is_true(const struct llmobs_json *json)
{
    return json_is_true(in(json));
}

bool llmobs_json_is_false(const struct llmobs_json *json)
{
    return json_is_false(in(json));
}

int64_t llmobs_json_to_int(const struct llmobs_json *json)
{
    return json_integer_value(in(json));
}

double llmobs_json_to_real(const struct llmobs_json *json)
{
    return json_number_value(in(json));
}

void *llmobs_json_iter(const struct llmobs_json *object)
{
    return json_object_iter(in(object));
}

void *llmobs_json_next(const struct llmobs_json *object, void *iter)
{
    return json_object_iter_next(in(object), iter);
}

const char *llmobs_json_iter_key(void *iter)
{
    return json_object_iter_key(iter);
}

struct llmobs_json *llmobs_json_iter_value(void *iter)
{
    return out(json_object_iter_value(iter));
}

/* Writing. A container that is being written is a frame; its members wait in
 * one list that all open objects share as a stack. */
struct member {
    const char *key; /* NULL in an array */
    json_t *value;
};

struct frame {
    json_t *value;
    size_t first; /* of its members in the list; arrays have none there */
    size_t count;
    size_t next;
};

struct dump {
    struct llmobs_buf *buf;
    unsigned flags;
    struct frame *frames;
    size_t frame_count;
    size_t frame_cap;
    struct member *members;
    size_t member_count;
    size_t member_cap;
};

static int grow(void **list, size_t *cap, size_t need, size_t size)
{
    size_t more = *cap < 16 ? 16 : *cap;
    void *grown;

    if (need <= *cap)
        return 0;
    while (more < need)
        more *= 2;
    grown = realloc(*list, more * size);
    if (grown == NULL)
        return -ENOMEM;
    *list = grown;
    *cap = more;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;

    return strcmp(left->key, right->key);
}

/* Bytes that stand for themselves between the quotes. */
static bool is_verbatim(unsigned char byte, unsigned flags)
{
    if (byte < 0x20 || byte == '"' || byte == '\\')
        return false;
    return byte < 0x7F || (flags & LLMOBS_JSON_ASCII) == 0;
}

static int dump_unit(struct llmobs_buf *buf, uint32_t unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u'};

    for (size_t i = 0; i < 4; i++)
        text[5 - i] = hex[unit >> (4 * i) & 0xF];
    return llmobs_buf_add(buf, text, sizeof(text));
}

/* Writes the character at the start of `text` as an escape; answers its bytes
 * or an error. */
static int dump_escape(struct llmobs_buf *buf, struct llmobs_text text)
{
    static const char plain[] = "\"\\\n\t\r\b\f";
    static const char letter[] = "\"\\ntrbf";
    uint32_t point = 0xFFFD;
    size_t len = llmobs_utf8_decode(text, &point);
    const char *found =
        point != 0 && point < 0x80 ? strchr(plain, (int)point) : NULL;
    char escape[2] = {'\\'};
    int rc;

    if (!llmobs_work_do(LLMOBS_WORK_ODD))
        return -ENOMEM;
    if (found != NULL) {
        escape[1] = letter[found - plain];
        rc = llmobs_buf_add(buf, escape, 2);
    } else if (point >= 0x10000) {
        rc = dump_unit(buf, 0xD800 + ((point - 0x10000) >> 10));
        if (rc == 0)
            rc = dump_unit(buf, 0xDC00 + (point & 0x3FF));
    } else {
        rc = dump_unit(buf, point);
    }
    return rc != 0 ? rc : len > 0 ? (int)len : 1;
}

static int dump_text(struct dump *d, struct llmobs_text text)
{
    int rc = llmobs_buf_addc(d->buf, '"');
    size_t at = 0;

    if (rc == 0 && !llmobs_work_do(text.len))
        rc = -ENOMEM;
    while (rc >= 0 && at < text.len) {
        size_t run = at;

        run += llmobs_json_plain_run(text.data + run, text.len - run);
        while (run < text.len &&
               is_verbatim((unsigned char)text.data[run], d->flags))
            run++;
        rc = llmobs_buf_add(d->buf, text.data + at, run - at);
        at = run;
        if (rc == 0 && at < text.len) {
            struct llmobs_text rest = {text.data + at, text.len - at};

            rc = dump_escape(d->buf, rest);
            at += rc > 0 ? (size_t)rc : 0;
        }
    }
    return rc < 0 ? rc : llmobs_buf_addc(d->buf, '"');
}

static int collect(struct dump *d, struct frame *frame)
{
    size_t need = d->member_count + frame->count;
    void *list = d->members;
    bool sorted = true;
    int rc = grow(&list, &d->member_cap, need, sizeof(*d->members));
    struct member *members;

    d->members = list;
    if (rc != 0 || frame->count == 0)
        return rc;
    members = d->members + d->member_count;
    for (void *it = json_object_iter(frame->value); it != NULL;
         it = json_object_iter_next(frame->value, it)) {
        members->key = json_object_iter_key(it);
        members->value = json_object_iter_value(it);
        if (members > d->members + d->member_count &&
            by_key(members - 1, members) > 0)
            sorted = false;
        members++;
    }
    if (!sorted && (d->flags & LLMOBS_JSON_KEEP_ORDER) == 0)
        qsort(d->members + d->member_count, frame->count, sizeof(*members),
              by_key);
    d->member_count = need;
    return 0;
}

static int dump_open(struct dump *d, json_t *value)
{
    bool object = json_is_object(value);
    void *list = d->frames;
    struct frame *frame;
    int rc;

    if (d->frame_count == DUMP_DEPTH_MAX)
        return -E2BIG;
    rc = grow(&list, &d->frame_cap, d->frame_count + 1, sizeof(*d->frames));
    d->frames = list;
    if (rc != 0)
        return rc;
    frame = &d->frames[d->frame_count++];
    frame->value = value;
    frame->first = d->member_count;
    frame->count = object ? json_object_size(value) : json_array_size(value);
    frame->next = 0;
    if (object)
        rc = collect(d, frame);
    return rc != 0 ? rc : llmobs_buf_addc(d->buf, object ? '{' : '[');
}

static int dump_scalar(struct dump *d, json_t *value)
{
    char number[LLMOBS_DECIMAL_MAX];
    struct llmobs_text text;

    switch (json_typeof(value)) {
    case JSON_STRING:
        text.data = json_string_value(value);
        text.len = json_string_length(value);
        return dump_text(d, text);
    case JSON_INTEGER:
        return llmobs_buf_addf(d->buf, "%" PRId64,
                               (int64_t)json_integer_value(value));
    case JSON_REAL:
        (void)llmobs_decimal_write(json_real_value(value), number);
        return llmobs_buf_adds(d->buf, number);
    case JSON_TRUE:
        return llmobs_buf_adds(d->buf, "true");
    case JSON_FALSE:
        return llmobs_buf_adds(d->buf, "false");
    default:
        return llmobs_buf_adds(d->buf, "null");
    }
}

static int dump_value(struct dump *d, json_t *value)
{
    if (json_is_object(value) || json_is_array(value))
        return dump_open(d, value);
    return dump_scalar(d, value);
}

/* The next member of the innermost container, or its end. */
static int dump_next(struct dump *d)
{
    struct frame *frame = &d->frames[d->frame_count - 1];
    bool object = json_is_object(frame->value);
    struct member member = {NULL, NULL};
    struct llmobs_text key;
    int rc = llmobs_work_do(LLMOBS_WORK_ODD) ? 0 : -ENOMEM;

    if (frame->next == frame->count) {
        d->member_count = frame->first;
        d->frame_count--;
        return llmobs_buf_addc(d->buf, object ? '}' : ']');
    }
    if (frame->next > 0)
        rc = llmobs_buf_add(d->buf, ", ", 2);
    if (object)
        member = d->members[frame->first + frame->next];
    else
        member.value = json_array_get(frame->value, frame->next);
    frame->next++;
    if (object && rc == 0) {
        key.data = member.key;
        key.len = strlen(member.key);
        rc = dump_text(d, key);
        if (rc == 0)
            rc = llmobs_buf_add(d->buf, ": ", 2);
    }
    return rc != 0 ? rc : dump_value(d, member.value);
}

int llmobs_json_dump(const struct llmobs_json *json, unsigned flags,
                     struct llmobs_buf *buf)
{
    struct dump d = {.buf = buf, .flags = flags};
    size_t before = buf->len;
    int rc = json != NULL ? dump_value(&d, in(json)) : -EINVAL;

    while (rc == 0 && d.frame_count > 0)
        rc = dump_next(&d);
    if (rc != 0)
        llmobs_buf_cut(buf, before);
    free(d.members);
    free(d.frames);
    return rc;
}

char *llmobs_json_dumps(const struct llmobs_json *json, unsigned flags)
{
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, DUMPS_MAX);
    if (llmobs_json_dump(json, flags, &buf) != 0)
        llmobs_buf_fini(&buf);
    return llmobs_buf_take(&buf, NULL);
}
