#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/waste.h"
#include "cli/shared/escape.h"
#include "cli/shared/tell.h"
#include "cli/show/wrap.h"
#include "cli/show/forms.h"

#define SHOWN 10 /* lines of each kind that a person sees */
#define WIDE 400
#define INDENT 4
#define SEE_MAX 128
#define BY_MAX (LLMOBS_BY_KEYS * (LLMOBS_KEY_WORD + 8))
#define COLUMNS_MOST (11 + LLMOBS_BY_KEYS)

/* The key of the lines, if nothing is asked for. */
static const struct llmobs_by by_caller = {{{LLMOBS_KEY_CALLER, "caller"}}, 1};

static const struct {
    const char *word;
    const char *title;
    const char *unit;
} kinds[LLMOBS_WASTE_KINDS] = {
    [LLMOBS_WASTE_REPEAT] = {"repeat",
                             "Requests that had been answered before:", "time"},
    [LLMOBS_WASTE_RETRY] = {"retry",
                            "Retries, and what the failed calls cost:", "time"},
    [LLMOBS_WASTE_LOOPS] = {"loop",
                            "The same call of a tool, again and again in one "
                            "trace:",
                            "time"},
    [LLMOBS_WASTE_FAILED] = {"failed",
                             "Failed calls that were paid for:", "call"},
    [LLMOBS_WASTE_CALLER] = {"caller", NULL, "call"},
};

/* Writes the command that shows the trace; NULL where a shell would not take
 * the id as one plain word. */
static const char *show_waste_see(const struct llmobs_waste_line *line,
                                  char room[SEE_MAX])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = strlen(line->trace);

    if (len == 0 || len > 64 || line->trace[0] == '-' ||
        strspn(line->trace, plain) != len)
        return NULL;
    snprintf(room, SEE_MAX, "llmobs view --trace %s", line->trace);
    return room;
}

/* The words of the keys. */
static const char *join(const struct llmobs_by *by, const char *comma,
                        char room[BY_MAX])
{
    snprintf(room, BY_MAX, "%s%s%s", by->keys[0].word,
             by->count > 1 ? comma : "", by->count > 1 ? by->keys[1].word : "");
    return room;
}

/* -- lines of numbers ----------------------------------------------------- */

/* Every line has a model anyway. */
static bool has_column(const struct llmobs_by *by, size_t i)
{
    return by->keys[i].key != LLMOBS_KEY_MODEL;
}

static int show_waste_add_line(struct llmobs_sheet *sheet,
                               const struct llmobs_by *by,
                               const char *const words[LLMOBS_WASTE_KINDS],
                               const struct llmobs_waste_line *line)
{
    struct llmobs_cell cells[COLUMNS_MOST] = {
        llmobs_cell_text(words[line->kind]),
        llmobs_cell_count((int64_t)line->count),
        llmobs_cell_count(line->input_tokens),
        llmobs_cell_count(line->output_tokens),
        llmobs_cell_real(LLMOBS_CELL_MONEY, line->cost),
        llmobs_cell_length(line->time_ns),
        llmobs_cell_text(line->model),
        llmobs_cell_text(line->thing)};
    char room[SEE_MAX];
    size_t at = 8;

    for (size_t i = 0; i < by->count; i++)
        if (has_column(by, i))
            cells[at++] = llmobs_cell_text(line->by[i]);
    cells[at++] = llmobs_cell_text(line->trace);
    cells[at++] = llmobs_cell_text(line->span);
    cells[at++] = llmobs_cell_text(show_waste_see(line, room));
    return llmobs_sheet_add(sheet, cells);
}

