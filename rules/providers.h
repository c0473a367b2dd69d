/* providers - the tables of known dialects and known hosts. Both are in
 * providers.c, where a new one gets its row (docs/RULES.md).
 *
 * Owns:    nothing; all tables are constant.
 * Threads: any.
 * Errors:  never fails.
 */
#ifndef LLMOBS_PROVIDERS_H
#define LLMOBS_PROVIDERS_H

#include "rules/read/dialect.h"

/* Every dialect that a path can select, NULL-terminated. */
extern const struct llmobs_dialect *const llmobs_dialects[];

/* Those of LLMOBS_OBSERVE, likewise. */
extern const struct llmobs_dialect *const llmobs_observed[];

/* The dialect of that name, those that no path selects
 * included; NULL: there is none. */
const struct llmobs_dialect *llmobs_dialect_find(const char *name);

/* The row of a host: of those that cover the host, or else the longest of its
 * ends behind a dot that any row covers, the first; NULL: not listed. */
const struct llmobs_provider *llmobs_provider_find(
    const struct llmobs_url *url);

static inline struct llmobs_text llmobs_provider_host(
    const struct llmobs_provider *provider)
{
    return (struct llmobs_text){provider->host, provider->host_len};
}

/* The dialects that a host speaks, NULL-terminated. */
const struct llmobs_dialect *const *llmobs_provider_dialects(
    const struct llmobs_provider *provider);

/* A row by its number; NULL: there are fewer. */
const struct llmobs_provider *llmobs_provider_at(size_t row);

/* OpenTelemetry's name of a provider that was found without its host. */
const char *llmobs_provider_genai(const char *name);

/* A name for an unlisted host by its port; NULL: none. */
const char *llmobs_provider_by_port(const struct llmobs_url *url);

#endif
