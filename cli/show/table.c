/* Measures and prints rows in aligned columns. */
#include "cli/show/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/keys.h"
#include "cli/shared/escape.h"
#include "cli/show/transcript.h"

#define NAME_COLUMNS 40
#define APP_COLUMNS 20
#define ID_COLUMNS 39
#define MESSAGE_LINES 3 /* lines of a message that is not shown whole */
#define FRAMES 64       /* that are shown of a caller */
#define BELOW_MAX (256u * 1024)
/* The columns that must be left for a name beside a drawn branch. */
#define NAME_LEAST 9

struct llmobs_table {
    const struct llmobs_table_style *style;
    const struct llmobs_screen *screen;
    bool brief; /* fitted to the screen */
    bool asked; /* a row has a question */
    bool spent; /* a row has a cost */
    struct llmobs_columns_style rows;
    struct llmobs_sheet sheet;    /* has the current row */
    const struct llmobs_row *row; /* the last one that was printed, if any */
    struct llmobs_buf bars;       /* beside the lines below a row */
    struct llmobs_buf text;       /* for any line */
    struct llmobs_transcript transcript;
};

static const char *text_in(const struct llmobs_buf *buf)
{
    return buf->len > 0 ? buf->data : "";
}

/* -- rows ----------------------------------------------------------------- */

static int fill_row(struct llmobs_table *table, const struct llmobs_row *row)
{
    struct llmobs_buf *cells = &table->sheet.cells;

    llmobs_buf_cut(cells, 0);
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++) {
        if (table->sheet.widths[i] > 0)
            llmobs_columns_add(cells, (enum llmobs_columns_name)i, row,
                               &table->rows);
        llmobs_buf_addc(cells, '\0');
    }
    return cells->error;
}

/* Writes a cell's text, or a title, for the sheet. */
static int put_cell(void *ctx, size_t column, const char *text)
{
    const struct llmobs_table *table = ctx;
    enum llmobs_paint paint = LLMOBS_PAINT_BOLD;
    int rc = 0;

    if (table->row)
        paint = llmobs_columns_paint((enum llmobs_columns_name)column,
                                     table->row, &table->rows);
    if (*text == '\0')
        paint = LLMOBS_PAINT_NONE;
    llmobs_screen_paint(table->screen, paint);
    if (column == LLMOBS_COLUMN_NAME || column == LLMOBS_COLUMN_QUESTION)
        rc = llmobs_transcript_put(&table->transcript, text);
    else
        llmobs_screen_puts(table->screen, text);
    llmobs_screen_unpaint(table->screen, paint);
    return rc;
}

/* -- lines ---------------------------------------------------------------- */

/* Prints lines that are fit for a terminal, each cut to the screen. */
static int print_lines(struct llmobs_table *table, const char *bars,
                       const char *lines)
{
    size_t columns = table->screen->columns, left = llmobs_escape_width(bars);
    struct llmobs_text rest = llmobs_text_of(lines), line;
    int rc = 0;

    while (rc == 0 && llmobs_text_split(&rest, '\n', &line)) {
        if (columns > 0) {
            llmobs_buf_cut(&table->text, 0);
            rc = llmobs_escape_add(&table->text, line,
                                   columns > left ? columns - left : 1);
            line = llmobs_text_of(text_in(&table->text));
        }
        llmobs_screen_puts(table->screen, bars);
        llmobs_screen_paint(table->screen, LLMOBS_PAINT_DIM);
        llmobs_screen_put(table->screen, line);
        llmobs_screen_unpaint(table->screen, LLMOBS_PAINT_DIM);
        putchar('\n');
    }
    return rc;
}

/* -- below a row ---------------------------------------------------------- */

