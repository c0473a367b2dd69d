#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/cost.h"
#include "cli/shared/escape.h"
#include "cli/show/columns.h"
#include "cli/show/halves.h"
#include "cli/show/wrap.h"

#define NS_PER_S 1e9
#define INDENT 3 /* as wide as "A  " */
#define LINE_MAX 4096
#define MODELS 4

/* -- sums ----------------------------------------------------------------- */

enum { CALL_COUNT, ERRORS, DURATION, FIRST, IN, OUT, COST, PASSED, NUMBERS };

static const char *const names[NUMBERS] = {
    "calls",     "errors",     "duration", "first token",
    "tokens in", "tokens out", "cost",     "evaluations passed"};

static struct llmobs_cell share_of(size_t passed, size_t failed)
{
    double all = (double)passed + (double)failed;

    return llmobs_cell_real(LLMOBS_CELL_SHARE,
                            all > 0 ? (double)passed / all : -1);
}

static void halves_sum(const struct llmobs_half *half,
                       struct llmobs_cell *cells)
{
    const struct llmobs_run *sums = &half->sums;
    size_t at = 0, errors = 0, passed = 0, failed = 0;
    const struct llmobs_row *row;
    double first = -1;

    while ((row = llmobs_halves_row(half, &at))) {
        errors += row->failed;
        passed += row->verdicts.passed;
        failed += row->verdicts.failed;
        if (first < 0)
            first = row->first_token;
    }
    cells[CALL_COUNT] = llmobs_cell_count((int64_t)sums->calls);
    cells[ERRORS] = llmobs_cell_count((int64_t)errors);
    cells[DURATION] = llmobs_cell_length(sums->end_ns - sums->start_ns);
    cells[FIRST] = llmobs_cell_length(
        first >= 0 && first < 9e9 ? (int64_t)(first * NS_PER_S) : -1);
    cells[IN] = llmobs_cell_count(sums->input_tokens);
    cells[OUT] = llmobs_cell_count(sums->output_tokens);
    cells[COST] = llmobs_cell_real(LLMOBS_CELL_MONEY, sums->cost);
    cells[PASSED] = share_of(passed, failed);
}

static double number_of(struct llmobs_cell cell)
{
    return cell.kind == LLMOBS_CELL_COUNT || cell.kind == LLMOBS_CELL_LENGTH
               ? (double)cell.whole
               : cell.real;
}

/* Adds "-1.20 s (0.50x)" where both numbers are known, and differ. */
static int add_difference(struct llmobs_buf *out, const struct llmobs_cell *a,
                          const struct llmobs_cell *b, bool ascii)
{
    double x = number_of(*a), y = number_of(*b);
    double more = y > x ? y - x : x - y, times = x > 0 ? y / x : 0;
    struct llmobs_cell cell = *b;
    int rc;

    if (a->kind != b->kind || x == y)
        return llmobs_buf_adds(out, "");
    cell.real = more;
    cell.whole = y > x ? b->whole - a->whole : a->whole - b->whole;
    rc = llmobs_buf_addc(out, y > x ? '+' : '-');
    rc |= llmobs_cell_add_words(out, cell, ascii);
    if (rc == 0 && x > 0)
        rc = llmobs_buf_addf(out, " (%.*fx)",
                             times >= 100  ? 0
                             : times >= 10 ? 1
                                           : 2,
                             times);
    return rc;
}

static int print_sums(const struct llmobs_halves *halves)
{
    static const struct llmobs_column columns[] = {
        {NULL, "", .left = true},
        {NULL, "A", .left = false},
        {NULL, "B", .left = false},
        {NULL, "DIFFERENCE", .left = false}};
    const struct llmobs_screen *screen = &halves->view->screen;
    struct llmobs_cell a[NUMBERS], b[NUMBERS];
    struct llmobs_sheet sheet;
    struct llmobs_buf more;
    int rc = 0;

    halves_sum(&halves->half[0], a);
    halves_sum(&halves->half[1], b);
    llmobs_buf_init(&more, LINE_MAX);
    llmobs_sheet_init(&sheet, screen, LLMOBS_SHEET_WORDS, columns, 4);
    for (size_t i = 0; rc == 0 && i < NUMBERS; i++) {
        struct llmobs_cell cells[] = {
            llmobs_cell_drawn(names[i]), a[i], b[i], {0}};

        if (a[i].kind == LLMOBS_CELL_UNKNOWN &&
            b[i].kind == LLMOBS_CELL_UNKNOWN)
            continue;
        llmobs_buf_cut(&more, 0);
        rc = add_difference(&more, &a[i], &b[i], screen->ascii);
        cells[3] = llmobs_cell_drawn(rc == 0 ? more.data : "");
        if (rc == 0)
            rc = llmobs_sheet_add(&sheet, cells);
    }
    if (rc == 0)
        rc = llmobs_sheet_end(&sheet);
    llmobs_sheet_fini(&sheet);
    llmobs_buf_fini(&more);
    return rc;
}

/* Adds "; B's is of 1 of 3 calls" where a sum lacks calls. */
static int add_lack(struct llmobs_buf *line, size_t i, const char *is,
                    const struct llmobs_cost_sum *sum)
{
    char note[LLMOBS_COST_NOTE];

    return sum->any && *llmobs_cost_note(sum, note) != '\0'
               ? llmobs_buf_addf(line, "%s%c's %s %s",
                                 line->len > 0 ? "; " : "", i == 0 ? 'A' : 'B',
                                 is, note)
               : 0;
}

