/* Compares a store's calls with limits (`llmobs stats --max-cost`). */
#include "cli/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/price_files.h"
#include "cli/query/cost.h"
#include "cli/query/each.h"
#include "cli/query/tools.h"
#include "cli/shared/cli.h"
#include "cli/shared/tell.h"
#include "core/config/config.h"
#include "core/config/state_dir.h"

#define COMMAND "llmobs stats"
/* Sums of many costs are not exact. */
#define GRAIN 1e-9

struct sums {
    struct llmobs_cost_sum cost;
    int64_t tokens;
    size_t counted; /* calls with a count of tokens */
    size_t failed;
    size_t unreadable; /* files that cannot be read */
};

void llmobs_gate_init(struct llmobs_gate *gate)
{
    memset(gate, 0, sizeof(*gate));
    gate->max_cost = -1;
    gate->max_tokens = gate->max_errors = -1;
}

void llmobs_gate_fini(struct llmobs_gate *gate)
{
    llmobs_filter_fini(&gate->filter);
}

bool llmobs_gate_has_limit(const struct llmobs_gate *gate)
{
    return gate->max_cost >= 0 || gate->max_tokens >= 0 ||
           gate->max_errors >= 0;
}

/* -- options -------------------------------------------------------------- */

int llmobs_gate_cost(const struct llmobs_cli_option *option, const char *value)
{
    double *cost = option->to;
    char *end;

    *cost = strtod(value, &end);
    if (*value != '\0' && value[strspn(value, "0123456789.")] == '\0' &&
        *end == '\0' && *cost <= LLMOBS_COST_MAX)
        return 0;
    return llmobs_cli_refuse(option->name, value,
                             "no number of dollars such as 2.50");
}

int llmobs_gate_count(const struct llmobs_cli_option *option, const char *value)
{
    char *end;

    errno = 0;
    *(int64_t *)option->to = strtoll(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0)
        return 0;
    return llmobs_cli_refuse(option->name, value, "not a number");
}

/* -- sums ----------------------------------------------------------------- */

static int add_row(void *ctx, const struct llmobs_row *row,
                   const struct llmobs_json *event)
{
    struct sums *sums = ctx;
    int64_t tokens = row->input_tokens > 0 ? row->input_tokens : 0;

    (void)event;
    if (!llmobs_row_counts(row))
        return 0;
    llmobs_cost_add(&sums->cost, row);
    sums->failed += row->failed && llmobs_row_is_call(row) ? 1 : 0;
    if (row->input_tokens < 0 && row->output_tokens < 0)
        return 0;
    sums->counted += llmobs_row_is_call(row) ? 1 : 0;
    if (row->output_tokens > INT64_MAX - tokens)
        tokens = INT64_MAX;
    else if (row->output_tokens > 0)
        tokens += row->output_tokens;
    sums->tokens =
        tokens > INT64_MAX - sums->tokens ? INT64_MAX : sums->tokens + tokens;
    return 0;
}

static int read_store(struct llmobs_gate *gate, const char *store,
                      struct llmobs_prices *prices, struct sums *sums)
{
    struct llmobs_reader *reader = NULL;
    struct llmobs_load load = {
        .filter = &gate->filter, .parts = LLMOBS_ROW_FACTS, .prices = prices};
    int rc;

    llmobs_tools_of(store);
    rc = llmobs_reader_open(store, &reader);
    if (rc == 0) {
        rc = llmobs_each(&load, reader, NULL, add_row, sums);
        sums->unreadable = llmobs_reader_report(reader)->unreadable;
        load.bad += llmobs_reader_report(reader)->oversized;
    } else if (rc == -ENOENT) { /* nothing has been stored yet */
        rc = 0;
    }
    if (load.bad > 0)
        llmobs_tell(COMMAND ": %zu line%s could not be read as a span\n",
                    load.bad, load.bad == 1 ? "" : "s");
    llmobs_load_fini(&load);
    llmobs_reader_close(reader);
    return rc;
}

/* -- the answer ----------------------------------------------------------- */

/* Begins a line about a limit: on stderr where it is exceeded, else on
 * stdout. */
static FILE *begin(bool exceeded)
{
    fflush(stdout);
    if (exceeded)
        fputs(COMMAND ": ", stderr);
    return exceeded ? stderr : stdout;
}

