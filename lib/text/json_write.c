/* Writes JSON values as text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/work.h"
#include "lib/text/decimal.h"
#include "lib/text/json_clean.h"
#include "lib/text/json_plain.h"
#include "lib/text/json_value.h"

#define DUMP_DEPTH_MAX 1000
#define DUMPS_MAX ((size_t)1 << 30)
#define FEW_MEMBERS 24 /* sorted one by one */

/* Each container that is being written is a level. The members of all open
 * objects wait in one list, which is a stack. */
struct member {
    struct llmobs_text key;
    const struct llmobs_json *value;
};

struct level {
    const struct llmobs_json *value;
    size_t first; /* its first member in the list; not of arrays */
    size_t next;
};

struct dump {
    struct llmobs_buf *buf;
    unsigned flags;
    size_t work; /* steps that were not counted yet */
    struct level *levels;
    size_t level_count;
    size_t level_cap;
    struct member *members;
    size_t member_count;
    size_t member_cap;
    void (*mask)(char *data, size_t len); /* NULL: nothing is masked */
    size_t searched; /* a level all of whose values are searched; 0: none */
    size_t run;      /* where values begin that are not; SIZE_MAX: nowhere */
    bool texts;      /* there is more than brackets among these */
};

static int grow_list(void **list, size_t *cap, size_t need, size_t size)
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

    return strcmp(left->key.data, right->key.data);
}

/* Members often come in their order, or nearly so. */
static void sort_members(struct member *members, size_t count)
{
    if (count > FEW_MEMBERS) {
        qsort(members, count, sizeof(*members), by_key);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member member = members[i];
        size_t to = i;

        for (; to > 0 && by_key(&members[to - 1], &member) > 0; to--)
            members[to] = members[to - 1];
        members[to] = member;
    }
}

