/* Writes OTLP messages as protobuf or JSON. */
#include "core/export/writer.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/export/letters.h"
#include "lib/text/decimal.h"
#include "lib/text/json_clean.h"

#define VARINT_MAX 10
#define PADDED 4                             /* bytes of a padded length */
#define LENGTH_MAX ((size_t)1 << 7 * PADDED) /* no message is as long */
#define DIGITS_MAX 20
#define NUMBER_MAX LLMOBS_DECIMAL_MAX /* bytes of a number as text */

/* -- bytes ---------------------------------------------------------------- */

/* Gives the place for `len` more bytes; NULL: an error is set. */
static char *writer_room(struct llmobs_otlp_writer *w, size_t len)
{
    struct llmobs_buf *out = w->out;

    if (w->error)
        return NULL;
    if (out->cap - out->len <= len)
        llmobs_otlp_fail(w, llmobs_buf_reserve(out, len));
    return w->error ? NULL : out->data + out->len;
}

/* Counts the bytes up to `to`, which the caller has written at that place. */
static void wrote(struct llmobs_otlp_writer *w, const char *to)
{
    w->out->len = (size_t)(to - w->out->data);
}

static __attribute__((noinline)) void add(struct llmobs_otlp_writer *w,
                                          const char *bytes, size_t len)
{
    char *to = writer_room(w, len);

    if (!to)
        return;
    memcpy(to, bytes, len);
    wrote(w, to + len);
}

static void add_letters(struct llmobs_otlp_writer *w,
                        enum llmobs_quoting quoting, struct llmobs_text text)
{
    if (w->error == 0)
        llmobs_otlp_fail(w, llmobs_letters_add(w->out, quoting, text));
}

/* -- protobuf -------------------------------------------------------------- */

static char *put_varint(char *to, uint64_t number)
{
    while (number >= 0x80) {
        *to++ = (char)(number | 0x80);
        number >>= 7;
    }
    *to++ = (char)number;
    return to;
}

static char *put_tag(char *to, struct llmobs_otlp_field field,
                     enum llmobs_otlp_wire wire)
{
    return put_varint(to, (uint64_t)field.number << 3 | wire);
}

static char *put_fixed64(char *to, uint64_t number)
{
    number = htole64(number);
    memcpy(to, &number, sizeof(number));
    return to + sizeof(number);
}

static void add_varint(struct llmobs_otlp_writer *w,
                       struct llmobs_otlp_field field, uint64_t number)
{
    char *to = writer_room(w, 2 * VARINT_MAX);

    if (to)
        wrote(w, put_varint(put_tag(to, field, WIRE_VARINT), number));
}

static void add_fixed64(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field, uint64_t number)
{
    char *to = writer_room(w, VARINT_MAX + sizeof(number));

    if (to)
        wrote(w, put_fixed64(put_tag(to, field, WIRE_FIXED64), number));
}

/* Writes tag and length of a field of `len` bytes, and makes room for these. */
static char *begin_bytes(struct llmobs_otlp_writer *w,
                         struct llmobs_otlp_field field, size_t len)
{
    char *to;

    if (len >= LENGTH_MAX)
        llmobs_otlp_fail(w, -EFBIG);
    to = writer_room(w, 2 * VARINT_MAX + len);
    return to ? put_varint(put_tag(to, field, WIRE_BYTES), len) : NULL;
}

static void open_padded(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field)
{
    char *to = writer_room(w, VARINT_MAX + PADDED);

    if (!to)
        return;
    to = put_tag(to, field, WIRE_BYTES);
    wrote(w, to + PADDED);
    if (w->out->len > UINT32_MAX)
        llmobs_otlp_fail(w, -EFBIG);
    w->at[w->depth] = (uint32_t)w->out->len;
}