static bool print_cost_line(const struct llmobs_gate *gate,
                            const struct sums *sums,
                            const struct llmobs_prices *prices)
{
    char text[LLMOBS_COST_TEXT], source[LLMOBS_COST_NOTE];
    const struct llmobs_cost_sum *sum = &sums->cost;
    double more = sum->known_cost - gate->max_cost;
    bool exceeded = more > GRAIN;
    FILE *out = begin(exceeded);

    if (sum->calls > 0 && !sum->any)
        fprintf(out, "cost: unknown for all %zu calls", sum->calls);
    else if (sum->known < sum->calls)
        fprintf(out, "cost: %s %s", llmobs_cost_text(sum->known_cost, text),
                llmobs_cost_note(sum, source));
    else
        fprintf(out, "cost: %s of %zu call%s",
                llmobs_cost_text(sum->known_cost, text), sum->calls,
                sum->calls == 1 ? "" : "s");
    fprintf(out, ", %s: ", llmobs_cost_source(prices, source));
    if (exceeded)
        fprintf(out, "%s more than ", llmobs_cost_text(more, text));
    fprintf(out, "%s%s\n", exceeded ? "" : "at most ",
            llmobs_cost_text(gate->max_cost, text));
    return exceeded;
}

/* Prints a sum of the calls. `of`: the number of calls in the sum. */
static bool print_count(const char *name, int64_t count, int64_t limit,
                        size_t of, size_t calls)
{
    bool exceeded = count > limit;
    FILE *out = begin(exceeded);

    fprintf(out, "%s: %" PRId64 " of ", name, count);
    if (of < calls)
        fprintf(out, "%zu of ", of);
    fprintf(out, "%zu call%s: ", calls, calls == 1 ? "" : "s");
    if (exceeded)
        fprintf(out, "%" PRId64 " more than %" PRId64 "\n", count - limit,
                limit);
    else
        fprintf(out, "at most %" PRId64 "\n", limit);
    return exceeded;
}

static int print_limits(const struct llmobs_gate *gate, const struct sums *sums,
                        const struct llmobs_prices *prices)
{
    size_t calls = sums->cost.calls;
    bool exceeded = false;

    /* Where neither a price nor a cost is known the sum is 0, which exceeds no
     * limit. */
    if (gate->max_cost >= 0 && !llmobs_prices_date(prices) && !sums->cost.any &&
        calls > 0) {
        fputs(COMMAND ": --max-cost: no prices known\n", stderr);
        return LLMOBS_CLI_USAGE;
    }
    if (gate->max_cost >= 0)
        exceeded |= print_cost_line(gate, sums, prices);
    if (gate->max_tokens >= 0)
        exceeded |= print_count("tokens", sums->tokens, gate->max_tokens,
                                sums->counted, calls);
    if (gate->max_errors >= 0)
        exceeded |= print_count("errors", (int64_t)sums->failed,
                                gate->max_errors, calls, calls);
    return exceeded ? LLMOBS_CLI_FAILED : LLMOBS_CLI_OK;
}

int llmobs_gate_check(struct llmobs_gate *gate, const char *store)
{
    struct llmobs_config *config = llmobs_cli_config(store);
    struct llmobs_prices *prices = NULL;
    struct sums sums = {.tokens = 0};
    char dir[PATH_MAX] = "";
    int rc =
        config ? llmobs_config_store_dir(config, dir, sizeof(dir)) : -ENOMEM;
    int status = LLMOBS_CLI_USAGE;

    if (rc != 0)
        llmobs_tell(COMMAND ": %s\n", strerror(-rc));
    else if (gate->max_cost < 0 ||
             llmobs_price_files_load(COMMAND, &prices) == 0) {
        rc = read_store(gate, dir, prices, &sums);
        if (rc == 0)
            status = print_limits(gate, &sums, prices);
        else
            llmobs_tell(COMMAND ": %s: %s\n", dir, strerror(-rc));
    }
    if (status == LLMOBS_CLI_OK && sums.unreadable > 0) {
        llmobs_tell(COMMAND ": there may be more calls in %zu file%s of %s\n",
                    sums.unreadable, sums.unreadable == 1 ? "" : "s", dir);
        status = LLMOBS_CLI_USAGE;
    }
    llmobs_prices_free(prices);
    llmobs_config_free(config);
    return status;
}