static int show_waste_show_numbers(const struct llmobs_waste *waste,
                                   const struct llmobs_by *by,
                                   const struct llmobs_view *view)
{
    struct llmobs_column columns[COLUMNS_MOST] = {
        {.name = "waste"},        {.name = "count"},
        {.name = "input_tokens"}, {.name = "output_tokens"},
        {.name = "cost_usd"},     {.name = "time_s"},
        {.name = "model"},        {.name = "what"}};
    const char *words[LLMOBS_WASTE_KINDS];
    char callers[BY_MAX];
    struct llmobs_sheet sheet;
    size_t at = 8;
    int rc;

    for (size_t i = 0; i < LLMOBS_WASTE_KINDS; i++)
        words[i] = kinds[i].word;
    words[LLMOBS_WASTE_CALLER] = join(by, ",", callers);
    for (size_t i = 0; i < by->count; i++)
        if (has_column(by, i))
            columns[at++].name = by->keys[i].word;
    columns[at++].name = "trace_id";
    columns[at++].name = "span_id";
    columns[at++].name = "see";
    llmobs_sheet_init(&sheet, &view->screen, view->format, columns, at);
    rc = llmobs_sheet_begin(&sheet);
    for (size_t i = 0; rc == 0 && i < waste->count; i++)
        rc = show_waste_add_line(&sheet, by, words, &waste->lines[i]);
    llmobs_sheet_fini(&sheet);
    return rc;
}

/* -- words ---------------------------------------------------------------- */

static int add_known(struct llmobs_buf *out, struct llmobs_cell cell,
                     const char *unit)
{
    int rc;

    if (cell.kind == LLMOBS_CELL_UNKNOWN)
        return 0;
    rc = llmobs_buf_adds(out, ", ");
    rc |= llmobs_cell_add_words(out, cell, false);
    return rc | llmobs_buf_adds(out, unit);
}

/* Adds "12 times, 34,120 tokens in, 410 out, $0.12, 3.20 s". */
static int show_waste_add_facts(struct llmobs_buf *out,
                                const struct llmobs_waste_line *line)
{
    int rc = llmobs_cell_add_words(out, llmobs_cell_count((int64_t)line->count),
                                   false);

    rc |= llmobs_buf_addf(out, " %s%s", kinds[line->kind].unit,
                          line->count == 1 ? "" : "s");
    rc |= add_known(out, llmobs_cell_count(line->input_tokens), " tokens in");
    rc |= add_known(out, llmobs_cell_count(line->output_tokens), " out");
    rc |= add_known(out, llmobs_cell_real(LLMOBS_CELL_MONEY, line->cost), "");
    return rc | add_known(out, llmobs_cell_length(line->time_ns), "");
}

/* Prints "by app!ask+0x1b" at the indent, where there is room for both, cut to
 * the screen's width: the frames where the program makes the call. */
static int print_named(const struct llmobs_view *view, const char *before,
                       const char *name)
{
    size_t width = view->screen.columns > 0 ? view->screen.columns : WIDE;
    size_t indent = width > 2 * INDENT ? INDENT : 0;
    struct llmobs_buf text, fit;
    int rc;

    if (!name)
        return 0;
    llmobs_buf_init(&text, SIZE_MAX / 2);
    llmobs_buf_init(&fit, SIZE_MAX / 2);
    rc = llmobs_buf_addf(&text, "%s%s", before, name);
    if (rc == 0)
        rc = llmobs_escape_adds(&fit, text.data, width - indent);
    if (rc == 0) {
        llmobs_screen_pad(indent);
        llmobs_screen_puts(&view->screen, fit.data);
        putchar('\n');
    }
    llmobs_buf_fini(&text);
    llmobs_buf_fini(&fit);
    return rc;
}

/* Prints "by shop.php, gpt-4o". */
static int print_by(const struct llmobs_view *view,
                    const struct llmobs_waste_line *line)
{
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; rc == 0 && i < LLMOBS_BY_KEYS; i++) {
        if (!line->by[i])
            continue;
        rc = llmobs_buf_adds(&text, text.len > 0 ? ", " : "");
        rc |= llmobs_buf_adds(&text, line->by[i]);
    }
    if (rc == 0)
        rc = print_named(view, "by ", text.len > 0 ? text.data : NULL);
    llmobs_buf_fini(&text);
    return rc;
}

