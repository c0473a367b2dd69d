#include "core/text/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "core/base/scratch.h"
#include "core/base/work.h"
#include "core/text/json_clean.h"
#include "core/text/json_plain.h"
#include "core/text/decimal.h"

#define BIG_OBJECT 4096 /* members */
#define DUMP_DEPTH_MAX 1000
#define DUMPS_MAX ((size_t)1 << 30)

static json_t *unwrap(const struct llmobs_json *json)
{
    return (json_t *)(uintptr_t)json;
}

static struct llmobs_json *wrap(json_t *json)
{
    return (struct llmobs_json *)json;
}

/* Without a seed the library opens /dev/urandom for its hash tables. The kernel
 * gives every process random bytes at its start: these are the seed. */
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

/* ---- reading ---------------------------------------------------------- */

/* Makes values of a text that json_clean has passed, and so does not check the
 * grammar again. The library's own reader takes 140 instructions for each byte
 * of a string, a dozen times as many as this one. */
struct builder {
    const char *at, *end;
    struct llmobs_json *root;
    struct llmobs_json *open[LLMOBS_JSON_DEPTH_MAX]; /* owned by the root */
    size_t depth;
    struct llmobs_buf key;
    bool has_key; /* its value comes next */
    struct llmobs_buf text;
};

/* Takes the value. */
static int put(struct builder *b, struct llmobs_json *value)
{
    struct llmobs_json *in = b->depth > 0 ? b->open[b->depth - 1] : NULL;

    if (value == NULL)
        return -ENOMEM;
    if (in == NULL) {
        b->root = value;
        return 0;
    }
    if (!b->has_key)
        return llmobs_json_add(in, value);
    b->has_key = false;
    return llmobs_json_set(in, b->key.data, value);
}

/* Reads the digits of a \u escape, and moves behind them. */
static uint32_t read_unit(struct builder *b)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char byte = (unsigned char)*b->at++;
        unsigned value = byte <= '9' ? byte : (byte | 0x20u) - 'a' + 10u;

        unit = unit << 4 | (value & 0xF);
    }
    return unit;
}

static size_t encode_utf8(uint32_t point, char out[4])
{
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (point & 0x3Fu));
        point >>= 6;
    }
    out[0] = (char)(first[len < 2 ? 0 : len] | point);
    return len;
}

static int read_escape(struct builder *b, struct llmobs_buf *out)
{
    static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    char name = b->at[1];
    const char *known = strchr(names, name);
    char wide[4];
    uint32_t point;

    b->at += 2;
    if (name != 'u')
        return llmobs_buf_addc(out, known ? bytes[known - names] : name);
    point = read_unit(b);
    if (point >= 0xD800 && point <= 0xDBFF) {
        b->at += 2;
        point = 0x10000 + ((point - 0xD800) << 10) + (read_unit(b) - 0xDC00);
    }
    return llmobs_buf_add(out, wide, encode_utf8(point, wide));
}

static size_t plain_run(const struct builder *b)
{
    const char *at = b->at;

    at += llmobs_json_plain_run(at, (size_t)(b->end - at));
    while (at < b->end && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - b->at);
}

static int read_string(struct builder *b, struct llmobs_buf *out)
{
    int rc = 0;

    llmobs_buf_cut(out, 0);
    b->at++;
    while (rc == 0) {
        size_t run = plain_run(b);

        rc = llmobs_buf_add(out, b->at, run);
        b->at += run;
        if (*b->at == '"')
            break;
        if (rc == 0)
            rc = read_escape(b, out);
    }
    b->at++;
    return rc == 0 ? 0 : -ENOMEM;
}

static struct llmobs_json *read_int(const char *text)
{
    bool negative = text[0] == '-';
    uint64_t number = 0;

    for (const char *at = text + negative; *at != '\0'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return llmobs_json_int((int64_t)(negative ? -number : number));
}

/* strtod takes the decimal point from the thread's locale. */
static struct llmobs_json *read_real(const char *text)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    double number = strtod(text, NULL);

    if (plain != (locale_t)0) {
        (void)uselocale(old);
        freelocale(plain);
    }
    return llmobs_json_real(number);
}

static int build_number(struct builder *b)
{
    const char *first = b->at;
    const char *digits;

    while (b->at < b->end && *b->at != '\0' &&
           strchr("0123456789+-.eE", *b->at) != NULL)
        b->at++;
    llmobs_buf_cut(&b->text, 0);
    if (llmobs_buf_add(&b->text, first, (size_t)(b->at - first)) != 0)
        return -ENOMEM;
    digits = b->text.data;
    return put(b,
               strpbrk(digits, ".eE") ? read_real(digits) : read_int(digits));
}

static int build_word(struct builder *b, size_t len, struct llmobs_json *value)
{
    b->at += len;
    return put(b, value);
}

