/* exporters - the names in LLMOBS_EXPORTER.
 *
 * Threads: any. Errors: none; an unknown name names nothing.
 */
#ifndef LLMOBS_EXPORTERS_H
#define LLMOBS_EXPORTERS_H

#include "lib/base/buf.h"

enum llmobs_exporters {
    LLMOBS_EXPORTER_AUTO = 1,
    LLMOBS_EXPORTER_AGENT = 2,
    LLMOBS_EXPORTER_AGENTLESS = 4,
    LLMOBS_EXPORTER_STORE = 8,
    LLMOBS_EXPORTER_OTLP = 16
};

/* Gives the exporters that the list names, as bits. `unknown`, which may be
 * NULL, gets the first unknown name, borrowed from the list; without such a
 * name its length is 0. */
unsigned llmobs_exporters_named(const char *list, struct llmobs_text *unknown);

#endif