/* Reads the span again, and prints its messages. */
static int print_messages(struct llmobs_table *table, const char *bars,
                          const struct llmobs_row *row)
{
    struct llmobs_json *event;
    struct llmobs_buf line;
    int rc;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    rc = llmobs_reader_event(table->style->messages, row->place, &line, &event);
    /* The line of the script that made the call. Where messages are shown again
     * that stand above, the frames of the program stand below the line. */
    if (event && table->style->whole) {
        llmobs_buf_cut(&line, 0);
        rc = llmobs_key_add_caller(event, table->style->repeat ? FRAMES : 0,
                                   &line);
        if (rc == 0 && line.len > 0)
            rc = llmobs_transcript_text(&table->transcript, line.data,
                                        LLMOBS_PAINT_DIM, bars);
    }
    llmobs_buf_fini(&line);
    if (rc == 0 && event)
        return llmobs_transcript_print(&table->transcript, row, event, bars);
    llmobs_json_free(event);
    return rc;
}

/* Prints the links of a row: in a trace that is shown whole with the ids of the
 * spans, in a list without. */
static int print_links(struct llmobs_table *table, const char *bars,
                       const struct llmobs_row *row)
{
    struct llmobs_text rest = llmobs_text_of(row->links), line;
    struct llmobs_buf lines;
    int rc;

    if (table->style->whole)
        return print_lines(table, bars, row->links);
    llmobs_buf_init(&lines, BELOW_MAX);
    if (row->turns > 1)
        llmobs_buf_addf(&lines, "turn 1 of %u\n", row->turns);
    while (llmobs_text_split(&rest, '\n', &line)) {
        bool turn = llmobs_text_begins(line, LLMOBS_ROW_TURN);

        if (turn && row->turn > 0) {
            llmobs_buf_addf(&lines, "turn %u of %u\n", row->turn,
                            row->talk->turns);
            continue;
        }
        while (line.len > 0 && llmobs_is_digit(line.data[line.len - 1]))
            line.len--;
        llmobs_buf_add(&lines, line.data, line.len);
        if (line.len > 0 && line.data[line.len - 1] == ' ')
            llmobs_buf_adds(&lines,
                            turn ? "an earlier turn" : "an earlier call");
        llmobs_buf_addc(&lines, '\n');
    }
    rc = lines.error;
    if (rc == 0 && lines.len > 0)
        rc = print_lines(table, bars, lines.data);
    llmobs_buf_fini(&lines);
    return rc;
}

/* Prints the lines below a row: its facts where messages are shown whole, its
 * error, messages, links and evaluations, each behind the bars of the tree. */
static int print_below(struct llmobs_table *table, const struct llmobs_row *row)
{
    struct llmobs_buf *left = &table->bars, text;
    const char *bars;
    int rc;

    llmobs_buf_cut(left, 0);
    if (table->rows.list) {
        llmobs_buf_adds(left, "   ");
    } else { /* below the name */
        llmobs_buf_addf(
            left, "%*s",
            (int)llmobs_sheet_before(&table->sheet, LLMOBS_COLUMN_NAME), "");
        llmobs_columns_branches(left, row, false, table->rows.depth);
    }
    rc = left->error;
    bars = text_in(left);
    if (rc == 0 && table->brief)
        rc = llmobs_sheet_cut(&table->sheet, &bars, table->screen->columns - 1);
    llmobs_buf_init(&text, BELOW_MAX);
    if (rc == 0 && table->style->whole) {
        llmobs_columns_facts(&text, row);
        rc = text.error;
        if (rc == 0)
            rc = llmobs_transcript_text(&table->transcript, text_in(&text),
                                        LLMOBS_PAINT_DIM, bars);
    }
    if (rc == 0 && row->failed && !row->path) {
        llmobs_buf_cut(&text, 0);
        llmobs_columns_error(&text, row);
        rc = text.error;
        if (rc == 0 && text.len > 0)
            rc = llmobs_transcript_text(&table->transcript, text.data,
                                        LLMOBS_PAINT_RED, bars);
    }
    llmobs_buf_fini(&text);
    if (rc == 0 && table->style->messages && !row->path)
        rc = print_messages(table, bars, row);
    if (rc == 0)
        rc = print_links(table, bars, row);
    if (rc == 0)
        rc = print_lines(table, bars, row->evaluations);
    /* The bars alone stand between two rows whose messages are shown whole. */
    if (rc == 0 && table->style->whole && !table->rows.list &&
        llmobs_forest_next(row)) {
        size_t len = strlen(bars);

        while (len > 0 && bars[len - 1] == ' ')
            len--;
        llmobs_screen_put(table->screen, (struct llmobs_text){bars, len});
        putchar('\n');
    }
    return rc;
}