static int build_string(struct builder *b)
{
    bool key = b->depth > 0 && !b->has_key &&
               llmobs_json_is_object(b->open[b->depth - 1]);
    int rc = read_string(b, key ? &b->key : &b->text);

    b->has_key |= key;
    if (key || rc != 0)
        return rc;
    return put(b, llmobs_json_stringn(b->text.data, b->text.len));
}

static int open_container(struct builder *b, struct llmobs_json *value)
{
    int rc = build_word(b, 1, value);

    if (rc == 0)
        b->open[b->depth++] = value;
    return rc;
}

static int build_next(struct builder *b)
{
    switch (*b->at) {
    case '{':
        return open_container(b, llmobs_json_object());
    case '[':
        return open_container(b, llmobs_json_array());
    case '"':
        return build_string(b);
    case 't':
        return build_word(b, 4, llmobs_json_bool(true));
    case 'f':
        return build_word(b, 5, llmobs_json_bool(false));
    case 'n':
        return build_word(b, 4, llmobs_json_null());
    case '}':
    case ']':
        b->depth--;
        break;
    case ',':
    case ':':
    case ' ':
    case '\t':
    case '\n':
    case '\r':
        break;
    default:
        return build_number(b);
    }
    b->at++;
    return 0;
}

static int build(struct llmobs_text clean, struct llmobs_json **out)
{
    struct builder *b = llmobs_scratch_take(sizeof(*b));
    int rc = 0;

    *out = NULL;
    if (!b)
        return -ENOMEM;
    b->at = clean.data;
    b->end = clean.data + clean.len;
    b->root = NULL;
    b->depth = 0;
    b->has_key = false;
    llmobs_buf_init(&b->key, clean.len);
    llmobs_buf_init(&b->text, clean.len);
    while (rc == 0 && b->at < b->end)
        rc = build_next(b);
    llmobs_buf_fini(&b->key);
    llmobs_buf_fini(&b->text);
    if (rc != 0)
        llmobs_json_free(b->root);
    else
        *out = b->root;
    llmobs_scratch_give(b);
    return rc;
}

int llmobs_json_parse(struct llmobs_text text, struct llmobs_json **json)
{
    struct llmobs_buf scratch;
    struct llmobs_text clean;
    int rc;

    *json = NULL;
    rc = llmobs_json_clean(text, &scratch, &clean);
    if (rc == 0)
        rc = build(clean, json);
    llmobs_buf_fini(&scratch);
    return rc;
}

/* ---- values ----------------------------------------------------------- */

struct llmobs_json *llmobs_json_object(void)
{
    seed_once();
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? wrap(json_object()) : NULL;
}

struct llmobs_json *llmobs_json_array(void)
{
    return llmobs_work_do(LLMOBS_WORK_VALUE) ? wrap(json_array()) : NULL;
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
    return wrap(json);
}

struct llmobs_json *llmobs_json_int(int64_t number)
{
    return wrap(json_integer(number));
}

struct llmobs_json *llmobs_json_real(double number)
{
    /* The difference is 0 for a finite number alone. */
    return wrap(number - number == 0 ? json_real(number) : json_null());
}

struct llmobs_json *llmobs_json_bool(bool value)
{
    return wrap(json_boolean(value));
}

struct llmobs_json *llmobs_json_null(void)
{
    return wrap(json_null());
}

struct llmobs_json *llmobs_json_share(struct llmobs_json *json)
{
    return wrap(json_incref(unwrap(json)));
}

/* Counts the values. The maker of the values bounds their depth, and a level
 * takes less stack here than in the copy that follows. */
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
    return wrap(json_deep_copy(unwrap(json)));
}

void llmobs_json_free(struct llmobs_json *json)
{
    json_decref(unwrap(json));
}

/* The hash table of a big object does not fit into the processor's cache, and
 * is slow. */
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
        /* Either way it ends in a NUL: a repaired text, and the key itself. */
        rc = json_object_set_new_nocheck(unwrap(object), clean.data,
                                         unwrap(value));
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
    return json_array_append_new(unwrap(array), unwrap(value)) != 0 ? -ENOMEM
                                                                    : 0;
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
        (void)json_object_del(unwrap(object), key);
}

struct llmobs_json *llmobs_json_get(const struct llmobs_json *object,
                                    const char *key)
{
    return key != NULL ? wrap(json_object_get(unwrap(object), key)) : NULL;
}

struct llmobs_json *llmobs_json_at(const struct llmobs_json *array, size_t i)
{
    return wrap(json_array_get(unwrap(array), i));
}

size_t llmobs_json_len(const struct llmobs_json *json)
{
    return llmobs_json_is_array(json) ? json_array_size(unwrap(json))
                                      : json_object_size(unwrap(json));
}

const char *llmobs_json_text(const struct llmobs_json *json)
{
    return json_string_value(unwrap(json));
}

const char *llmobs_json_gets(const struct llmobs_json *object, const char *key)
{
    return llmobs_json_text(llmobs_json_get(object, key));
}

