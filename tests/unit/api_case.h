/* api_case - the C API over a worker whose exporter keeps what it gets. */
#ifndef LLMOBS_API_CASE_H
#define LLMOBS_API_CASE_H

#include "core/capture/c_api.h"
#include "lib/text/json.h"
#include "llmobs.h"
#include "tests/unit/unit.h"

/* The table, and nothing delivered yet. */
const struct llmobs_api *api_case(void);

/* From now on, with these patterns of LLMOBS_REDACT. */
void api_case_redact(const char *patterns);

/* Delivers; how many events there are by now. */
size_t api_case_count(void);

/* The event of that name, the last one of it; the test ends where there is
 * none. Borrowed. */
const struct llmobs_json *api_case_event(const char *name);

/* The value at a path of keys, "meta.span.kind", as JSON text, "" where it is
 * not. Good until the next call. */
const char *api_case_at(const char *name, const char *path);

bool api_case_has_tag(const char *name, const char *tag);

llmobs_span_t api_case_start(enum llmobs_span_kind kind, const char *name);

#endif