static int print_row(struct llmobs_table *table, const struct llmobs_row *row)
{
    int rc = fill_row(table, row);
    const char *cells = table->sheet.cells.data;

    table->row = row;
    if (rc == 0)
        rc = llmobs_sheet_print(&table->sheet, &cells);
    if (rc == 0)
        rc = print_below(table, row);
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}

/* -- tables --------------------------------------------------------------- */

int llmobs_table_new(struct llmobs_table **out, bool list,
                     const struct llmobs_table_style *style)
{
    struct llmobs_table *table = malloc(sizeof(*table));

    *out = table;
    if (!table)
        return -ENOMEM;
    *table = (struct llmobs_table){.style = style,
                                   .screen = &style->screen,
                                   .brief = style->screen.columns > 0};
    table->rows = (struct llmobs_columns_style){
        list, style->kept != NULL, style->screen.columns, LLMOBS_TABLE_DEPTH};
    table->asked = style->kept != NULL; /* questions may come, and costs */
    table->spent = table->asked || !table->brief;
    table->transcript.screen = table->screen;
    table->transcript.filter = style->filter;
    table->transcript.most = style->whole ? 0 : MESSAGE_LINES;
    table->transcript.repeat = style->repeat;
    llmobs_columns_init(&table->sheet, table->screen, list);
    if (style->messages) /* they say it */
        table->sheet.widths[LLMOBS_COLUMN_QUESTION] = 0;
    table->sheet.put = put_cell;
    table->sheet.ctx = table;
    llmobs_buf_init(&table->bars, BELOW_MAX);
    llmobs_buf_init(&table->text, BELOW_MAX);
    return 0;
}

void llmobs_table_free(struct llmobs_table *table)
{
    if (!table)
        return;
    llmobs_sheet_fini(&table->sheet);
    llmobs_buf_fini(&table->bars);
    llmobs_buf_fini(&table->text);
    llmobs_transcript_fini(&table->transcript);
    free(table);
}

int llmobs_table_measure(struct llmobs_table *table,
                         const struct llmobs_row *row)
{
    int rc = fill_row(table, row);

    if (rc == 0)
        llmobs_sheet_measure(&table->sheet, 0);
    table->asked = table->asked || row->question;
    table->spent = table->spent || row->cost >= 0;
    return rc;
}

/* The columns become no narrower from print to print. */
int llmobs_table_begin(struct llmobs_table *table)
{
    struct llmobs_table_kept *kept = table->style->kept;
    size_t *widths = table->sheet.widths, want, name, most;

    if (!table->asked)
        widths[LLMOBS_COLUMN_QUESTION] = 0;
    if (!table->spent)
        widths[LLMOBS_COLUMN_COST] = 0;
    for (size_t i = 0; kept && i < LLMOBS_COLUMN_COUNT; i++) {
        if (widths[i] > kept->wanted[i])
            kept->wanted[i] = widths[i];
        else if (widths[i] > 0)
            widths[i] = kept->wanted[i];
    }
    want = widths[LLMOBS_COLUMN_NAME];
    llmobs_columns_fit(&table->sheet);
    name = widths[LLMOBS_COLUMN_NAME];
    most = name > NAME_LEAST ? (name - NAME_LEAST) / LLMOBS_COLUMNS_BRANCH : 0;
    if (name < want && table->rows.depth > most)
        table->rows.depth = most;
    if (kept && table->screen->columns == kept->columns &&
        memcmp(widths, kept->fitted, sizeof(kept->fitted)) == 0)
        return 0; /* the titles of the last print stand above */
    if (kept && kept->fitted[LLMOBS_COLUMN_NAME] > 0)
        putchar('\n');
    if (kept) {
        kept->columns = table->screen->columns;
        memcpy(kept->fitted, widths, sizeof(kept->fitted));
    }
    return llmobs_sheet_print(&table->sheet, NULL);
}