static void print_note(const struct llmobs_halves *halves,
                       const struct llmobs_buf *line)
{
    if (line->len > 0)
        llmobs_wrap_print(&halves->view->screen, LLMOBS_PAINT_DIM, 0,
                          line->data);
}

/* Prints of how many calls tokens and costs are, and where costs come from. */
static int print_notes(const struct llmobs_halves *halves)
{
    struct llmobs_cost_sum costs[2] = {{.calls = 0}}, told;
    char source[LLMOBS_COST_NOTE];
    struct llmobs_buf cost, tokens;
    int rc = 0;

    llmobs_buf_init(&cost, LINE_MAX);
    llmobs_buf_init(&tokens, LINE_MAX);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < halves->half[i].count; k++)
            llmobs_cost_add(&costs[i], halves->half[i].calls[k]);
    if (costs[0].any || costs[1].any)
        rc = llmobs_buf_addf(&cost, "cost: %s",
                             llmobs_cost_source(halves->view->prices, source));
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        told = (struct llmobs_cost_sum){.calls = costs[i].calls};
        for (size_t k = 0; k < halves->half[i].count; k++)
            told.known += llmobs_row_is_call(halves->half[i].calls[k]) &&
                          halves->half[i].calls[k]->input_tokens >= 0;
        told.any = told.known > 0;
        rc = add_lack(&tokens, i, "tokens are", &told);
        if (rc == 0)
            rc = add_lack(&cost, i, "cost is", &costs[i]);
    }
    if (rc == 0) {
        print_note(halves, &tokens);
        print_note(halves, &cost);
    }
    llmobs_buf_fini(&cost);
    llmobs_buf_fini(&tokens);
    return rc;
}

/* -- heads ---------------------------------------------------------------- */

static int print_line(const struct llmobs_halves *halves,
                      struct llmobs_buf *line, size_t indent,
                      enum llmobs_paint paint)
{
    llmobs_wrap_print(&halves->view->screen, paint, indent, line->data);
    llmobs_buf_cut(line, 0);
    return ferror(stdout) ? -EPIPE : 0;
}

/* Adds each model once. */
static int add_models(struct llmobs_buf *line, const struct llmobs_half *half)
{
    const char *had[MODELS];
    const struct llmobs_row *row;
    size_t at = 0, count = 0;
    int rc = 0;

    while (rc == 0 && count < MODELS && (row = llmobs_halves_row(half, &at))) {
        bool has = !row->model;

        for (size_t i = 0; !has && i < count; i++)
            has = strcmp(had[i], row->model) == 0;
        if (has)
            continue;
        had[count++] = row->model;
        rc = llmobs_buf_adds(line, ", ");
        rc |= llmobs_escape_adds(line, row->model, LLMOBS_CELL_COLUMNS);
    }
    return rc;
}

/* Prints "A  trace 6affe73a...", and below it when it began, its models and
 * its question. */
static int print_head(const struct llmobs_halves *halves, size_t i)
{
    const struct llmobs_half *half = &halves->half[i];
    const struct llmobs_columns_style style = {.list = true};
    const struct llmobs_row *row, *asks = NULL;
    struct llmobs_buf line;
    size_t at = 0;
    bool span = half->load->shown == 1;
    int rc;

    while (!asks && (row = llmobs_halves_row(half, &at)))
        asks = row->question ? row : NULL;
    at = 0;
    row = llmobs_halves_row(half, &at);
    llmobs_buf_init(&line, LINE_MAX);
    rc = llmobs_buf_addf(&line, "%c  trace ", i == 0 ? 'A' : 'B');
    rc |= llmobs_escape_adds(&line, row->trace_id, LLMOBS_CELL_COLUMNS);
    if (rc == 0 && span) {
        rc = llmobs_buf_adds(&line, ", span ");
        rc |= llmobs_escape_adds(&line, row->span_id, LLMOBS_CELL_COLUMNS);
    }
    if (rc == 0)
        rc = print_line(halves, &line, 0, LLMOBS_PAINT_BOLD);
    rc |= llmobs_columns_time(&line, row->start_ns, true);
    if (rc == 0)
        rc = add_models(&line, half);
    if (rc == 0)
        rc = print_line(halves, &line, INDENT, LLMOBS_PAINT_NONE);
    if (rc == 0 && asks)
        rc = llmobs_columns_add(&line, LLMOBS_COLUMN_QUESTION, asks, &style);
    else if (rc == 0)
        rc = llmobs_escape_adds(&line, row->name, LLMOBS_CELL_COLUMNS);
    if (rc == 0)
        rc = print_line(halves, &line, INDENT, LLMOBS_PAINT_DIM);
    llmobs_buf_fini(&line);
    return rc;
}

int llmobs_halves_print_sums(const struct llmobs_halves *halves)
{
    int rc = print_head(halves, 0);

    if (rc == 0)
        rc = print_head(halves, 1);
    putchar('\n');
    if (rc == 0)
        rc = print_sums(halves);
    return rc == 0 ? print_notes(halves) : rc;
}
