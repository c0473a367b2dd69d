#include "cli/spent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/filter.h"
#include "cli/query/load.h"
#include "cli/query/stored.h"

static void add_unknown(struct llmobs_spent_unknown *unknown,
                        const struct llmobs_row *row)
{
    if (unknown->calls++ == 0)
        snprintf(unknown->model, sizeof(unknown->model), "%s",
                 row->model ? row->model : row->name);
}

/* Adds the row's call, tokens and cost. A proxied call went to a gateway that
 * the user has listed. It counts as a call, but the gateway reports its tokens
 * and cost. */
static void add(struct llmobs_spent *spent, const struct llmobs_row *row,
                bool proxied)
{
    const int64_t counts[] = {row->input_tokens, row->output_tokens};
    bool call = proxied || llmobs_row_is_call(row);

    if (!call && !llmobs_row_counts(row))
        return;
    spent->calls += call ? 1 : 0;
    llmobs_cost_add(&spent->cost, row);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (counts[i] > 0)
            spent->tokens = counts[i] > INT64_MAX - spent->tokens
                                ? INT64_MAX
                                : spent->tokens + counts[i];
    if (!call || row->failed)
        return;
    if (row->input_tokens < 0 && row->output_tokens < 0)
        add_unknown(&spent->uncounted, row);
    if (row->cost < 0)
        add_unknown(&spent->unpriced, row);
}

/* True for a span of this run that was not added before. A store may have the
 * same span twice. */
static bool is_new(struct llmobs_spent *spent, const struct llmobs_json *event)
{
    const char *run = llmobs_json_text(llmobs_stored_call(event, "run"));
    const char *id = llmobs_json_gets(event, "span_id");

    return llmobs_load_is_span(event) && id && run && strstr(run, spent->run) &&
           !llmobs_texts_has(&spent->spans, id, strlen(id)) &&
           llmobs_texts_share(&spent->spans, id);
}

static int add_event(struct llmobs_spent *spent,
                     const struct llmobs_json *event, struct llmobs_place place)
{
    struct llmobs_texts texts = {0};
    struct llmobs_row *row;
    int rc = llmobs_row_new(event, place, LLMOBS_ROW_FACTS, &texts, &row);

    if (rc == 0) {
        llmobs_cost_estimate(row, spent->prices);
        add(spent, row, llmobs_stored_call(event, "proxied") != NULL);
        llmobs_row_free(row);
    }
    llmobs_texts_fini(&texts);
    return rc == -EINVAL ? 0 : rc;
}

static int add_line(void *ctx, struct llmobs_text line,
                    struct llmobs_place place)
{
    struct llmobs_spent *spent = ctx;
    struct llmobs_json *event = NULL;
    int rc = 0;

    /* Most lines of a store may belong to other runs. */
    if (memmem(line.data, line.len, spent->run, strlen(spent->run)) &&
        llmobs_json_parse(line, &event) == 0 && is_new(spent, event))
        rc = add_event(spent, event, place);
    llmobs_json_free(event);
    return rc;
}

int llmobs_spent_look(struct llmobs_spent *spent)
{
    int rc = 0;

    if (!spent->reader) {
        rc = llmobs_reader_open(spent->store, &spent->reader);
        if (rc == 0)
            rc = llmobs_reader_walk(spent->reader, spent->since_ns, add_line,
                                    spent);
    }
    if (rc == 0)
        rc = llmobs_reader_more(spent->reader, add_line, spent);
    if (rc == 0)
        return 0;
    llmobs_reader_close(spent->reader);
    spent->reader = NULL;
    return rc;
}
