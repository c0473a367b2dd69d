#include "cli/show/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/query/cost.h"
#include "cli/shared/escape.h"
#include "cli/show/branches.h"
#include "cli/show/cells.h"
#include "cli/show/layout.h"
#include "cli/show/messages.h"
#include "cli/show/transcript.h"
#include "lib/base/hazard.h"

#define CELL_MAX (32u * 1024)
#define NAME_COLUMNS 40
#define APP_COLUMNS 20
#define KIND_COLUMNS 12
#define MODEL_COLUMNS 32
#define ID_COLUMNS 39
#define ERROR_COLUMNS 160
#define MESSAGE_LINES 3 /* of a message that is not shown whole */
#define BELOW_MAX (256u * 1024)
/* The columns that must be left for a name beside a drawn branch. */
#define NAME_LEAST 10

struct table {
    const struct llmobs_table_style *style;
    const struct llmobs_screen *screen;
    bool list;
    bool brief;   /* fitted to the screen */
    bool goes_on; /* the titles of the print before stand above */
    bool again;   /* there was a print before */
    struct llmobs_layout layout;
    size_t depth;                                /* levels that are drawn */
    struct llmobs_buf cell[LLMOBS_COLUMN_COUNT]; /* of the current row */
    struct llmobs_buf text;                      /* for any line */
    struct llmobs_transcript transcript;
};

/* -- cells ---------------------------------------------------------------- */

/* Stands for a fact that is unknown. */
static const char *dash_of(const struct table *table)
{
    return table->brief ? LLMOBS_CELLS_DASH : "-";
}

static int fill_name(const struct table *table, struct llmobs_buf *out,
                     const struct llmobs_row *row)
{
    int rc =
        table->list ? 0 : llmobs_branches_add(out, row, true, table->depth);

    rc |= llmobs_escape_adds(out, row->name, NAME_COLUMNS);
    /* While a view follows, the parent may still run. */
    if (rc == 0 && row->orphan && !table->list && !table->style->kept)
        rc = llmobs_buf_adds(out, " (parent elsewhere)");
    return rc;
}

static int table_fill_model(const struct table *table, struct llmobs_buf *out,
                            const struct llmobs_row *row)
{
    bool brief = table->brief && table->layout.columns < LLMOBS_LAYOUT_KIND;

    if (row->model)
        return llmobs_cells_model(out, row->model, brief, MODEL_COLUMNS);
    return table->brief && !llmobs_row_is_call(row)
               ? 0
               : llmobs_buf_adds(out, dash_of(table));
}

static int fill_first(const struct table *table, struct llmobs_buf *out,
                      const struct llmobs_row *row)
{
    bool none = table->brief && strcmp(row->kind, "llm") != 0;

    return llmobs_cells_first(out, row, none ? "" : dash_of(table));
}

static int fill_cost(struct llmobs_buf *out, const struct llmobs_row *row)
{
    char room[LLMOBS_COST_TEXT];
    const char *cost = llmobs_cost_text(row->cost, room);

    if (!cost)
        cost = llmobs_row_is_call(row) ? LLMOBS_CELLS_DASH : "";
    return llmobs_buf_adds(out, cost);
}