static void close_padded(struct llmobs_otlp_writer *w)
{
    char *to = w->out->data + w->at[w->depth] - PADDED;
    size_t length = w->out->len - w->at[w->depth];

    if (length >= LENGTH_MAX) {
        llmobs_otlp_fail(w, -EFBIG);
        return;
    }
    for (int i = 0; i < PADDED; i++) {
        to[i] = (char)((length & 0x7F) | (i < PADDED - 1 ? 0x80 : 0));
        length >>= 7;
    }
}

/* -- JSON ------------------------------------------------------------------ */

/* Counts a member of the level; true where it needs a comma before it. */
static bool is_next(struct llmobs_otlp_writer *w)
{
    uint64_t level = UINT64_C(1) << w->depth;
    bool next = (w->any & level) != 0;

    w->any |= level;
    return next;
}

/* Writes the name of a member, and the mark behind it. */
static void add_name(struct llmobs_otlp_writer *w,
                     struct llmobs_otlp_field field, char mark)
{
    size_t len = strlen(field.name);
    char *to = writer_room(w, len + 5);

    if (!to)
        return;
    if (is_next(w))
        *to++ = ',';
    *to++ = '"';
    memcpy(to, field.name, len);
    to += len;
    *to++ = '"';
    *to++ = ':';
    if (mark)
        *to++ = mark;
    wrote(w, to);
}

static void add_number(struct llmobs_otlp_writer *w, uint64_t number,
                       bool negative, bool quoted)
{
    char text[DIGITS_MAX + 3];
    char *end = text + sizeof(text), *head = quoted ? end - 1 : end;

    if (negative)
        number = UINT64_C(0) - number;
    do {
        *--head = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (negative)
        *--head = '-';
    if (quoted)
        end[-1] = *--head = '"';
    add(w, head, (size_t)(end - head));
}

static void add_decimal(struct llmobs_otlp_writer *w, double number)
{
    char text[NUMBER_MAX];

    add(w, text, llmobs_decimal_write(number, text));
}

/* -- levels ---------------------------------------------------------------- */

void llmobs_otlp_begin(struct llmobs_otlp_writer *w, struct llmobs_buf *out,
                       bool json)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
    w->start = out->len;
    w->json = json;
    if (json)
        add(w, "{", 1);
}

int llmobs_otlp_end(struct llmobs_otlp_writer *w)
{
    if (w->depth > 0)
        llmobs_otlp_fail(w, -EINVAL);
    if (w->json)
        add(w, "}", 1);
    if (w->error)
        llmobs_buf_cut(w->out, w->start);
    else if (w->out->data)
        w->out->data[w->out->len] = '\0';
    return w->error;
}

/* Goes one level deeper; false: an error is set. */
static bool descend(struct llmobs_otlp_writer *w, bool list)
{
    if (w->depth + 1 >= LLMOBS_OTLP_LEVELS)
        llmobs_otlp_fail(w, -E2BIG);
    if (w->error)
        return false;
    w->depth++;
    w->any &= ~(UINT64_C(1) << w->depth);
    w->lists &= ~(UINT64_C(1) << w->depth);
    w->lists |= (uint64_t)list << w->depth;
    return true;
}

/* Goes back out of a level of the kind that the caller means. */
static bool ascend(struct llmobs_otlp_writer *w, bool list)
{
    if (w->depth == 0 || (w->lists >> w->depth & 1) != list)
        llmobs_otlp_fail(w, -EINVAL);
    return w->error == 0;
}

void llmobs_otlp_message(struct llmobs_otlp_writer *w,
                         struct llmobs_otlp_field field)
{
    if (w->json)
        add_name(w, field, '{');
    if (descend(w, false) && !w->json)
        open_padded(w, field);
}

void llmobs_otlp_list(struct llmobs_otlp_writer *w,
                      struct llmobs_otlp_field field)
{
    if (w->json)
        add_name(w, field, '[');
    (void)descend(w, true);
}

void llmobs_otlp_item(struct llmobs_otlp_writer *w,
                      struct llmobs_otlp_field field)
{
    if (w->json) {
        if (is_next(w))
            add(w, ",{", 2);
        else
            add(w, "{", 1);
    }
    if (descend(w, false) && !w->json)
        open_padded(w, field);
}

