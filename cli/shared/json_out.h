/* json_out - writes JSON for people's terminals and for programs alike.
 *
 * Threads: one.
 * Errors:  -ENOMEM, -EFBIG of a buffer; -EPIPE: nobody reads stdout.
 *
 * A store's line, a program's name and a variable may hold anything. Controls,
 * invisible characters, characters that change the direction of writing, and
 * bytes that are no UTF-8 are written as \u001b: the values stay the same.
 */
#ifndef LLMOBS_JSON_OUT_H
#define LLMOBS_JSON_OUT_H

#include "lib/text/json.h"

/* Appends a JSON text. */
int llmobs_json_out_add(struct llmobs_buf *out, struct llmobs_text json);

/* Prints a JSON text and the line's end. */
int llmobs_json_out_print(struct llmobs_text json);

/* Prints a value, its members in their order, and the line's end. */
int llmobs_json_out_value(const struct llmobs_json *value);

#endif