static int table_fill(struct table *table, enum llmobs_layout_column column,
                      const struct llmobs_row *row)
{
    struct llmobs_buf *out = &table->cell[column];

    switch (column) {
    case LLMOBS_COLUMN_TIME:
        return llmobs_cells_time(out, row->start_ns, table->brief);
    case LLMOBS_COLUMN_LETTER:
        return llmobs_buf_addc(out, llmobs_cells_letter(row->kind));
    case LLMOBS_COLUMN_NAME:
        return fill_name(table, out, row);
    case LLMOBS_COLUMN_KIND:
        return llmobs_escape_adds(out, row->kind, KIND_COLUMNS);
    case LLMOBS_COLUMN_MODEL:
        return table_fill_model(table, out, row);
    case LLMOBS_COLUMN_TOKENS:
        return llmobs_cells_tokens(out, row);
    case LLMOBS_COLUMN_IN:
        return llmobs_cells_count(out, row->input_tokens, "-");
    case LLMOBS_COLUMN_OUT:
        return llmobs_cells_count(out, row->output_tokens, "-");
    case LLMOBS_COLUMN_DURATION:
        return llmobs_cells_duration(out, row->duration_ns, dash_of(table));
    case LLMOBS_COLUMN_FIRST:
        return fill_first(table, out, row);
    case LLMOBS_COLUMN_COST:
        return fill_cost(out, row);
    case LLMOBS_COLUMN_STATUS:
        return llmobs_buf_adds(out, row->failed ? "error" : "ok");
    case LLMOBS_COLUMN_TRACE:
        return llmobs_escape_adds(out, row->trace_id, ID_COLUMNS);
    case LLMOBS_COLUMN_QUESTION:
        return llmobs_cells_question(out, row, LLMOBS_ROW_WORDS);
    case LLMOBS_COLUMN_COUNT:
        break;
    }
    return 0;
}

static int fill_row(struct table *table, const struct llmobs_row *row)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < LLMOBS_COLUMN_COUNT; i++) {
        llmobs_buf_cut(&table->cell[i], 0);
        if (table->layout.shown[i])
            rc = table_fill(table, (enum llmobs_layout_column)i, row);
    }
    return rc;
}

static const char *table_text_of(const struct llmobs_buf *buf)
{
    return buf->len > 0 ? buf->data : "";
}

static int table_measure(struct table *table, const struct llmobs_row *row)
{
    int rc = fill_row(table, row);

    for (int i = 0; rc == 0 && i < LLMOBS_COLUMN_COUNT; i++)
        llmobs_layout_want(&table->layout, (enum llmobs_layout_column)i,
                           llmobs_escape_width(table_text_of(&table->cell[i])));
    return rc;
}

/* -- lines ---------------------------------------------------------------- */

/* Cuts a text that is fit for a terminal to the columns: one that was cut
 * before keeps its end. */
static int cut_to(struct table *table, struct llmobs_buf *cell, size_t columns)
{
    int rc = 0;

    if (LLMOBS_HAZARD(cells_overflow,
                      llmobs_escape_width(table_text_of(cell)) <= columns,
                      true))
        return 0;
    llmobs_buf_cut(&table->text, 0);
    if (columns > 0)
        rc = llmobs_escape_adds(&table->text, cell->data, columns);
    llmobs_buf_cut(cell, 0);
    return rc | llmobs_buf_adds(cell, table_text_of(&table->text));
}

static enum llmobs_paint paint_of(const struct table *table, int column,
                                  const struct llmobs_row *row)
{
    if (row->path)
        return LLMOBS_PAINT_DIM;
    switch (column) {
    case LLMOBS_COLUMN_STATUS:
        return row->failed    ? LLMOBS_PAINT_RED
               : table->brief ? LLMOBS_PAINT_DIM
                              : LLMOBS_PAINT_NONE;
    case LLMOBS_COLUMN_LETTER:
        return llmobs_cells_paint(row->kind);
    case LLMOBS_COLUMN_KIND:
        return table->brief ? llmobs_cells_paint(row->kind) : LLMOBS_PAINT_CYAN;
    case LLMOBS_COLUMN_TIME:
    case LLMOBS_COLUMN_TRACE:
    case LLMOBS_COLUMN_QUESTION:
        return LLMOBS_PAINT_DIM;
    default:
        return LLMOBS_PAINT_NONE;
    }
}

/* Prints a cell and the gap behind it; `last`: there is none to its right. */
static int table_print_cell(const struct table *table,
                            enum llmobs_layout_column column, const char *text,
                            enum llmobs_paint paint, bool last)
{
    size_t gap = last ? 0 : llmobs_layout_gap(&table->layout, column);
    size_t width = llmobs_escape_width(text);
    size_t want = table->layout.width[column];
    int rc = 0;
    size_t space = want > width ? want - width : 0;