static inline int add_text(struct llmobs_buf *buf, const char *text, size_t len)
{
    if (len >= buf->cap - buf->len)
        return llmobs_buf_add(buf, text, len);
    memcpy(buf->data + buf->len, text, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
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
static int dump_escape(struct dump *d, struct llmobs_text text)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    struct llmobs_buf *buf = d->buf;
    uint32_t point = 0xFFFD;
    size_t len = llmobs_utf8_decode(text, &point);
    char escape[2] = {'\\'};
    int rc;

    if (!llmobs_work_some(&d->work, LLMOBS_WORK_ODD))
        return -ENOMEM;
    if (point < sizeof(letters) && letters[point] != 0) {
        escape[1] = letters[point];
        rc = add_text(buf, escape, 2);
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
    int rc = add_text(d->buf, "\"", 1);
    size_t at = 0;

    if (rc == 0 && !llmobs_work_some(&d->work, text.len))
        rc = -ENOMEM;
    while (rc >= 0 && at < text.len) {
        struct llmobs_text rest = {text.data + at, text.len - at};
        size_t run =
            (d->flags & LLMOBS_JSON_ASCII) != 0
                ? llmobs_json_run(rest.data, rest.len, LLMOBS_JSON_STOP_ODD)
                : llmobs_json_run(rest.data, rest.len, LLMOBS_JSON_STOP_QUOTE);

        rc = add_text(d->buf, rest.data, run);
        at += run;
        if (rc == 0 && at < text.len) {
            rest.data += run;
            rest.len -= run;
            rc = dump_escape(d, rest);
            at += rc > 0 ? (size_t)rc : 0;
        }
    }
    return rc < 0 ? rc : add_text(d->buf, "\"", 1);
}

static int collect_members(struct dump *d, const struct llmobs_json *object)
{
    size_t count = object->len, need = d->member_count + count;
    void *list = d->members;
    int rc = grow_list(&list, &d->member_cap, need, sizeof(*d->members));
    struct member *members;

    d->members = list;
    if (rc != 0 || count == 0)
        return rc;
    members = d->members + d->member_count;
    for (struct llmobs_json_member *m = llmobs_json_iter(object); m != NULL;
         m = llmobs_json_member_from(object, m + 1))
        *members++ = (struct member){{m->key, m->len}, m->value};
    if ((d->flags & LLMOBS_JSON_KEEP_ORDER) == 0)
        sort_members(d->members + d->member_count, count);
    d->member_count = need;
    return 0;
}

/* Masks the texts from the run's beginning to `end`, and ends it. */
static void end_run(struct dump *d, size_t end)
{
    if (d->texts)
        d->mask(d->buf->data + d->run, end - d->run);
    d->run = SIZE_MAX;
    d->texts = false;
}

/* Begins a run, or goes on with it, at a value whose name is written at `at`;
 * ends it before a value that is searched. */
static void mark_run(struct dump *d, const struct llmobs_json *value, size_t at)
{
    bool container = value->type < LLMOBS_JSON_STRING;

    if (d->mask == NULL || d->searched)
        return;
    if (value->searched) {
        end_run(d, at);
        d->searched = container ? d->level_count + 1 : 0;
        return;
    }
    if (d->run == SIZE_MAX)
        d->run = at;
    d->texts |= !container;
}

static int dump_value(struct dump *d, const struct llmobs_json *value)
{
    char number[LLMOBS_DECIMAL_MAX];

    switch (value->type) {
    case LLMOBS_JSON_OBJECT:
    case LLMOBS_JSON_ARRAY: {
        bool object = value->type == LLMOBS_JSON_OBJECT;
        void *list = d->levels;
        struct level *level;
        int rc;

        if (d->level_count == DUMP_DEPTH_MAX)
            return -E2BIG;
        rc = grow_list(&list, &d->level_cap, d->level_count + 1,
                       sizeof(*d->levels));
        d->levels = list;
        if (rc != 0)
            return rc;
        level = &d->levels[d->level_count++];
        level->value = value;
        level->first = d->member_count;
        level->next = 0;
        if (object)
            rc = collect_members(d, value);
        return rc != 0 ? rc : add_text(d->buf, object ? "{" : "[", 1);
    }
    case LLMOBS_JSON_STRING:
        return dump_text(
            d, (struct llmobs_text){llmobs_json_bytes(value), value->len});
    case LLMOBS_JSON_INT:
        return add_text(d->buf, number,
                        llmobs_decimal_write_int(value->whole, number));
    case LLMOBS_JSON_REAL:
        return add_text(d->buf, number,
                        llmobs_decimal_write(value->real, number));
    case LLMOBS_JSON_TRUE:
        return add_text(d->buf, "true", 4);
    case LLMOBS_JSON_FALSE:
        return add_text(d->buf, "false", 5);
    default:
        return add_text(d->buf, "null", 4);
    }
}

/* Writes the next member of the innermost container, or its end. */
static int dump_next(struct dump *d)
{
    struct level *level = &d->levels[d->level_count - 1];
    const struct llmobs_json *value;
    bool object = level->value->type == LLMOBS_JSON_OBJECT;
    size_t next = level->next;
    int rc = 0;

    if (!llmobs_work_some(&d->work, LLMOBS_WORK_ODD))
        return -ENOMEM;
    if (next == level->value->len) {
        d->member_count = level->first;
        d->searched = d->searched == d->level_count ? 0 : d->searched;
        d->level_count--;
        return add_text(d->buf, object ? "}" : "]", 1);
    }
    level->next++;
    if (next > 0)
        rc = add_text(d->buf, ", ", 2);
    if (rc != 0)
        return rc;
    value = object ? d->members[level->first + next].value
                   : llmobs_json_at(level->value, next);
    mark_run(d, value, d->buf->len);
    if (object)
        rc = dump_text(d, d->members[level->first + next].key);
    if (object && rc == 0)
        rc = add_text(d->buf, ": ", 2);
    return rc == 0 ? dump_value(d, value) : rc;
}

int llmobs_json_dump_masked(const struct llmobs_json *json, unsigned flags,
                            struct llmobs_buf *buf,
                            void (*mask)(char *data, size_t len))
{
    struct dump d = {.buf = buf, .flags = flags, .mask = mask, .run = SIZE_MAX};
    size_t before = buf->len;
    int rc = json != NULL ? 0 : -EINVAL;

    if (rc == 0) {
        mark_run(&d, json, before);
        rc = dump_value(&d, json);
    }
    while (rc == 0 && d.level_count > 0)
        rc = dump_next(&d);
    if (rc == 0)
        end_run(&d, buf->len);
    if (rc == 0 && !llmobs_work_do(d.work))
        rc = -ENOMEM;
    if (rc != 0)
        llmobs_buf_cut(buf, before);
    free(d.members);
    free(d.levels);
    return rc;
}

int llmobs_json_dump(const struct llmobs_json *json, unsigned flags,
                     struct llmobs_buf *buf)
{
    return llmobs_json_dump_masked(json, flags, buf, NULL);
}

char *llmobs_json_dumps(const struct llmobs_json *json, unsigned flags)
{
    struct llmobs_buf buf;

    llmobs_buf_init(&buf, DUMPS_MAX);
    if (llmobs_json_dump(json, flags, &buf) != 0)
        llmobs_buf_fini(&buf);
    return llmobs_buf_take(&buf, NULL);
}
