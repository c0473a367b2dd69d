/* c_api_finished - a span in the hands of the program's processor, behind the
 * public header.
 *
 * Owns:    the texts that it gives, until the processor returns.
 * Threads: set_processor: any; the others: the processor's own.
 * Errors:  those of the public header.
 */
#ifndef LLMOBS_C_API_FINISHED_H
#define LLMOBS_C_API_FINISHED_H

#include "llmobs.h"

int llmobs_c_api_set_processor(llmobs_processor_fn *processor, void *context);
const char *llmobs_c_api_finished_get(struct llmobs_finished *span,
                                      enum llmobs_part part);
int llmobs_c_api_finished_set(struct llmobs_finished *span,
                              enum llmobs_part part, const char *json);
const char *llmobs_c_api_finished_tag(struct llmobs_finished *span,
                                      const char *key);

#endif