static int show_waste_print_line(const struct llmobs_view *view,
                                 const struct llmobs_waste_line *line)
{
    struct llmobs_buf facts;
    char room[SEE_MAX];
    int rc;

    llmobs_buf_init(&facts, SIZE_MAX / 2);
    rc = show_waste_add_facts(&facts, line);
    if (rc == 0)
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_BOLD, INDENT / 2,
                          facts.data);
    llmobs_buf_fini(&facts);
    if (rc == 0)
        rc = print_named(view, "", line->thing);
    if (rc == 0)
        rc = print_named(view, "model ", line->model);
    if (rc == 0)
        rc = print_by(view, line);
    if (rc == 0)
        rc = show_waste_see(line, room)
                 ? print_named(view, "", room)
                 : print_named(view, "trace ", line->trace);
    return rc;
}

/* Sums all lines of a kind. */
static struct llmobs_waste_line show_waste_sum_of(
    const struct llmobs_waste *waste, enum llmobs_waste_kind kind)
{
    struct llmobs_waste_line sum = {.kind = kind,
                                    .input_tokens = -1,
                                    .output_tokens = -1,
                                    .cost = -1,
                                    .time_ns = -1};

    for (size_t i = 0; i < waste->count; i++)
        if (waste->lines[i].kind == kind)
            llmobs_waste_add(&sum, &waste->lines[i]);
    return sum;
}

static int print_kind(const struct llmobs_waste *waste,
                      const struct llmobs_view *view,
                      enum llmobs_waste_kind kind)
{
    struct llmobs_waste_line sum = show_waste_sum_of(waste, kind);
    char more[64], words[BY_MAX], by[BY_MAX + 64];
    struct llmobs_buf head;
    size_t met = 0;
    int rc;

    if (sum.count == 0)
        return 0;
    snprintf(by, sizeof(by), "By %s, each call of a model once:",
             join(view->by.count > 0 ? &view->by : &by_caller, " and ", words));
    llmobs_wrap_print(&view->screen, LLMOBS_PAINT_CYAN, 0,
                      kind == LLMOBS_WASTE_CALLER ? by : kinds[kind].title);
    llmobs_buf_init(&head, SIZE_MAX / 2);
    rc = llmobs_buf_adds(&head, "all: ");
    if (rc == 0)
        rc = show_waste_add_facts(&head, &sum);
    if (rc == 0)
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, INDENT, head.data);
    llmobs_buf_fini(&head);
    for (size_t i = 0; rc == 0 && i < waste->count; i++)
        if (waste->lines[i].kind == kind && met++ < SHOWN)
            rc = show_waste_print_line(view, &waste->lines[i]);
    if (rc == 0 && met > SHOWN) {
        snprintf(more, sizeof(more), "%zu more; --csv has all", met - SHOWN);
        llmobs_wrap_print(&view->screen, LLMOBS_PAINT_NONE, INDENT / 2, more);
    }
    return rc;
}

static int show_words(const struct llmobs_waste *waste,
                      const struct llmobs_view *view)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < LLMOBS_WASTE_KINDS; i++)
        rc = print_kind(waste, view, (enum llmobs_waste_kind)i);
    if (rc == 0 && waste->count == 0 && view->load.shown > 0)
        llmobs_tell("llmobs view: no call was for nothing\n");
    return rc;
}

int llmobs_view_waste(struct llmobs_view *view)
{
    struct llmobs_load *load = &view->load;
    struct llmobs_waste waste;
    int rc;

    llmobs_waste_init(&waste);
    waste.by = view->by;
    llmobs_view_prices(view);
    load->newest = view->newest;
    rc = llmobs_waste_read(&waste, load, view->reader);
    if (rc == 0)
        rc = view->format == LLMOBS_SHEET_WORDS
                 ? show_words(&waste, view)
                 : show_waste_show_numbers(
                       &waste, view->by.count > 0 ? &view->by : &by_caller,
                       view);
    llmobs_waste_fini(&waste);
    if (rc == 0)
        llmobs_view_tell_prices(view);
    return rc != 0 ? rc : ferror(stdout) ? -EPIPE : 0;
}