    if (llmobs_layout_right(column))
        llmobs_screen_pad(space);
    if (*text == '\0')
        paint = LLMOBS_PAINT_NONE;
    llmobs_screen_paint(table->screen, paint);
    if (column == LLMOBS_COLUMN_NAME || column == LLMOBS_COLUMN_QUESTION)
        rc = llmobs_transcript_put(&table->transcript, text);
    else
        llmobs_screen_puts(table->screen, text);
    llmobs_screen_unpaint(table->screen, paint);
    if (gap == 0)
        putchar('\n');
    else
        llmobs_screen_pad(gap + (llmobs_layout_right(column) ? 0 : space));
    return rc;
}

static void print_lines(const struct table *table, const char *bars,
                        const char *lines)
{
    const char *end;

    for (; lines && (end = strchr(lines, '\n')); lines = end + 1) {
        llmobs_screen_puts(table->screen, bars);
        llmobs_screen_paint(table->screen, LLMOBS_PAINT_DIM);
        llmobs_screen_put(table->screen,
                          (struct llmobs_text){lines, (size_t)(end - lines)});
        llmobs_screen_unpaint(table->screen, LLMOBS_PAINT_DIM);
        putchar('\n');
    }
}

/* Prints lines that are fit for a terminal, each cut to the screen. */
static int print_cut(struct table *table, const char *bars, const char *lines)
{
    size_t columns = table->screen->columns, left = llmobs_escape_width(bars);
    struct llmobs_buf cut;
    const char *end;
    int rc = 0;

    if (columns == 0) {
        print_lines(table, bars, lines);
        return 0;
    }
    columns = columns > left ? columns - left : 1;
    llmobs_buf_init(&cut, SIZE_MAX / 2);
    for (; rc == 0 && lines && (end = strchr(lines, '\n')); lines = end + 1) {
        rc = llmobs_escape_add(
            &cut, (struct llmobs_text){lines, (size_t)(end - lines)}, columns);
        rc |= llmobs_buf_addc(&cut, '\n');
    }
    if (rc == 0)
        print_lines(table, bars, table_text_of(&cut));
    llmobs_buf_fini(&cut);
    return rc;
}

/* -- below a row ---------------------------------------------------------- */

/* Prints the facts of a row whose messages are shown whole. */
static int print_facts(struct table *table, const char *bars,
                       const struct llmobs_row *row)
{
    struct llmobs_buf text;
    int rc;

    if (!table->style->whole)
        return 0;
    llmobs_buf_init(&text, BELOW_MAX);
    rc = llmobs_cells_facts(&text, row);
    if (rc == 0)
        rc = llmobs_transcript_text(&table->transcript, table_text_of(&text),
                                    LLMOBS_PAINT_DIM, bars);
    llmobs_buf_fini(&text);
    return rc;
}

/* Prints the bars alone between two rows whose messages are shown whole. */
static void print_space(const struct table *table, struct llmobs_buf *bars,
                        const struct llmobs_row *row)
{
    if (!table->style->whole || table->list || !llmobs_forest_next(row))
        return;
    while (bars->len > 0 && bars->data[bars->len - 1] == ' ')
        llmobs_buf_cut(bars, bars->len - 1);
    llmobs_screen_puts(table->screen, table_text_of(bars));
    putchar('\n');
}

static int print_error(struct table *table, const char *bars,
                       const struct llmobs_row *row)
{
    struct llmobs_buf *error = &table->cell[LLMOBS_COLUMN_STATUS];
    struct llmobs_buf text;
    int rc;

    if (!row->failed || row->path)
        return 0;
    llmobs_buf_init(&text, BELOW_MAX);
    llmobs_buf_cut(error, 0);
    rc = llmobs_cells_error(&text, row);
    if (rc == 0 && text.len > 0 && table->brief) {
        rc = llmobs_transcript_text(&table->transcript, text.data,
                                    LLMOBS_PAINT_RED, bars);
    } else if (rc == 0 && text.len > 0) {
        rc = llmobs_escape_adds(error, text.data, ERROR_COLUMNS);
        llmobs_screen_puts(table->screen, bars);
        llmobs_screen_painted(table->screen, LLMOBS_PAINT_RED,
                              table_text_of(error));
        putchar('\n');
    }
    llmobs_buf_fini(&text);
    return rc;
}