/* Prints a line above rows, which stands in `table->bars`. */
static int print_title(struct llmobs_table *table, enum llmobs_paint paint)
{
    const char *title = text_in(&table->bars);
    int rc = table->bars.error;

    if (rc == 0 && table->brief)
        rc = llmobs_sheet_cut(&table->sheet, &title, table->screen->columns);
    if (rc != 0)
        return rc;
    putchar('\n');
    llmobs_screen_painted(table->screen, paint, title);
    putchar('\n');
    return 0;
}

/* Prints the trace's line, and its rows. On a terminal its id stands to the
 * right where there is room for it. */
static int print_trace(struct llmobs_table *table,
                       const struct llmobs_forest_trace *trace)
{
    const size_t columns = table->brief ? table->screen->columns : 0;
    struct llmobs_buf *line = &table->bars;
    const struct llmobs_row *row = trace->root;
    size_t have, width, end;
    int rc;

    llmobs_buf_cut(line, 0);
    if (!table->brief) {
        llmobs_buf_adds(line, "trace ");
        llmobs_escape_adds(line, row->trace_id, ID_COLUMNS);
        llmobs_buf_adds(line, "  ");
    }
    llmobs_columns_time(line, trace->start_ns, table->brief);
    if (row->ml_app || !table->brief) {
        llmobs_buf_adds(line, "  ");
        llmobs_escape_adds(line, row->ml_app ? row->ml_app : "-",
                           table->brief ? APP_COLUMNS : NAME_COLUMNS);
    }
    llmobs_buf_addf(line, "  %zu span%s", trace->count,
                    trace->count == 1 ? "" : "s");
    have = llmobs_escape_width(text_in(line)) + 2;
    if (have < columns) {
        llmobs_buf_cut(&table->text, 0);
        llmobs_escape_adds(&table->text, row->trace_id, columns - have);
        llmobs_buf_fail(line, table->text.error);
        width = llmobs_escape_width(text_in(&table->text));
        end = llmobs_sheet_before(&table->sheet, LLMOBS_COLUMN_QUESTION);
        llmobs_buf_addf(line, "%*s%s",
                        (int)(have + width + 2 < end ? end - have - width : 2),
                        "", text_in(&table->text));
    }
    rc = print_title(table, LLMOBS_PAINT_DIM);
    for (; rc == 0 && row; row = llmobs_forest_next(row))
        rc = print_row(table, row);
    return rc;
}

/* The place of the n-th row to print. */
static size_t nth(const struct llmobs_table *table, size_t n, size_t count)
{
    return table->style->reverse ? count - 1 - n : n;
}

int llmobs_table_tree(struct llmobs_table *table,
                      const struct llmobs_forest *forest)
{
    struct llmobs_buf *line = &table->bars;
    size_t count = forest->trace_count;
    int rc = 0;

    for (size_t n = 0; rc == 0 && n < count; n++) {
        const struct llmobs_forest_trace *traces = forest->traces,
                                         *trace = &traces[nth(table, n, count)];
        bool first = n == 0 || !llmobs_forest_joined(
                                   trace, &traces[nth(table, n - 1, count)]);
        bool more =
            n + 1 < count &&
            llmobs_forest_joined(trace, &traces[nth(table, n + 1, count)]);

        if (first && more) {
            const struct llmobs_run run = llmobs_forest_run(forest, trace);

            llmobs_buf_cut(line, 0);
            llmobs_buf_adds(line, table->brief ? "" : "run  ");
            llmobs_columns_time(line, run.start_ns, table->brief);
            llmobs_buf_adds(line, "  ");
            llmobs_columns_run(line, &run);
            rc = print_title(table, LLMOBS_PAINT_BOLD);
        }
        if (rc == 0)
            rc = print_trace(table, trace);
    }
    return rc;
}

int llmobs_table_row(void *ctx, const struct llmobs_row *row,
                     const struct llmobs_json *unused)
{
    struct llmobs_table *table = ctx;

    (void)unused;
    if (table->style->whole && table->row)
        putchar('\n');
    return print_row(table, row);
}
