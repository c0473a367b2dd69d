/* Computes a call's cost by one model's price. */
#include "cli/query/price.h"

#include <stdlib.h>
#include <string.h>

#define THOUSAND 1000
#define DIGITS_MAX 12

static const struct {
    const char *name;
    enum llmobs_price_part part;
} members[] = {
    {"input_cost_per_token", LLMOBS_PRICE_INPUT},
    {"cache_read_input_token_cost", LLMOBS_PRICE_CACHE_READ},
    /* Before the next name, which is the beginning of this one. */
    {"cache_creation_input_token_cost_above_1hr",
     LLMOBS_PRICE_CACHE_WRITE_HOUR},
    {"cache_creation_input_token_cost", LLMOBS_PRICE_CACHE_WRITE},
    {"output_cost_per_token", LLMOBS_PRICE_OUTPUT},
    {"output_cost_per_reasoning_token", LLMOBS_PRICE_REASONING},
};

/* LiteLLM's ends of names; the answers' words. */
static const struct {
    const char *end, *words;
} services[LLMOBS_PRICE_SERVICES] = {
    [LLMOBS_PRICE_STANDARD] = {"", NULL},
    [LLMOBS_PRICE_FLEX] = {"_flex", "flex\0"},
    [LLMOBS_PRICE_PRIORITY] = {"_priority", "priority\0fast\0"},
    [LLMOBS_PRICE_BATCH] = {"_batches", "batch\0batches\0"},
};

enum llmobs_price_service llmobs_price_service(const char *tier)
{
    for (unsigned i = 0; tier && i < LLMOBS_PRICE_SERVICES; i++)
        if (llmobs_words_have(services[i].words, tier))
            return (enum llmobs_price_service)i;
    return LLMOBS_PRICE_STANDARD;
}

/* -- reading -------------------------------------------------------------- */

/* Reads what stands behind the name of a part: "_above_200k_tokens" or
 * "_above_199999_tokens", then a service's end. */
static bool read_end(const char *text, int64_t *above,
                     enum llmobs_price_service *service)
{
    static const char before[] = "_above_", after[] = "_tokens";
    char *end;

    *above = 0;
    if (strncmp(text, before, sizeof(before) - 1) == 0) {
        text += sizeof(before) - 1;
        if (*text < '0' || *text > '9' ||
            strspn(text, "0123456789") > DIGITS_MAX)
            return false;
        *above = strtoll(text, &end, 10);
        *above *= *end == 'k' ? THOUSAND : 1;
        text = end + (*end == 'k');
        if (strncmp(text, after, sizeof(after) - 1) != 0)
            return false;
        text += sizeof(after) - 1;
    }
    for (unsigned i = 0; i < LLMOBS_PRICE_SERVICES; i++)
        if (strcmp(text, services[i].end) == 0) {
            *service = (enum llmobs_price_service)i;
            return true;
        }
    return false;
}

/* The tier of that threshold, a new one if need be; NULL: there are too many.
 */
static struct llmobs_price_tier *tier_of(struct llmobs_price *price,
                                         int64_t above)
{
    struct llmobs_price_tier *tiers = price->tiers;
    size_t at = price->count;

    for (size_t i = 0; i < price->count; i++)
        if (tiers[i].above == above)
            return &tiers[i];
    if (at == sizeof(price->tiers) / sizeof(*price->tiers))
        return NULL;
    for (; at > 0 && tiers[at - 1].above > above; at--)
        tiers[at] = tiers[at - 1];
    tiers[at].above = above;
    for (size_t i = 0; i < LLMOBS_PRICE_SERVICES; i++)
        for (size_t part = 0; part < LLMOBS_PRICE_PARTS; part++)
            tiers[at].rates[i][part] = -1;
    price->count++;
    return &tiers[at];
}

/* False where a member is no price. A null counts as absent. */
static bool read_rate(struct llmobs_price *price, const char *name,
                      const struct llmobs_json *value)
{
    enum llmobs_price_service service;
    struct llmobs_price_tier *tier;
    int64_t above;
    double rate = -1;
    size_t i = 0, count = sizeof(members) / sizeof(*members);

    while (i < count &&
           strncmp(name, members[i].name, strlen(members[i].name)) != 0)
        i++;
    if (i == count ||
        !read_end(name + strlen(members[i].name), &above, &service) ||
        llmobs_json_is_null(value))
        return true;
    if (llmobs_json_is_number(value))
        rate = llmobs_json_to_real(value);
    tier = tier_of(price, above);
    if (!tier || !(rate >= 0 && rate <= LLMOBS_PRICE_MAX))
        return false;
    tier->rates[service][members[i].part] = rate;
    return true;
}