/* Prints messages on one line each, shortened: the form of a pipe. */
static int print_short(struct table *table, const char *bars,
                       const struct llmobs_json *event)
{
    struct llmobs_buf lines;
    int rc;

    llmobs_buf_init(&lines, BELOW_MAX);
    rc = llmobs_messages_lines(event, &lines);
    if (rc == 0 && lines.len > 0)
        print_lines(table, bars, lines.data);
    llmobs_buf_fini(&lines);
    return rc;
}

/* Reads the span again for its messages. */
static int table_print_messages(struct table *table, const char *bars,
                                const struct llmobs_row *row)
{
    struct llmobs_json *event;
    struct llmobs_buf line;
    int rc;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    rc = llmobs_reader_event(table->style->messages, row->place, &line, &event);
    llmobs_buf_fini(&line);
    if (rc == 0 && (table->brief || table->style->whole))
        return llmobs_transcript_print(&table->transcript, row, event, bars);
    if (rc == 0)
        rc = print_short(table, bars, event);
    llmobs_json_free(event);
    return rc == -ESTALE ? 0 : rc; /* the exporter has removed the file */
}

/* Adds the bars beside the lines below a row, which stand below its name. */
static int table_add_bars(const struct table *table, struct llmobs_buf *out,
                          const struct llmobs_row *row)
{
    size_t left =
        table->list ? 0
                    : llmobs_layout_before(&table->layout, LLMOBS_COLUMN_NAME);
    int rc = llmobs_buf_addf(out, "%*s", (int)left, "");

    if (rc == 0 && table->list)
        rc = llmobs_buf_adds(out, "   ");
    else if (rc == 0)
        rc = llmobs_branches_add(out, row, false, table->depth);
    return rc;
}

/* Prints the lines below a row: its error, messages, links and
 * evaluations. */
static int print_below(struct table *table, const struct llmobs_row *row)
{
    struct llmobs_buf *bars = &table->cell[LLMOBS_COLUMN_NAME];
    int rc;

    llmobs_buf_cut(bars, 0);
    rc = table_add_bars(table, bars, row);
    if (rc == 0 && table->brief)
        rc = cut_to(table, bars, table->screen->columns - 1);
    if (rc == 0)
        rc = print_facts(table, table_text_of(bars), row);
    if (rc == 0)
        rc = print_error(table, table_text_of(bars), row);
    if (rc == 0 && table->style->messages && !row->path)
        rc = table_print_messages(table, table_text_of(bars), row);
    if (rc == 0)
        rc = print_cut(table, table_text_of(bars), row->links);
    if (rc == 0)
        rc = print_cut(table, table_text_of(bars), row->evaluations);
    if (rc == 0)
        print_space(table, bars, row);
    return rc;
}

/* Prints the cells of a line, up to the last one that has a text. */
static int print_cells(struct table *table, const struct llmobs_row *row)
{
    int last = LLMOBS_COLUMN_COUNT - 1, rc = 0;

    while (last > 0 && table->cell[last].len == 0)
        last--;
    for (int i = 0; rc == 0 && i <= last; i++) {
        enum llmobs_layout_column column = (enum llmobs_layout_column)i;

        if (!table->layout.shown[i])
            continue;
        rc = cut_to(table, &table->cell[i], table->layout.width[i]);
        if (rc == 0)
            rc = table_print_cell(
                table, column, table_text_of(&table->cell[i]),
                row ? paint_of(table, i, row) : LLMOBS_PAINT_BOLD, i == last);
    }
    return rc;
}

