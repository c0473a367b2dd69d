/* price - what the tokens of one model cost, and what a call costs by that.
 *
 * Threads: any.
 * Errors:  none: a price that is no price makes every cost unknown.
 * Limits:  LLMOBS_PRICE_TIERS thresholds.
 *
 * The members are those of LiteLLM's model_prices_and_context_window.json; all
 * others are ignored. Prices are in USD for one token.
 */
#ifndef LLMOBS_PRICE_H
#define LLMOBS_PRICE_H

#include "lib/text/json.h"

#define LLMOBS_PRICE_TIERS 4
/* The most that a token may cost: a higher number is a mistake, such as the
 * price of a million tokens. */
#define LLMOBS_PRICE_MAX 1.0

enum llmobs_price_part {
    LLMOBS_PRICE_INPUT,
    LLMOBS_PRICE_CACHE_READ,
    LLMOBS_PRICE_CACHE_WRITE,
    LLMOBS_PRICE_CACHE_WRITE_HOUR, /* into a cache that holds for an hour */
    LLMOBS_PRICE_OUTPUT,
    LLMOBS_PRICE_REASONING,
    LLMOBS_PRICE_PARTS
};

/* The tier of service. */
enum llmobs_price_service {
    LLMOBS_PRICE_STANDARD,
    LLMOBS_PRICE_FLEX,
    LLMOBS_PRICE_PRIORITY,
    LLMOBS_PRICE_BATCH,
    LLMOBS_PRICE_SERVICES
};

struct llmobs_price_tier {
    int64_t above; /* for calls with more input tokens */
    double rates[LLMOBS_PRICE_SERVICES][LLMOBS_PRICE_PARTS]; /* -1: not given */
};

/* The rates of a tier are for all tokens of a call with more input tokens than
 * the threshold; a missing rate is that of the tier below. One that a service
 * lacks is `shares` of the standard one, where that is above 0, else the same.
 */
struct llmobs_price {
    struct llmobs_price_tier tiers[1 + LLMOBS_PRICE_TIERS]; /* by threshold */
    size_t count;  /* 0: the model has no price */
    double search; /* of a search of the web; -1: not given */
    double shares[LLMOBS_PRICE_SERVICES];
};

/* The tokens of a call; -1: not known. */
struct llmobs_price_tokens {
    int64_t input; /* cached tokens included */
    int64_t output;
    int64_t cache_read;
    int64_t cache_write;
    int64_t cache_write_hour; /* a part of cache_write */
    int64_t reasoning;        /* a part of output */
    int64_t searches;         /* of the web, which are paid by the piece */
    enum llmobs_price_service service;
};

/* The service that an answer's word for its tier means. */
enum llmobs_price_service llmobs_price_service(const char *tier);

/* `about`: the table's own description, which has what holds for all models of
 * a provider: "tiers" (the shares) and "web_search". */
void llmobs_price_read(const struct llmobs_json *model,
                       const struct llmobs_json *about,
                       struct llmobs_price *price);

/* The cost in USD; -1: unknown, since the price or a count is. */
double llmobs_price_of(const struct llmobs_price *price,
                       const struct llmobs_price_tokens *tokens);

#endif
