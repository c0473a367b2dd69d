/* writer - a tree of OTLP messages as protobuf or as JSON, by the same calls.
 *
 * Owns:    nothing; appends to a buffer that the caller owns, and that nobody
 *          else touches between begin and end.
 * Threads: one thread at a time.
 * Errors:  kept in `error` (-ENOMEM; -EFBIG, also some bytes before the
 *          buffer's max; -E2BIG: too many levels; -EINVAL: opened and closed
 *          unevenly): after the first error every call does nothing. A caller
 *          looks once, at the end, which then takes all bytes back.
 * Limits:  LLMOBS_OTLP_LEVELS open messages and lists; a message has less than
 *          256 MiB.
 *
 * In every text and key bad UTF-8 and NUL become U+FFFD: a receiver refuses the
 * whole request for one bad byte. A number that is not finite is not written,
 * nor its field. The length of a protobuf message that stays open is a padded
 * varint of four bytes, so that nothing moves when the message is closed.
 *
 * Sources: WIRE 9.6; opentelemetry-proto, docs/specification.md (JSON Protobuf
 *          Encoding).
 */
#ifndef LLMOBS_OTLP_WRITER_H
#define LLMOBS_OTLP_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/span/id128.h"
#include "lib/text/json.h"
#include "core/export/fields.h"

#define LLMOBS_OTLP_LEVELS 64

struct llmobs_otlp_writer {
    struct llmobs_buf *out;
    size_t start; /* bytes that the buffer had before */
    bool json;
    int error;
    unsigned depth;
    uint64_t lists;                  /* JSON: the level is a list */
    uint64_t any;                    /* JSON: the level has a member */
    uint32_t at[LLMOBS_OTLP_LEVELS]; /* protobuf: where the length stands */
};

/* Sets the error where none is set; 0 is none. */
static inline void llmobs_otlp_fail(struct llmobs_otlp_writer *writer,
                                    int error)
{
    if (writer->error == 0)
        writer->error = error;
}

/* Begins and ends the outermost message. After an error end answers it, and
 * cuts the buffer to the bytes that it had. */
void llmobs_otlp_begin(struct llmobs_otlp_writer *writer,
                       struct llmobs_buf *out, bool json);
int llmobs_otlp_end(struct llmobs_otlp_writer *writer);

/* A member message. _list opens a repeated field, whose elements are _items:
 * protobuf writes the field's number with every item and nothing for the list.
 * Close them with llmobs_otlp_close, a list with _close_list. */
void llmobs_otlp_message(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field);
void llmobs_otlp_list(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field);
void llmobs_otlp_item(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field);
void llmobs_otlp_close(struct llmobs_otlp_writer *writer);
void llmobs_otlp_close_list(struct llmobs_otlp_writer *writer);

/* Scalars. _hex writes bytes that JSON shows in hex (ids); _enum a number in
 * both; _fixed64 and _int64 a decimal text in JSON; _fixed32 a number. */
void llmobs_otlp_string(struct llmobs_otlp_writer *writer,
                        struct llmobs_otlp_field field,
                        struct llmobs_text text);
void llmobs_otlp_hex(struct llmobs_otlp_writer *writer,
                     struct llmobs_otlp_field field, const uint8_t *bytes,
                     size_t len);
/* Ids, as bytes. */
void llmobs_otlp_put_trace_id(struct llmobs_otlp_writer *writer,
                              struct llmobs_otlp_field field,
                              struct llmobs_id128 id);
void llmobs_otlp_put_span_id(struct llmobs_otlp_writer *writer,
                             struct llmobs_otlp_field field, uint64_t id);
void llmobs_otlp_enum(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field, int number);
void llmobs_otlp_bool(struct llmobs_otlp_writer *writer,
                      struct llmobs_otlp_field field, bool value);
void llmobs_otlp_int64(struct llmobs_otlp_writer *writer,
                       struct llmobs_otlp_field field, int64_t number);
void llmobs_otlp_fixed64(struct llmobs_otlp_writer *writer,
                         struct llmobs_otlp_field field, uint64_t number);
/* An uint32 that is a varint in protobuf (counts), and a fixed32 (flags). */
void llmobs_otlp_uint32(struct llmobs_otlp_writer *writer,
                        struct llmobs_otlp_field field, uint32_t number);
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
    size_t count;     /* attributes that were written */
    size_t max;       /* further attributes are dropped; 0: no limit */
    size_t value_max; /* bytes of a text, which is cut between two characters;
                       * 0: no limit. A text from open to close is never cut. */
    size_t dropped;
    const char *hash_key; /* of hashes of users, borrowed; NULL: none */
};

void llmobs_otlp_attr_text(struct llmobs_otlp_attributes *attributes,
                           const char *key, struct llmobs_text text);
/* Nothing, where the text is NULL or empty. */
void llmobs_otlp_attr_said(struct llmobs_otlp_attributes *attributes,
                           const char *key, const char *text);
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

/* Opens a text that is a JSON document, written piece by piece, so that it is
 * never built before. False: the attribute is dropped, or an error is set;
 * nothing was opened then. */
bool llmobs_otlp_doc_open(struct llmobs_otlp_attributes *attributes,
                          const char *key);
/* Pieces: the document's own bytes (complete characters), a string of it with
 * its quotation marks, and a value of any kind. */
void llmobs_otlp_doc_raw(struct llmobs_otlp_writer *writer, const char *text);
void llmobs_otlp_doc_string(struct llmobs_otlp_writer *writer,
                            struct llmobs_text text);
void llmobs_otlp_doc_value(struct llmobs_otlp_writer *writer,
                           const struct llmobs_json *json);
void llmobs_otlp_doc_close(struct llmobs_otlp_writer *writer);

#endif