static int table_print_row(struct table *table, const struct llmobs_row *row)
{
    int rc = fill_row(table, row);

    if (rc == 0)
        rc = print_cells(table, row);
    if (rc == 0)
        rc = print_below(table, row);
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}

static int print_titles(struct table *table)
{
    int rc = 0;

    if (table->goes_on)
        return 0;
    if (table->again)
        putchar('\n');
    for (int i = 0; rc == 0 && i < LLMOBS_COLUMN_COUNT; i++) {
        llmobs_buf_cut(&table->cell[i], 0);
        if (table->layout.shown[i])
            rc = llmobs_buf_adds(
                &table->cell[i],
                llmobs_layout_title((enum llmobs_layout_column)i));
    }
    return rc == 0 ? print_cells(table, NULL) : rc;
}

/* -- tables --------------------------------------------------------------- */

static void init(struct table *table, bool list,
                 const struct llmobs_table_style *style)
{
    memset(table, 0, sizeof(*table));
    table->style = style;
    table->screen = &style->screen;
    table->list = list;
    table->brief = style->screen.columns > 0;
    table->depth = LLMOBS_TABLE_DEPTH;
    table->transcript.screen = table->screen;
    table->transcript.filter = style->filter;
    table->transcript.most = style->whole ? 0 : MESSAGE_LINES;
    table->transcript.repeat = style->repeat;
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++)
        llmobs_buf_init(&table->cell[i], CELL_MAX);
    llmobs_buf_init(&table->text, CELL_MAX);
    llmobs_layout_init(&table->layout, list, style->screen.columns);
}

static void fini(struct table *table)
{
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++)
        llmobs_buf_fini(&table->cell[i]);
    llmobs_buf_fini(&table->text);
    llmobs_transcript_fini(&table->transcript);
}

/* True where the columns are those of the print before. */
static bool table_is_same(const struct llmobs_layout *a,
                          const struct llmobs_layout *b)
{
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++)
        if (a->shown[i] != b->shown[i] ||
            (a->shown[i] && a->width[i] != b->width[i]))
            return false;
    return a->columns == b->columns;
}

/* Shares the screen among the columns, which become no narrower from print to
 * print. */
static void table_fit(struct table *table)
{
    struct llmobs_table_kept *kept = table->style->kept;

    if (!kept) {
        llmobs_layout_fit(&table->layout);
        return;
    }
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++)
        llmobs_layout_want(&table->layout, (enum llmobs_layout_column)i,
                           kept->wanted.width[i]);
    kept->wanted = table->layout;
    llmobs_layout_fit(&table->layout);
    table->goes_on = table_is_same(&table->layout, &kept->fitted);
    table->again = kept->fitted.shown[LLMOBS_COLUMN_NAME];
    kept->fitted = table->layout;
}

/* Measures all rows, and shares the screen among the columns. */
static int table_lay_out(struct table *table,
                         const struct llmobs_forest *forest)
{
    size_t want, name, most;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < forest->count; i++)
        if (llmobs_forest_shows(forest->rows[i]))
            rc = table_measure(table, forest->rows[i]);
    want = table->layout.width[LLMOBS_COLUMN_NAME];
    table_fit(table);
    if (table->style->kept)
        want = table->style->kept->wanted.width[LLMOBS_COLUMN_NAME];
    name = table->layout.width[LLMOBS_COLUMN_NAME];
    most =
        name > NAME_LEAST ? (name - NAME_LEAST) / LLMOBS_BRANCHES_COLUMNS : 0;
    if (name < want && table->depth > most)
        table->depth = most;
    return rc;
}

