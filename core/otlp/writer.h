/* writer - a tree of OTLP messages as protobuf or as JSON, by the same calls.
 *
 * Owns:    nothing; appends to a buffer that the caller owns.
 * Threads: one at a time.
 * Errors:  kept in `error` (-ENOMEM, -EFBIG, -E2BIG for too many levels): after
 *          the first one every call does nothing. A caller looks once, at the
 *          end.
 * Limits:  LLMOBS_OTLP_LEVELS open messages.
 *
 * Strings are UTF-8 without bad bytes, as core/text/json.h gives them. The
 * length of a protobuf message is a padded varint of four bytes, so that
 * nothing moves when a message is closed.
 *
 * Sources: WIRE 9; opentelemetry-proto, docs/specification.md (JSON Protobuf
 *          Encoding).
 */
#ifndef LLMOBS_OTLP_WRITER_H
#define LLMOBS_OTLP_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

#define LLMOBS_OTLP_LEVELS 24

struct llmobs_otlp_writer {
    struct llmobs_buf *out;
    bool json;
    int error;
    int depth;
    struct {
        size_t at; /* protobuf: where the length stands */
        bool list; /* JSON: a list, not an object */
        bool any;  /* JSON: it has a member */
    } levels[LLMOBS_OTLP_LEVELS];
};

/* A field of a message: its protobuf number and its JSON name. */
struct llmobs_otlp_field {
    int number;
    const char *name;
};

/* Begins and ends the outermost message. */
void llmobs_otlp_begin(struct llmobs_otlp_writer *writer,
                       struct llmobs_buf *out, bool json);
int llmobs_otlp_end(struct llmobs_otlp_writer *writer);

/* A member message. _list opens a repeated field: each element is an _item;
 * protobuf writes the field's number with every item and nothing for the list.
 * Close what was opened with llmobs_otlp_close. */
void llmobs_otlp_message(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field);
void llmobs_otlp_list(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field);
void llmobs_otlp_item(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field);
void llmobs_otlp_close(struct llmobs_otlp_writer *writer);
/* Closes a list. */
void llmobs_otlp_close_list(struct llmobs_otlp_writer *writer);

/* Scalars. _hex writes bytes that JSON shows in hex (ids); _enum a number in
 * both; _fixed64 and _int64 a decimal text in JSON; _fixed32 a number. */
void llmobs_otlp_string(struct llmobs_otlp_writer *writer,
                        struct llmobs_otlp_field field,
                        struct llmobs_text text);
void llmobs_otlp_hex(struct llmobs_otlp_writer *writer,
                     struct llmobs_otlp_field field, const uint8_t *bytes,
                     size_t len);
void llmobs_otlp_enum(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field, int number);
void llmobs_otlp_bool(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field, bool value);
void llmobs_otlp_int64(struct llmobs_otlp_writer *writer,
                       struct llmobs_otlp_field field, int64_t number);
void llmobs_otlp_fixed64(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field, uint64_t number);
void llmobs_otlp_fixed32(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field, uint32_t number);
void llmobs_otlp_double(struct llmobs_otlp_writer *writer,
                        struct llmobs_otlp_field field, double number);
/* Packed lists of numbers (histograms). */
void llmobs_otlp_fixed64s(struct llmobs_otlp_writer *writer,
                          struct llmobs_otlp_field field,
                          const uint64_t *numbers, size_t count);
void llmobs_otlp_doubles(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field, const double *numbers,
                         size_t count);

/* Attributes: items of an open list of KeyValue, whose field is `list`. */
struct llmobs_otlp_attributes {
    struct llmobs_otlp_writer *writer;
    struct llmobs_otlp_field list;
    size_t count; /* written */
    size_t max;   /* beyond it they are dropped; 0: no limit */
    size_t dropped;
};

void llmobs_otlp_attr_text(struct llmobs_otlp_attributes *attributes,
                           const char *key, struct llmobs_text text);
void llmobs_otlp_attr_int(struct llmobs_otlp_attributes *attributes,
                          const char *key, int64_t number);
void llmobs_otlp_attr_double(struct llmobs_otlp_attributes *attributes,
                             const char *key, double number);
void llmobs_otlp_attr_bool(struct llmobs_otlp_attributes *attributes,
                           const char *key, bool value);
/* An array of texts. */
void llmobs_otlp_attr_texts(struct llmobs_otlp_attributes *attributes,
                            const char *key, const struct llmobs_text *texts,
                            size_t count);

#endif