static double rate_under(const struct llmobs_json *object, const char *key)
{
    const struct llmobs_json *value = llmobs_json_get(object, key);
    double rate =
        llmobs_json_is_number(value) ? llmobs_json_to_real(value) : -1;

    return rate >= 0 && rate <= LLMOBS_PRICE_MAX ? rate : -1;
}

void llmobs_price_read(const struct llmobs_json *model,
                       const struct llmobs_json *about,
                       struct llmobs_price *price)
{
    const char *of = llmobs_json_gets(model, "litellm_provider");
    const struct llmobs_json *tiers = llmobs_json_get(about, "tiers");
    const struct llmobs_json *shares = of ? llmobs_json_get(tiers, of) : NULL;
    bool good = true;

    price->count = 0;
    for (unsigned i = 0; i < LLMOBS_PRICE_SERVICES; i++)
        price->shares[i] =
            services[i].words ? rate_under(shares, services[i].words) : -1;
    price->search =
        rate_under(llmobs_json_get(model, "search_context_cost_per_query"),
                   "search_context_size_medium");
    if (price->search < 0 && of)
        price->search = rate_under(llmobs_json_get(about, "web_search"), of);
    for (void *it = llmobs_json_iter(model); it && good;
         it = llmobs_json_next(model, it))
        good = read_rate(price, llmobs_json_iter_key(it),
                         llmobs_json_iter_value(it));
    if (!good || price->count == 0 || price->tiers[0].above != 0 ||
        price->tiers[0].rates[LLMOBS_PRICE_STANDARD][LLMOBS_PRICE_INPUT] < 0)
        price->count = 0;
}

/* -- the formula ---------------------------------------------------------- */

/* The price of a part, by the highest tier that has it and that the call is
 * above; -1: none has. */
static double rate_of(const struct llmobs_price *price,
                      enum llmobs_price_part part,
                      const struct llmobs_price_tokens *tokens)
{
    double rate = -1, own = -1;

    for (size_t i = 0; i < price->count; i++) {
        const struct llmobs_price_tier *tier = &price->tiers[i];

        if (i > 0 && tokens->input <= tier->above)
            continue;
        if (tier->rates[LLMOBS_PRICE_STANDARD][part] >= 0)
            rate = tier->rates[LLMOBS_PRICE_STANDARD][part];
        if (tier->rates[tokens->service][part] >= 0)
            own = tier->rates[tokens->service][part];
    }
    if (own >= 0)
        return own;
    return rate >= 0 && price->shares[tokens->service] > 0
               ? rate * price->shares[tokens->service]
               : rate;
}

static double either(double rate, double other)
{
    return rate >= 0 ? rate : other;
}

/* The count, or the nearest possible count: 0 if it is unknown, `all` if it is
 * more than `all`. */
static int64_t within(int64_t count, int64_t all)
{
    return count <= 0 ? 0 : count < all ? count : all;
}

/* Embeddings have neither a price for an output nor, mostly, a count of it. */
double llmobs_price_of(const struct llmobs_price *price,
                       const struct llmobs_price_tokens *tokens)
{
    int64_t in = tokens->input;
    double input = rate_of(price, LLMOBS_PRICE_INPUT, tokens);
    double read =
        either(rate_of(price, LLMOBS_PRICE_CACHE_READ, tokens), input);
    double write =
        either(rate_of(price, LLMOBS_PRICE_CACHE_WRITE, tokens), input);
    double hour =
        either(rate_of(price, LLMOBS_PRICE_CACHE_WRITE_HOUR, tokens), write);
    double output = rate_of(price, LLMOBS_PRICE_OUTPUT, tokens);
    double reasoning =
        either(rate_of(price, LLMOBS_PRICE_REASONING, tokens), output);
    int64_t from_cache = within(tokens->cache_read, in);
    int64_t to_cache = within(tokens->cache_write, in - from_cache);
    int64_t for_hour = within(tokens->cache_write_hour, to_cache);
    int64_t thought = within(tokens->reasoning, tokens->output);
    double cost = 0;

    if (price->count == 0 || in < 0 || (output < 0 && tokens->output > 0) ||
        (tokens->output < 0 && (output > 0 || (output == 0 && reasoning != 0))))
        return -1;
    if (output >= 0 && tokens->output >= 0)
        cost = (double)(tokens->output - thought) * output +
               (double)thought * reasoning;
    if (tokens->searches > 0 && price->search > 0)
        cost += (double)tokens->searches * price->search;
    return (double)(in - from_cache - to_cache) * input +
           (double)from_cache * read + (double)(to_cache - for_hour) * write +
           (double)for_hour * hour + cost;
}
