/* Looks up dialects and hosts in the generated tables. */
#include "rules/providers.h"

#include <stdint.h>
#include <string.h>

#include "rules/apis/read.h"
#include "rules/read/text.h"

/* The build writes these of rules/apis/hosts (scripts/apis_table.c). A row also
 * counts for the hosts below its own; '*' stands for any bytes, but not among a
 * row's last eight bytes (possible). */
extern const struct llmobs_provider llmobs_providers[];
extern const size_t llmobs_provider_count;
/* The dialects that a host speaks, by llmobs_provider.dialects. */
extern const struct llmobs_dialect *const *const llmobs_speaks[];
/* Their names, in the same order, as words. */
extern const char llmobs_speaks_names[];

const struct llmobs_dialect *llmobs_dialect_in(
    const struct llmobs_dialect *const *list, const char *name)
{
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    return *list;
}

const struct llmobs_dialect *llmobs_dialect_find(const char *name)
{
    const struct llmobs_dialect *found =
        llmobs_dialect_in(llmobs_dialects, name);

    if (!found)
        found = llmobs_dialect_in(llmobs_observed, name);
    if (found)
        return found;
    if (strcmp(llmobs_dialect_json.name, name) == 0)
        return &llmobs_dialect_json;
    return strcmp(llmobs_dialect_generic.name, name) == 0
               ? &llmobs_dialect_generic
               : NULL;
}

#define WORD 64
#define WORDS (LLMOBS_APIS_HOSTS / WORD)

/* How many last bytes of a host rule out most rows. */
#define TAIL ((size_t)8)

static uint64_t tail_of(struct llmobs_text text)
{
    uint64_t tail;

    memcpy(&tail, text.data + text.len - TAIL, TAIL);
    return tail;
}

/* A row that begins with a star and covers a part of a host also covers the
 * complete host. So a part (not `whole`) is only compared with other rows. */
static bool providers_covers(struct llmobs_text row, struct llmobs_text host,
                             bool whole)
{
    if (row.data[0] == '*')
        return whole && llmobs_text_matches(host, row);
    return host.len > 0 && row.data[0] == host.data[0] &&
           llmobs_text_matches(host, row);
}

static const struct llmobs_provider *find_host(struct llmobs_text host,
                                               bool whole,
                                               const uint64_t all[WORDS])
{
    for (size_t word = 0; word < WORDS; word++)
        for (uint64_t bits = all[word]; bits; bits &= bits - 1) {
            const struct llmobs_provider *at =
                &llmobs_providers[word * WORD + (size_t)__builtin_ctzll(bits)];

            if (providers_covers(llmobs_provider_host(at), host, whole))
                return at;
        }
    return NULL;
}

const struct llmobs_provider *llmobs_provider_of(struct llmobs_text host)
{
    uint64_t bits[WORDS];
    uint64_t tail = host.len < TAIL ? 0 : tail_of(host);
    bool any = false;

    /* Sets a bit for each row that the host's last bytes do not rule out. Each
     * request with a known path asks this, so it has to be cheap. A host that
     * is shorter has a tail that no row has. */
    memset(bits, 0, WORDS * sizeof(*bits));
    for (size_t i = 0; i < llmobs_provider_count; i++) {
        struct llmobs_text row = llmobs_provider_host(&llmobs_providers[i]);

        if (row.len < TAIL ? llmobs_text_may_match(host, row)
                           : tail_of(row) == tail) {
            bits[i / WORD] |= UINT64_C(1) << i % WORD;
            any = true;
        }
    }
    if (!any)
        return NULL;
    for (bool whole = true;; whole = false) {
        const struct llmobs_provider *provider = find_host(host, whole, bits);
        const char *dot =
            host.len > 0 ? memchr(host.data, '.', host.len) : NULL;

        if (provider || !dot)
            return provider;
        host.len -= (size_t)(dot + 1 - host.data);
        host.data = dot + 1;
    }
    return NULL;
}

const struct llmobs_provider *llmobs_provider_at(size_t row)
{
    return row < llmobs_provider_count ? &llmobs_providers[row] : NULL;
}

const struct llmobs_dialect *const *llmobs_provider_dialects(
    const struct llmobs_provider *provider)
{
    return llmobs_speaks[provider->dialects];
}

const struct llmobs_dialect *const *llmobs_speech_find(const char *name)
{
    size_t i = 0;

    LLMOBS_WORDS_EACH (at, llmobs_speaks_names) {
        if (strcmp(at, name) == 0)
            return llmobs_speaks[i];
        i++;
    }
    return NULL;
}

/* "google" does not tell which of Google's two services is meant. */
const char *llmobs_provider_genai(const char *name)
{
    if (strcmp(name, "google") == 0)
        return "gcp.gen_ai";
    for (size_t i = 0; i < llmobs_provider_count; i++)
        if (strcmp(llmobs_providers[i].name, name) == 0 &&
            *llmobs_providers[i].genai)
            return llmobs_providers[i].genai;
    return name;
}

const char *llmobs_provider_by_port(const struct llmobs_url *url)
{
    return url->port == 11434 ? "ollama" : NULL;
}
