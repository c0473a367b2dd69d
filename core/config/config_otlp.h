/* config_otlp - the variables of OpenTelemetry: where telemetry goes by OTLP,
 * and in which form.
 *
 * Errors:  a header's text is never reported: it may be a key.
 * Limits:  LLMOBS_CONFIG_LIST_MAX headers.
 *
 * Sources: WIRE 9.
 */
#ifndef LLMOBS_CONFIG_OTLP_H
#define LLMOBS_CONFIG_OTLP_H

#include "lib/base/buf.h"
#include "core/config/config_load.h"

/* True where OTEL_TRACES_SAMPLER sends a trace that begins here. All processes
 * of a trace with the same variables decide alike. OpenTelemetry does not say
 * how a ratio reads an id, so another SDK may choose other traces. `trace_lo`:
 * the id's lower half. Any thread. */
bool llmobs_otlp_samples(const struct llmobs_otlp_config *config,
                         uint64_t trace_lo);

/* To be called once the content and the exporter are known. */
void llmobs_config_read_otlp(struct llmobs_config_loading *loading);
void llmobs_config_free_otlp(struct llmobs_otlp_config *otlp);

/* The lists of OpenTelemetry's variables: "key=value,key=value", with bytes
 * written as "%xx". Removes the next member that is not empty from `rest`. 1:
 * `key` and `value` are its parts, borrowed, without the blanks around them and
 * still encoded; 0: the list is at its end; -EINVAL: the member has no "=" or
 * no key. */
int llmobs_otel_list_next(struct llmobs_text *rest, struct llmobs_text *key,
                          struct llmobs_text *value);

/* Appends the decoded text. A "%" without two digits is an error if `exact`,
 * else it is copied. -EINVAL for that error, and for a result that is not UTF-8
 * or has control characters; then `out` has a part of it. */
int llmobs_otel_list_decode(struct llmobs_text text, bool exact,
                            struct llmobs_buf *out);

/* True for UTF-8 without control characters, also without C1's. */
bool llmobs_otel_list_plain(struct llmobs_text text);

#endif
