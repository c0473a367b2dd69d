/* providers - the tables of known dialects and known hosts, which the build
 * makes of rules/apis (docs/RULES.md).
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

/* The dialects of LLMOBS_OBSERVE, NULL-terminated. */
extern const struct llmobs_dialect *const llmobs_observed[];

/* The dialect of that name in a list; NULL: it is not there. */
const struct llmobs_dialect *llmobs_dialect_in(
    const struct llmobs_dialect *const *list, const char *name);

/* The dialect of that name, even if no path selects it; NULL: unknown. */
const struct llmobs_dialect *llmobs_dialect_find(const char *name);

/* The row of a host: the first row that covers the host; else the first row
 * that covers the longest end of the host behind a dot. NULL: not listed. */
const struct llmobs_provider *llmobs_provider_of(struct llmobs_text host);

static inline const struct llmobs_provider *llmobs_provider_find(
    const struct llmobs_url *url)
{
    return llmobs_provider_of((struct llmobs_text){url->host, url->host_len});
}

static inline struct llmobs_text llmobs_provider_host(
    const struct llmobs_provider *provider)
{
    return (struct llmobs_text){provider->host, provider->host_len};
}

/* The dialects that a host speaks, NULL-terminated. */
const struct llmobs_dialect *const *llmobs_provider_dialects(
    const struct llmobs_provider *provider);

/* The dialects that hosts of ours speak by this name of rules/apis/hosts,
 * NULL-terminated; NULL: there is no such name. */
const struct llmobs_dialect *const *llmobs_speech_find(const char *name);

/* A row by its number; NULL: the table has fewer rows. */
const struct llmobs_provider *llmobs_provider_at(size_t row);

/* OpenTelemetry's name of a provider that was found without its host. */
const char *llmobs_provider_genai(const char *name);

/* A name for an unlisted host by its port; NULL: an unknown port. */
const char *llmobs_provider_by_port(const struct llmobs_url *url);

#endif
