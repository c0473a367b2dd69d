/* prices - finds the price of the model that a span names.
 *
 * Owns:    the tables that were added, until it is freed.
 * Threads: one: a look-up is remembered.
 * Errors:  -EINVAL: no JSON, or no object; -E2BIG: beyond the limits of
 *          lib/text/json; -ENOMEM.
 * Limits:  a name of a model has LLMOBS_PRICES_NAME bytes; a longer one has no
 *          price.
 *
 * A table has the form of LiteLLM's model_prices_and_context_window.json, with
 * two additions: a name with a `*`, `?` or `[` is a pattern (lib/base/glob),
 * and "llmobs_prices" describes the table itself. Letters match in either case.
 * The price is that of the first table that has the model; in a table, that of
 * the exact name, else of the first pattern that matches.
 */
#ifndef LLMOBS_PRICES_H
#define LLMOBS_PRICES_H

#include "cli/query/price.h"

#define LLMOBS_PRICES_NAME 256
#define LLMOBS_PRICES_DATE 11

struct llmobs_prices;

struct llmobs_prices *llmobs_prices_new(void);
void llmobs_prices_free(struct llmobs_prices *prices); /* NULL is fine */

/* Adds a table behind the others. `date`, such as 2026-11-22, is used where the
 * table names no date. */
int llmobs_prices_add(struct llmobs_prices *prices, struct llmobs_text text,
                      const char *date);

/* The cost of a call of the model in USD; -1: unknown. NULL is fine for each
 * pointer. `local`: the call went to this host, where a model of an unknown
 * provider may have any name: a table whose description has "local": false says
 * nothing of it. */
double llmobs_prices_cost(struct llmobs_prices *prices, const char *provider,
                          const char *model, bool local,
                          const struct llmobs_price_tokens *tokens);

/* The date of the oldest table that has given a price; if none has, the date of
 * the last table; NULL: there is no table. */
const char *llmobs_prices_date(const struct llmobs_prices *prices);

#endif