void llmobs_otlp_close(struct llmobs_otlp_writer *w)
{
    if (!ascend(w, false))
        return;
    if (w->json)
        add(w, "}", 1);
    else
        close_padded(w);
    w->depth--;
}

void llmobs_otlp_close_list(struct llmobs_otlp_writer *w)
{
    if (!ascend(w, true))
        return;
    if (w->json)
        add(w, "]", 1);
    w->depth--;
}

/* -- scalars --------------------------------------------------------------- */

/* Writes a field without bad bytes. False: its text has some; not written. */
static bool try_text(struct llmobs_otlp_writer *w,
                     struct llmobs_otlp_field field, struct llmobs_text text)
{
    size_t before = w->out->len;
    char *to = begin_bytes(w, field, text.len);
    const char *end;

    if (!to)
        return true;
    wrote(w, to);
    end = to + text.len;
    add_letters(w, LLMOBS_QUOTED_NOT, text);
    if (w->error || w->out->data + w->out->len == end)
        return true;
    w->out->len = before;
    return false;
}

void llmobs_otlp_string(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field, struct llmobs_text text)
{
    if (w->json) {
        add_name(w, field, '"');
        add_letters(w, LLMOBS_QUOTED, text);
        add(w, "\"", 1);
    } else if (!try_text(w, field, text)) {
        /* The length of a text with bad bytes is known only at its end. */
        llmobs_otlp_message(w, field);
        add_letters(w, LLMOBS_QUOTED_NOT, text);
        llmobs_otlp_close(w);
    }
}

void llmobs_otlp_hex(struct llmobs_otlp_writer *w,
                     struct llmobs_otlp_field field, const uint8_t *bytes,
                     size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *to;

    if (!w->json) {
        to = begin_bytes(w, field, len);
        if (to)
            wrote(w, (char *)memcpy(to, bytes, len) + len);
        return;
    }
    add_name(w, field, '"');
    to = writer_room(w, 2 * len + 1);
    if (!to)
        return;
    for (size_t i = 0; i < len; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 0xF];
    }
    *to++ = '"';
    wrote(w, to);
}

static void put_big_endian(uint8_t *to, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        to[i] = (uint8_t)number;
}

void llmobs_otlp_put_trace_id(struct llmobs_otlp_writer *w,
                              struct llmobs_otlp_field field,
                              struct llmobs_id128 id)
{
    uint8_t bytes[16];

    put_big_endian(bytes, id.hi);
    put_big_endian(bytes + 8, id.lo);
    llmobs_otlp_hex(w, field, bytes, sizeof(bytes));
}

void llmobs_otlp_put_span_id(struct llmobs_otlp_writer *w,
                             struct llmobs_otlp_field field, uint64_t id)
{
    uint8_t bytes[8];

    put_big_endian(bytes, id);
    llmobs_otlp_hex(w, field, bytes, sizeof(bytes));
}

/* A number that is a varint in protobuf. */
static void add_integer(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field, int64_t number,
                        bool quoted)
{
    if (!w->json) {
        add_varint(w, field, (uint64_t)number);
        return;
    }
    add_name(w, field, '\0');
    add_number(w, (uint64_t)number, number < 0, quoted);
}

void llmobs_otlp_enum(struct llmobs_otlp_writer *w,
                      struct llmobs_otlp_field field, int number)
{
    add_integer(w, field, number, false);
}

void llmobs_otlp_uint32(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field, uint32_t number)
{
    add_integer(w, field, number, false);
}

void llmobs_otlp_int64(struct llmobs_otlp_writer *w,
                       struct llmobs_otlp_field field, int64_t number)
{
    add_integer(w, field, number, true);
}

void llmobs_otlp_bool(struct llmobs_otlp_writer *w,
                      struct llmobs_otlp_field field, bool value)
{
    if (!w->json) {
        add_varint(w, field, value);
        return;
    }
    add_name(w, field, '\0');
    add(w, value ? "true" : "false", value ? 4 : 5);
}

