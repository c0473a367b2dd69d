/* api_inner - what the files of the API share. For them alone. */
#ifndef LLMOBS_API_INNER_H
#define LLMOBS_API_INNER_H

#include "core/sdk/span_table.h"

/* Says once for each cause, a static text, what was wrong; gives the code
 * back. */
int llmobs_own_span_complain(int rc, const char *what);

/* Puts the current span where *span is 0; -ENOENT: there is none. */
int llmobs_own_span_resolve(uint64_t *span);

/* The same, and locks it; -EBADF, -ECHILD. */
int llmobs_own_span_lock(uint64_t *span, struct llmobs_open_span **live);

/* What the annotation contexts of the thread say, inner ones last. */
int llmobs_own_span_add_contexts(struct llmobs_open_span *live);

#endif
