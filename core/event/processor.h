/* processor - shows each span to the program before the span is encoded: the
 * program may change or refuse it, as a span processor of Datadog's SDK does.
 *
 * Owns:    a record for each function that was set, for ever: a thread may be
 *          about to call it.
 * Threads: set: any. run: the thread that finishes a span of the program's own,
 *          and for a call the thread that has the worker's turn. So the
 *          function may run in two threads at once.
 * Errors:  run: -ECANCELED: the program does not want the span.
 * Limits:  LLMOBS_PROCESSORS_MAX calls of set.
 * Fork:    a child has its parent's function.
 */
#ifndef LLMOBS_PROCESSOR_H
#define LLMOBS_PROCESSOR_H

#include "lib/span/span.h"

#define LLMOBS_PROCESSORS_MAX 1024

/* Gives 0, or -ECANCELED where the span is not wanted. */
typedef int llmobs_processor_call(const void *function, void *context,
                                  struct llmobs_span *span);

/* From now on `call` is called for each span, with `function` and `context`;
 * `function` NULL: no call any more. While a processor is set, the disk gets no
 * content of a call before the processor has run. -EMFILE, -ENOMEM. */
int llmobs_processor_set(llmobs_processor_call *call, const void *function,
                         void *context);

int llmobs_processor_run(struct llmobs_span *span);

#endif