void llmobs_otlp_fixed64(struct llmobs_otlp_writer *w,
                         struct llmobs_otlp_field field, uint64_t number)
{
    if (!w->json) {
        add_fixed64(w, field, number);
        return;
    }
    add_name(w, field, '\0');
    add_number(w, number, false, true);
}

void llmobs_otlp_fixed32(struct llmobs_otlp_writer *w,
                         struct llmobs_otlp_field field, uint32_t number)
{
    uint32_t little = htole32(number);
    char *to;

    if (w->json) {
        add_integer(w, field, number, false);
        return;
    }
    to = writer_room(w, VARINT_MAX + sizeof(little));
    if (!to)
        return;
    to = put_tag(to, field, WIRE_FIXED32);
    memcpy(to, &little, sizeof(little));
    wrote(w, to + sizeof(little));
}

void llmobs_otlp_double(struct llmobs_otlp_writer *w,
                        struct llmobs_otlp_field field, double number)
{
    uint64_t bits;

    if (!isfinite(number))
        return;
    if (!w->json) {
        memcpy(&bits, &number, sizeof(bits));
        add_fixed64(w, field, bits);
        return;
    }
    add_name(w, field, '\0');
    add_decimal(w, number);
}

/* Numbers of 64 bits, integers or doubles. */
static void add_packed(struct llmobs_otlp_writer *w,
                       struct llmobs_otlp_field field, const void *numbers,
                       size_t count)
{
    char *to = begin_bytes(w, field, count * sizeof(uint64_t));
    uint64_t bits;

    for (size_t i = 0; to && i < count; i++) {
        memcpy(&bits, (const char *)numbers + i * sizeof(bits), sizeof(bits));
        to = put_fixed64(to, bits);
    }
    if (to)
        wrote(w, to);
}

static void end_numbers(struct llmobs_otlp_writer *w, size_t count)
{
    if (count == 0)
        add(w, "[", 1);
    add(w, "]", 1);
}

void llmobs_otlp_fixed64s(struct llmobs_otlp_writer *w,
                          struct llmobs_otlp_field field,
                          const uint64_t *numbers, size_t count)
{
    if (!w->json) {
        add_packed(w, field, numbers, count);
        return;
    }
    add_name(w, field, '\0');
    for (size_t i = 0; i < count; i++) {
        add(w, i == 0 ? "[" : ",", 1);
        add_number(w, numbers[i], false, true);
    }
    end_numbers(w, count);
}

void llmobs_otlp_doubles(struct llmobs_otlp_writer *w,
                         struct llmobs_otlp_field field, const double *numbers,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return;
    if (!w->json) {
        add_packed(w, field, numbers, count);
        return;
    }
    add_name(w, field, '\0');
    for (size_t i = 0; i < count; i++) {
        add(w, i == 0 ? "[" : ",", 1);
        add_decimal(w, numbers[i]);
    }
    end_numbers(w, count);
}

/* -- attributes ------------------------------------------------------------ */

static size_t varint_size(uint64_t number)
{
    size_t size = 1;

    while (number >>= 7)
        size++;
    return size;
}

/* The bytes of a bytes field whose number is below 16. */
static size_t field_size(size_t len)
{
    return 1 + varint_size(len) + len;
}

/* True where the attribute is to be written; counts it then. */
static bool count_attribute(struct llmobs_otlp_attributes *a)
{
    if (a->max && a->count >= a->max) {
        a->dropped++;
        return false;
    }
    a->count += a->writer->error == 0;
    return a->writer->error == 0;
}

/* Writes a KeyValue up to its value's field, which has `value_len` bytes;
 * false: the key has bad bytes, and nothing is written. Every length is known
 * before: nothing is padded, and no level is opened. */