bool llmobs_json_is_object(const struct llmobs_json *json)
{
    return json_is_object(unwrap(json));
}

bool llmobs_json_is_array(const struct llmobs_json *json)
{
    return json_is_array(unwrap(json));
}

bool llmobs_json_is_string(const struct llmobs_json *json)
{
    return json_is_string(unwrap(json));
}

bool llmobs_json_is_int(const struct llmobs_json *json)
{
    return json_is_integer(unwrap(json));
}

bool llmobs_json_is_number(const struct llmobs_json *json)
{
    return json_is_number(unwrap(json));
}

bool llmobs_json_is_null(const struct llmobs_json *json)
{
    return json_is_null(unwrap(json));
}

bool llmobs_json_is_true(const struct llmobs_json *json)
{
    return json_is_true(unwrap(json));
}

bool llmobs_json_is_false(const struct llmobs_json *json)
{
    return json_is_false(unwrap(json));
}

int64_t llmobs_json_to_int(const struct llmobs_json *json)
{
    return json_integer_value(unwrap(json));
}

double llmobs_json_to_real(const struct llmobs_json *json)
{
    return json_number_value(unwrap(json));
}

void *llmobs_json_iter(const struct llmobs_json *object)
{
    return json_object_iter(unwrap(object));
}

void *llmobs_json_next(const struct llmobs_json *object, void *iter)
{
    return json_object_iter_next(unwrap(object), iter);
}

const char *llmobs_json_iter_key(void *iter)
{
    return json_object_iter_key(iter);
}

struct llmobs_json *llmobs_json_iter_value(void *iter)
{
    return wrap(json_object_iter_value(iter));
}

/* ---- writing ---------------------------------------------------------- */

/* Each container that is being written is a level. The members of all open
 * objects wait in one list, which is a stack. */
struct member {
    const char *key; /* NULL in an array */
    json_t *value;
};

struct level {
    json_t *value;
    size_t first; /* of its members in the list; arrays have none there */
    size_t count;
    size_t next;
};

struct dump {
    struct llmobs_buf *buf;
    unsigned flags;
    struct level *levels;
    size_t level_count;
    size_t level_cap;
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

/* True for a byte that stands for itself between the quotes. */
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

static int collect(struct dump *d, struct level *level)
{
    size_t need = d->member_count + level->count;
    void *list = d->members;
    bool sorted = true;
    int rc = grow(&list, &d->member_cap, need, sizeof(*d->members));
    struct member *members;

    d->members = list;
    if (rc != 0 || level->count == 0)
        return rc;
    members = d->members + d->member_count;
    for (void *it = json_object_iter(level->value); it != NULL;
         it = json_object_iter_next(level->value, it)) {
        members->key = json_object_iter_key(it);
        members->value = json_object_iter_value(it);
        if (members > d->members + d->member_count &&
            by_key(members - 1, members) > 0)
            sorted = false;
        members++;
    }
    if (!sorted && (d->flags & LLMOBS_JSON_KEEP_ORDER) == 0)
        qsort(d->members + d->member_count, level->count, sizeof(*members),
              by_key);
    d->member_count = need;
    return 0;
}

static int dump_open(struct dump *d, json_t *value)
{
    bool object = json_is_object(value);
    void *list = d->levels;
    struct level *level;
    int rc;

    if (d->level_count == DUMP_DEPTH_MAX)
        return -E2BIG;
    rc = grow(&list, &d->level_cap, d->level_count + 1, sizeof(*d->levels));
    d->levels = list;
    if (rc != 0)
        return rc;
    level = &d->levels[d->level_count++];
    level->value = value;
    level->first = d->member_count;
    level->count = object ? json_object_size(value) : json_array_size(value);
    level->next = 0;
    if (object)
        rc = collect(d, level);
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

/* Writes the next member of the innermost container, or its end. */
static int dump_next(struct dump *d)
{
    struct level *level = &d->levels[d->level_count - 1];
    bool object = json_is_object(level->value);
    struct member member = {NULL, NULL};
    struct llmobs_text key;
    int rc = llmobs_work_do(LLMOBS_WORK_ODD) ? 0 : -ENOMEM;

    if (level->next == level->count) {
        d->member_count = level->first;
        d->level_count--;
        return llmobs_buf_addc(d->buf, object ? '}' : ']');
    }
    if (level->next > 0)
        rc = llmobs_buf_add(d->buf, ", ", 2);
    if (object)
        member = d->members[level->first + level->next];
    else
        member.value = json_array_get(level->value, level->next);
    level->next++;
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
    int rc = json != NULL ? dump_value(&d, unwrap(json)) : -EINVAL;

    while (rc == 0 && d.level_count > 0)
        rc = dump_next(&d);
    if (rc != 0)
        llmobs_buf_cut(buf, before);
    free(d.members);
    free(d.levels);
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
