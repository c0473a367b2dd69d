/* Prints a table as lines of JSON, as CSV, or in aligned columns. */
#include "cli/query/sheet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/shared/escape.h"

#define GAP 2
#define CUT_LEAST 8 /* a column is never cut to less */

static size_t gap_of(const struct llmobs_column *column)
{
    return column->tight ? GAP - 1 : GAP;
}

/* Gives each column that a person sees the width of its title. */
static void begin_widths(struct llmobs_sheet *sheet)
{
    for (size_t i = 0; i < sheet->count; i++) {
        const char *title = sheet->columns[i].title;

        sheet->widths[i] = !title           ? 0
                           : *title == '\0' ? 1
                                            : llmobs_escape_width(title);
    }
}

void llmobs_sheet_init(struct llmobs_sheet *sheet,
                       const struct llmobs_screen *screen,
                       enum llmobs_sheet_form form,
                       const struct llmobs_column *columns, size_t count)
{
    *sheet = (struct llmobs_sheet){.form = form,
                                   .columns = columns,
                                   .count = count,
                                   .screen = screen,
                                   .width = screen->columns};
    begin_widths(sheet);
    llmobs_buf_init(&sheet->line, LLMOBS_SHEET_MAX);
    llmobs_buf_init(&sheet->cells, LLMOBS_SHEET_MAX);
}

void llmobs_sheet_fini(struct llmobs_sheet *sheet)
{
    llmobs_buf_fini(&sheet->line);
    llmobs_buf_fini(&sheet->cells);
}

/* -- lines ---------------------------------------------------------------- */

/* Prints the line that was appended. */
static int print_line(struct llmobs_sheet *sheet)
{
    if (sheet->line.error != 0)
        return sheet->line.error;
    fwrite(sheet->line.data, 1, sheet->line.len, stdout);
    return ferror(stdout) ? -EPIPE : 0;
}

int llmobs_sheet_begin(struct llmobs_sheet *sheet)
{
    if (sheet->form != LLMOBS_SHEET_CSV)
        return 0;
    llmobs_buf_cut(&sheet->line, 0);
    for (size_t i = 0; i < sheet->count; i++)
        llmobs_buf_addf(&sheet->line, "%s%s", i > 0 ? "," : "",
                        sheet->columns[i].name);
    llmobs_buf_adds(&sheet->line, "\r\n");
    return print_line(sheet);
}

int llmobs_sheet_add(struct llmobs_sheet *sheet,
                     const struct llmobs_cell *cells)
{
    sheet->rows++;
    if (sheet->form == LLMOBS_SHEET_WORDS) {
        size_t at = sheet->cells.len;

        for (size_t i = 0; i < sheet->count; i++) {
            llmobs_cell_add_words(&sheet->cells, cells[i],
                                  sheet->screen->ascii);
            llmobs_buf_addc(&sheet->cells, '\0');
        }
        if (sheet->cells.error == 0)
            llmobs_sheet_measure(sheet, at);
        return sheet->cells.error;
    }
    llmobs_buf_cut(&sheet->line, 0);
    if (sheet->form == LLMOBS_SHEET_CSV) {
        for (size_t i = 0; i < sheet->count; i++) {
            if (i > 0)
                llmobs_buf_addc(&sheet->line, ',');
            llmobs_cell_add_csv(&sheet->line, cells[i],
                                sheet->screen->terminal);
        }
        llmobs_buf_adds(&sheet->line, "\r\n");
    } else {
        for (size_t i = 0; i < sheet->count; i++) {
            llmobs_buf_adds(&sheet->line, i > 0 ? ", \"" : "{\"");
            llmobs_buf_adds(&sheet->line, sheet->columns[i].name);
            llmobs_buf_adds(&sheet->line, "\": ");
            llmobs_cell_add_json(&sheet->line, cells[i]);
        }
        llmobs_buf_adds(&sheet->line, "}\n");
    }
    return print_line(sheet);
}

/* -- widths --------------------------------------------------------------- */

void llmobs_sheet_measure(struct llmobs_sheet *sheet, size_t at)
{
    const char *cell = sheet->cells.data + at;

    for (size_t i = 0; i < sheet->count; i++, cell += strlen(cell) + 1) {
        size_t width = sheet->widths[i] > 0 ? llmobs_escape_width(cell) : 0;

        if (width > sheet->widths[i])
            sheet->widths[i] = width;
    }
}

size_t llmobs_sheet_before(const struct llmobs_sheet *sheet, size_t column)
{
    size_t sum = 0;

    for (size_t i = 0; i < column; i++)
        if (sheet->widths[i] > 0)
            sum += sheet->widths[i] + gap_of(&sheet->columns[i]);
    return sum;
}

size_t llmobs_sheet_whole(const struct llmobs_sheet *sheet)
{
    size_t all = llmobs_sheet_before(sheet, sheet->count);

    return all > 0 ? all - GAP : 0;
}

/* The width of all columns, where each is cut as far as it may be. */
static size_t least_width(const struct llmobs_sheet *sheet)
{
    size_t all = llmobs_sheet_whole(sheet);

    for (size_t i = 0; i < sheet->count; i++)
        if (sheet->widths[i] > 0 && sheet->columns[i].least > 0)
            all += sheet->columns[i].least - sheet->widths[i];
    return all;
}