static bool try_pair(struct llmobs_otlp_attributes *a, struct llmobs_text key,
                     size_t value_len)
{
    struct llmobs_otlp_writer *w = a->writer;
    size_t before = w->out->len, at;
    char *to = writer_room(w, key.len + 6 * VARINT_MAX);

    if (value_len >= LENGTH_MAX - key.len - 6 * VARINT_MAX)
        llmobs_otlp_fail(w, -EFBIG);
    if (!to)
        return true;
    to = put_tag(to, a->list, WIRE_BYTES);
    to = put_varint(to, field_size(key.len) + field_size(value_len));
    to = put_varint(put_tag(to, OTLP_KEY, WIRE_BYTES), key.len);
    wrote(w, to);
    at = w->out->len;
    add_letters(w, LLMOBS_QUOTED_NOT, key);
    if (w->error || w->out->len - at != key.len) {
        w->out->len = before;
        return w->error != 0;
    }
    to = writer_room(w, 2 * VARINT_MAX);
    if (to)
        wrote(w, put_varint(put_tag(to, OTLP_VALUE, WIRE_BYTES), value_len));
    return true;
}

/* Writes a KeyValue up to the only field of its value, which the caller writes,
 * and which has `value_len` bytes in protobuf. False: the attribute is
 * dropped. */
static bool begin_attr(struct llmobs_otlp_attributes *a, const char *key,
                       size_t value_len)
{
    struct llmobs_otlp_writer *w = a->writer;

    if (!count_attribute(a))
        return false;
    if (!w->json) {
        struct llmobs_text text = llmobs_text_of(key);
        struct llmobs_buf mended;

        if (!try_pair(a, text, value_len)) {
            llmobs_buf_init(&mended, LENGTH_MAX);
            llmobs_otlp_fail(a->writer, llmobs_letters_add(
                                            &mended, LLMOBS_QUOTED_NOT, text));
            text = llmobs_buf_text(&mended);
            (void)try_pair(a, text, value_len);
            llmobs_buf_fini(&mended);
        }
        return true;
    }
    if (is_next(w))
        add(w, ",", 1);
    add(w, "{\"key\":\"", 8);
    add_letters(w, LLMOBS_QUOTED, llmobs_text_of(key));
    add(w, "\",\"value\":{", 11);
    return descend(w, false);
}

static void end_attr(struct llmobs_otlp_attributes *a)
{
    if (!a->writer->json)
        return;
    add(a->writer, "}}", 2);
    a->writer->depth--;
}

/* Ends a text before the character that would pass the limit. */
static struct llmobs_text cut(struct llmobs_text text, size_t max)
{
    if (max > 0 && text.len > max)
        text.len = llmobs_utf8_fit(text.data, max);
    return text;
}

/* Opens a KeyValue of unknown length, and its value. */
static void open_pair(struct llmobs_otlp_attributes *a, const char *key)
{
    struct llmobs_otlp_writer *w = a->writer;

    llmobs_otlp_item(w, a->list);
    llmobs_otlp_string(w, OTLP_KEY, llmobs_text_of(key));
    llmobs_otlp_message(w, OTLP_VALUE);
}

void llmobs_otlp_attr_text(struct llmobs_otlp_attributes *a, const char *key,
                           struct llmobs_text text)
{
    struct llmobs_otlp_writer *w = a->writer;
    size_t before = w->out->len;

    text = cut(text, a->value_max);
    if (!begin_attr(a, key, field_size(text.len)))
        return;
    if (w->json) {
        llmobs_otlp_string(w, OTLP_STRING_VALUE, text);
    } else if (!try_text(w, OTLP_STRING_VALUE, text)) {
        /* The length of the text is not known before. */
        w->out->len = before;
        open_pair(a, key);
        llmobs_otlp_string(w, OTLP_STRING_VALUE, text);
        llmobs_otlp_close(w);
        llmobs_otlp_close(w);
    }
    end_attr(a);
}

void llmobs_otlp_attr_said(struct llmobs_otlp_attributes *a, const char *key,
                           const char *text)
{
    if (text && *text)
        llmobs_otlp_attr_text(a, key, llmobs_text_of(text));
}

