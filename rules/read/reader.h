/* reader - reads a call of any dialect: request, answer, error, model.
 *
 * Owns:    nothing.
 * Threads: any; no state.
 * Errors:  -ENOMEM; -ENOENT and -ENOTSUP as struct llmobs_dialect says.
 */
#ifndef LLMOBS_READER_H
#define LLMOBS_READER_H

#include "rules/read/reading.h"

/* Reads the call by the form; dialect.h has the errors. */
int llmobs_reader_run(const struct llmobs_form *form,
                      const struct llmobs_classified *classified,
                      struct llmobs_span *span);

#endif
