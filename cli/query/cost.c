/* Estimates the cost of a call, and adds costs up. */
#include "cli/query/cost.h"

#include <stdio.h>
#include <string.h>

#define LEAST 1e-6
#define DECIMALS_MAX 7

static int64_t count_of(const struct llmobs_json *counts, const char *key)
{
    const struct llmobs_json *value = llmobs_json_get(counts, key);

    return llmobs_json_is_int(value) ? llmobs_json_to_int(value) : -1;
}

/* The cost of the tokens of other models, each by its own price; -1: that of
 * one is unknown. */
static double others_cost(const struct llmobs_row *row,
                          struct llmobs_prices *prices,
                          enum llmobs_price_service service)
{
    struct llmobs_json *all = NULL;
    double sum = 0;

    if (row->others)
        (void)llmobs_json_parse(llmobs_text_of(row->others), &all);
    for (void *it = llmobs_json_iter(all); it && sum >= 0;
         it = llmobs_json_next(all, it)) {
        const struct llmobs_json *of = llmobs_json_iter_value(it);
        const struct llmobs_price_tokens tokens = {
            .input = count_of(of, "input_tokens"),
            .output = count_of(of, "output_tokens"),
            .cache_read = count_of(of, "cache_read_input_tokens"),
            .cache_write = count_of(of, "cache_write_input_tokens"),
            .cache_write_hour = count_of(of, "ephemeral_1h_input_tokens"),
            .service = service,
        };
        double cost =
            llmobs_prices_cost(prices, row->provider, llmobs_json_iter_key(it),
                               row->local, &tokens);

        sum = cost < 0 ? -1 : sum + cost;
    }
    llmobs_json_free(all);
    return sum;
}

void llmobs_cost_estimate(struct llmobs_row *row, struct llmobs_prices *prices)
{
    const struct llmobs_price_tokens tokens = {
        .input = row->input_tokens,
        .output = row->output_tokens,
        .cache_read = row->cache_read_tokens,
        .cache_write = row->cache_write_tokens,
        .cache_write_hour = row->cache_write_hour_tokens,
        .reasoning = row->reasoning_tokens,
        .searches = row->searches,
        .service = llmobs_price_service(row->tier),
    };
    double cost, others;

    if (!row->filled || !llmobs_row_counts(row) ||
        (row->given ? row->estimate : row->cost) >= 0)
        return;
    cost = llmobs_prices_cost(prices, row->provider, row->price_model,
                              row->local, &tokens);
    others = others_cost(row, prices, tokens.service);
    if (cost >= 0 && others >= 0 && cost + others <= LLMOBS_COST_MAX)
        *(row->given ? &row->estimate : &row->cost) = cost + others;
}

const char *llmobs_cost_source(const struct llmobs_prices *prices,
                               char room[LLMOBS_COST_NOTE])
{
    const char *date = llmobs_prices_date(prices);

    if (!date)
        return strcpy(room, "no prices known");
    snprintf(room, LLMOBS_COST_NOTE, "estimated, prices of %s", date);
    return room;
}

void llmobs_cost_group(char *room)
{
    size_t len = strlen(room), digits = strcspn(room, ".");

    for (size_t at = digits; at > 3;) {
        at -= 3;
        memmove(room + at + 1, room + at, len - at + 1);
        room[at] = ',';
        len++;
    }
}

/* Rounds a cost to two digits, or to two decimals from ten cents on, as the
 * page does. */
const char *llmobs_cost_text(double cost, char room[LLMOBS_COST_TEXT])
{
    double scale = 100;
    int decimals = 2;

    if (!(cost >= 0) || cost > LLMOBS_COST_MAX)
        return NULL;
    if (cost > 0 && cost < LEAST)
        return strcpy(room, "<$0.000001");
    if (cost == 0)
        return strcpy(room, "$0");
    for (; cost * scale < 10 && decimals < DECIMALS_MAX; decimals++)
        scale *= 10;
    if (cost * scale < 1e15) /* beyond, no double has such decimals */
        cost = (double)(int64_t)(cost * scale + 0.5) / scale;
    snprintf(room, LLMOBS_COST_TEXT, "$%.*f", decimals, cost);
    llmobs_cost_group(room + 1);
    return room;
}

void llmobs_cost_add(struct llmobs_cost_sum *sum, const struct llmobs_row *row)
{
    if (!llmobs_row_counts(row))
        return;
    sum->calls += llmobs_row_is_call(row) ? 1 : 0;
    if (row->cost < 0)
        return;
    sum->known += llmobs_row_is_call(row) ? 1 : 0;
    sum->any = true;
    sum->known_cost += row->cost;
    if (sum->known_cost > LLMOBS_COST_MAX)
        sum->known_cost = LLMOBS_COST_MAX;
}

const char *llmobs_cost_note(const struct llmobs_cost_sum *sum,
                             char room[LLMOBS_COST_NOTE])
{
    room[0] = '\0';
    if (sum->known < sum->calls)
        snprintf(room, LLMOBS_COST_NOTE, "of %zu of %zu calls", sum->known,
                 sum->calls);
    return room;
}

/* -- calls without tokens -------------------------------------------------- */

void llmobs_lack_add(struct llmobs_lack *lack, const struct llmobs_row *row)
{
    if (strcmp(row->kind, "llm") != 0 || row->failed ||
        row->input_tokens >= 0 || row->output_tokens >= 0)
        return;
    lack->calls++;
    lack->streams += row->first_token >= 0 ? 1 : 0;
}

const char *llmobs_lack_note(const struct llmobs_lack *lack,
                             char room[LLMOBS_LACK_NOTE])
{
    bool streams = lack->streams > 0;
    size_t count = streams ? lack->streams : lack->calls;
    char number[LLMOBS_COST_TEXT];

    snprintf(number, sizeof(number), "%zu", count);
    llmobs_cost_group(number);
    room[0] = '\0';
    if (count > 0)
        snprintf(room, LLMOBS_LACK_NOTE, "%s %scall%s told no tokens%s", number,
                 streams ? "streamed " : "", count == 1 ? "" : "s",
                 streams ? LLMOBS_LACK_REMEDY : "");
    return room;
}