void llmobs_otlp_attr_int(struct llmobs_otlp_attributes *a, const char *key,
                          int64_t number)
{
    if (!begin_attr(a, key, 1 + varint_size((uint64_t)number)))
        return;
    llmobs_otlp_int64(a->writer, OTLP_INT_VALUE, number);
    end_attr(a);
}

void llmobs_otlp_attr_double(struct llmobs_otlp_attributes *a, const char *key,
                             double number)
{
    if (!isfinite(number) || !begin_attr(a, key, 1 + sizeof(number)))
        return;
    llmobs_otlp_double(a->writer, OTLP_DOUBLE_VALUE, number);
    end_attr(a);
}

void llmobs_otlp_attr_bool(struct llmobs_otlp_attributes *a, const char *key,
                           bool value)
{
    if (!begin_attr(a, key, 2))
        return;
    llmobs_otlp_bool(a->writer, OTLP_BOOL_VALUE, value);
    end_attr(a);
}

void llmobs_otlp_attr_texts(struct llmobs_otlp_attributes *a, const char *key,
                            const struct llmobs_text *texts, size_t count)
{
    struct llmobs_otlp_writer *w = a->writer;

    if (!count_attribute(a))
        return;
    open_pair(a, key);
    llmobs_otlp_message(w, OTLP_ARRAY_VALUE);
    llmobs_otlp_list(w, OTLP_VALUES);
    for (size_t i = 0; i < count; i++) {
        llmobs_otlp_item(w, OTLP_VALUES);
        llmobs_otlp_string(w, OTLP_STRING_VALUE, cut(texts[i], a->value_max));
        llmobs_otlp_close(w);
    }
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
    llmobs_otlp_close(w);
    llmobs_otlp_close(w);
}

/* -- documents ------------------------------------------------------------- */

bool llmobs_otlp_doc_open(struct llmobs_otlp_attributes *a, const char *key)
{
    struct llmobs_otlp_writer *w = a->writer;

    if (!count_attribute(a))
        return false;
    open_pair(a, key);
    if (w->json)
        add_name(w, OTLP_STRING_VALUE, '"');
    else
        llmobs_otlp_message(w, OTLP_STRING_VALUE);
    return w->error == 0;
}

/* The bytes of a document are clean: protobuf gets them as they are. */
static void add_doc(struct llmobs_otlp_writer *w, struct llmobs_text text)
{
    if (w->json)
        add_letters(w, LLMOBS_QUOTED, text);
    else
        add(w, text.data, text.len);
}

void llmobs_otlp_doc_raw(struct llmobs_otlp_writer *w, const char *text)
{
    add_doc(w, llmobs_text_of(text));
}

void llmobs_otlp_doc_string(struct llmobs_otlp_writer *w,
                            struct llmobs_text text)
{
    const char *mark = w->json ? "\\\"" : "\"";
    size_t len = w->json ? 2 : 1;

    add(w, mark, len);
    add_letters(w, w->json ? LLMOBS_QUOTED_TWICE : LLMOBS_QUOTED, text);
    add(w, mark, len);
}

void llmobs_otlp_doc_value(struct llmobs_otlp_writer *w,
                           const struct llmobs_json *json)
{
    struct llmobs_buf text;

    if (llmobs_json_is_string(json)) {
        llmobs_otlp_doc_string(w, llmobs_text_of(llmobs_json_text(json)));
        return;
    }
    if (json == NULL) {
        llmobs_otlp_doc_raw(w, "null");
        return;
    }
    llmobs_buf_init(&text, LENGTH_MAX);
    if (w->error == 0) {
        llmobs_otlp_fail(w,
                         llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, &text));
        add_doc(w, llmobs_buf_text(&text));
    }
    llmobs_buf_fini(&text);
}

void llmobs_otlp_doc_close(struct llmobs_otlp_writer *w)
{
    if (w->json)
        add(w, "\"", 1);
    else
        llmobs_otlp_close(w);
    llmobs_otlp_close(w);
    llmobs_otlp_close(w);
}