/* Adds a trace's id, to the right where there is room for it. */
static int table_add_id(struct table *table, struct llmobs_buf *out,
                        const char *id)
{
    size_t have = llmobs_escape_width(table_text_of(out)) + 2;
    size_t end = llmobs_layout_end(&table->layout);
    size_t columns = table->screen->columns, width;
    int rc = 0;

    if (have >= columns)
        return 0;
    llmobs_buf_cut(&table->text, 0);
    rc = llmobs_escape_adds(&table->text, id, columns - have);
    width = llmobs_escape_width(table_text_of(&table->text));
    rc |= llmobs_buf_addf(
        out, "%*s", (int)(have + width < end ? end - have - width + 2 : 2), "");
    return rc | llmobs_buf_adds(out, table_text_of(&table->text));
}

/* The line above a trace on a terminal. */
static int add_brief(struct table *table, struct llmobs_buf *out,
                     const struct llmobs_forest_trace *trace)
{
    const struct llmobs_row *row = trace->root;
    int rc = llmobs_cells_time(out, trace->start_ns, true);

    if (rc == 0 && row->ml_app) {
        rc = llmobs_buf_adds(out, "  ");
        rc |= llmobs_escape_adds(out, row->ml_app, APP_COLUMNS);
    }
    rc |= llmobs_buf_addf(out, "  %zu span%s", trace->count,
                          trace->count == 1 ? "" : "s");
    if (rc == 0)
        rc = table_add_id(table, out, row->trace_id);
    return rc == 0 ? cut_to(table, out, table->screen->columns) : rc;
}

static int add_long(struct llmobs_buf *out,
                    const struct llmobs_forest_trace *trace)
{
    const struct llmobs_row *row = trace->root;
    int rc = llmobs_buf_adds(out, "trace ");

    rc |= llmobs_escape_adds(out, row->trace_id, ID_COLUMNS);
    rc |= llmobs_buf_adds(out, "  ");
    rc |= llmobs_cells_time(out, trace->start_ns, false);
    rc |= llmobs_buf_adds(out, "  ");
    rc |=
        llmobs_escape_adds(out, row->ml_app ? row->ml_app : "-", NAME_COLUMNS);
    return rc | llmobs_buf_addf(out, "  %zu span%s", trace->count,
                                trace->count == 1 ? "" : "s");
}

static int table_print_trace(struct table *table,
                             const struct llmobs_forest_trace *trace)
{
    struct llmobs_buf *title = &table->cell[LLMOBS_COLUMN_TIME];
    const struct llmobs_row *row = trace->root;
    int rc;

    llmobs_buf_cut(title, 0);
    rc = table->brief ? add_brief(table, title, trace) : add_long(title, trace);
    if (rc != 0)
        return rc;
    putchar('\n');
    llmobs_screen_painted(table->screen, LLMOBS_PAINT_DIM,
                          table_text_of(title));
    putchar('\n');
    for (; rc == 0 && row; row = llmobs_forest_next(row))
        rc = table_print_row(table, row);
    return rc;
}

/* The place of the n-th one to print. */
static size_t nth(const struct table *table, size_t n, size_t count)
{
    return table->style->reverse ? count - 1 - n : n;
}

int llmobs_table_tree(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style)
{
    struct table table;
    size_t count = forest->trace_count;
    int rc;

    init(&table, false, style);
    rc = table_lay_out(&table, forest);
    if (rc == 0)
        rc = print_titles(&table);
    for (size_t n = 0; rc == 0 && n < count; n++)
        rc = table_print_trace(&table, &forest->traces[nth(&table, n, count)]);
    fini(&table);
    return rc;
}

int llmobs_table_list(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style)
{
    struct table table;
    bool first = true;
    int rc;

    init(&table, true, style);
    rc = table_lay_out(&table, forest);
    if (rc == 0)
        rc = print_titles(&table);
    for (size_t n = 0; rc == 0 && n < forest->count; n++) {
        const struct llmobs_row *row =
            forest->rows[nth(&table, n, forest->count)];

        if (!row->wanted)
            continue;
        if (style->whole && !first)
            putchar('\n');
        first = false;
        rc = table_print_row(&table, row);
    }
    fini(&table);
    return rc;
}
