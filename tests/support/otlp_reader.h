/* otlp_reader - reads a request of OTLP in protobuf, and gives the values that
 * the same request has as JSON.
 *
 * It has its own table of messages and shares nothing with the writer that it
 * tests. It is strict: an unknown field, a wrong wire type, a length beyond the
 * message, bad UTF-8 and a scalar that comes twice are errors.
 */
#ifndef LLMOBS_OTLP_READER_H
#define LLMOBS_OTLP_READER_H

#include "lib/text/json.h"

/* The signal's name: "traces", "metrics", "logs". Gives the request; NULL: it
 * is none, and `why` says why. Empty lists are left out. */
struct llmobs_json *otlp_read_protobuf(const char *signal,
                                       struct llmobs_text bytes,
                                       const char **why);

/* The same from JSON text: hex in lower case, numbers of 64 bits as decimal
 * texts, no field that the message lacks. */
struct llmobs_json *otlp_read_json(const char *signal, struct llmobs_text text,
                                   const char **why);

#endif