void llmobs_sheet_spare(struct llmobs_sheet *sheet)
{
    size_t whole[LLMOBS_SHEET_COLUMNS], best;

    memcpy(whole, sheet->widths, sizeof(whole));
    while (least_width(sheet) > sheet->width) {
        enum llmobs_spare most = LLMOBS_SPARE_COST;

        best = sheet->count;
        for (size_t i = 0; i < sheet->count; i++)
            if (sheet->widths[i] > 0 && sheet->columns[i].spare >= most) {
                most = sheet->columns[i].spare;
                best = i;
            }
        if (best == sheet->count)
            break;
        sheet->widths[best] = 0;
    }
    /* A wide one that is gone may leave room for one before it. */
    for (int spare = LLMOBS_SPARE_COST; spare <= LLMOBS_SPARE_FIRST; spare++)
        for (size_t i = 0; i < sheet->count; i++)
            if (sheet->widths[i] == 0 &&
                (int)sheet->columns[i].spare == spare) {
                sheet->widths[i] = whole[i];
                if (least_width(sheet) > sheet->width)
                    sheet->widths[i] = 0;
            }
}

void llmobs_sheet_clear(struct llmobs_sheet *sheet)
{
    llmobs_buf_cut(&sheet->cells, 0);
    sheet->rows = 0;
    begin_widths(sheet);
}

/* -- printing ------------------------------------------------------------- */

int llmobs_sheet_cut(struct llmobs_sheet *sheet, const char **text,
                     size_t width)
{
    int rc = 0;

    if (llmobs_escape_width(*text) <= width)
        return 0;
    llmobs_buf_cut(&sheet->line, 0);
    if (width > 0)
        rc = llmobs_escape_adds(&sheet->line, *text, width);
    *text = width > 0 && rc == 0 ? sheet->line.data : "";
    return rc;
}

int llmobs_sheet_print(struct llmobs_sheet *sheet, const char **cells)
{
    const char *texts[LLMOBS_SHEET_COLUMNS];
    size_t last = 0;
    int rc = 0;

    for (size_t i = 0; i < sheet->count; i++) {
        texts[i] = cells ? *cells : sheet->columns[i].title;
        if (cells)
            *cells += strlen(*cells) + 1;
        if (sheet->widths[i] > 0 && *texts[i] != '\0')
            last = i;
    }
    for (size_t i = 0; rc == 0 && i <= last; i++) {
        const struct llmobs_column *column = &sheet->columns[i];
        size_t have, space;

        if (sheet->widths[i] == 0)
            continue;
        rc = llmobs_sheet_cut(sheet, &texts[i], sheet->widths[i]);
        have = llmobs_escape_width(texts[i]);
        space = sheet->widths[i] > have ? sheet->widths[i] - have : 0;
        if (!column->left)
            llmobs_screen_pad(space);
        if (rc == 0 && sheet->put)
            rc = sheet->put(sheet->ctx, i, texts[i]);
        else if (rc == 0)
            llmobs_screen_puts(sheet->screen, texts[i]);
        if (i < last)
            llmobs_screen_pad((column->left ? space : 0) + gap_of(column));
    }
    putchar('\n');
    return rc;
}

int llmobs_sheet_end(struct llmobs_sheet *sheet)
{
    const char *cells = sheet->cells.data;
    size_t i;
    int rc;

    if (sheet->form != LLMOBS_SHEET_WORDS || sheet->rows == 0)
        return 0;
    if (sheet->width > 0) {
        llmobs_sheet_spare(sheet);
        /* Columns are cut until the table fits, down to CUT_LEAST: the widest
         * that may be cut, else the first left-aligned one. */
        while (llmobs_sheet_whole(sheet) > sheet->width) {
            size_t first = sheet->count, best = sheet->count;

            for (i = sheet->count; i-- > 0;) {
                if (sheet->widths[i] > 0 && sheet->columns[i].left)
                    first = i;
                if (sheet->columns[i].least > 0 &&
                    (best == sheet->count ||
                     sheet->widths[i] > sheet->widths[best]))
                    best = i;
            }
            best = best < sheet->count ? best : first;
            if (best == sheet->count || sheet->widths[best] <= CUT_LEAST)
                break;
            sheet->widths[best]--;
        }
        /* Leaves out the last column; if it is the only one, cuts it. */
        while (llmobs_sheet_whole(sheet) > sheet->width) {
            for (i = sheet->count; i > 0 && sheet->widths[i - 1] == 0;)
                i--;
            if (i > 0 && llmobs_sheet_whole(sheet) > sheet->widths[i - 1])
                sheet->widths[i - 1] = 0;
            else if (i > 0)
                sheet->widths[i - 1] = sheet->width;
        }
    }
    llmobs_screen_paint(sheet->screen, LLMOBS_PAINT_BOLD);
    rc = llmobs_sheet_print(sheet, NULL);
    llmobs_screen_unpaint(sheet->screen, LLMOBS_PAINT_BOLD);
    for (size_t row = 0; rc == 0 && row < sheet->rows; row++)
        rc = llmobs_sheet_print(sheet, &cells);
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}
