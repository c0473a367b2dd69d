#include "cli/query/sheet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"

#define GAP 2
#define CUT_LEAST 8 /* a column is never cut to less */

void llmobs_sheet_init(struct llmobs_sheet *sheet,
                       const struct llmobs_screen *screen,
                       enum llmobs_sheet_form form,
                       const struct llmobs_column *columns, size_t count)
{
    memset(sheet, 0, sizeof(*sheet));
    sheet->form = form;
    sheet->columns = columns;
    sheet->count = count;
    sheet->screen = screen;
    sheet->width = screen->columns;
    llmobs_buf_init(&sheet->line, LLMOBS_SHEET_MAX);
    llmobs_buf_init(&sheet->cells, LLMOBS_SHEET_MAX);
}

void llmobs_sheet_fini(struct llmobs_sheet *sheet)
{
    llmobs_buf_fini(&sheet->line);
    llmobs_buf_fini(&sheet->cells);
}

/* -- lines ---------------------------------------------------------------- */

static int sheet_print_line(struct llmobs_sheet *sheet)
{
    fwrite(sheet->line.data, 1, sheet->line.len, stdout);
    return ferror(stdout) ? -EPIPE : 0;
}

int llmobs_sheet_begin(struct llmobs_sheet *sheet)
{
    int rc = 0;

    if (sheet->form != LLMOBS_SHEET_CSV)
        return 0;
    llmobs_buf_cut(&sheet->line, 0);
    for (size_t i = 0; rc == 0 && i < sheet->count; i++)
        rc = llmobs_buf_addf(&sheet->line, "%s%s", i > 0 ? "," : "",
                             sheet->columns[i].name);
    rc |= llmobs_buf_adds(&sheet->line, "\r\n");
    return rc == 0 ? sheet_print_line(sheet) : rc;
}

static int add_csv(struct llmobs_sheet *sheet, const struct llmobs_cell *cells)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sheet->count; i++) {
        if (i > 0)
            rc = llmobs_buf_addc(&sheet->line, ',');
        rc |= llmobs_cell_add_csv(&sheet->line, cells[i],
                                  sheet->screen->terminal);
    }
    return rc | llmobs_buf_adds(&sheet->line, "\r\n");
}

static int sheet_add_json(struct llmobs_sheet *sheet,
                          const struct llmobs_cell *cells)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sheet->count; i++) {
        rc = llmobs_buf_adds(&sheet->line, i > 0 ? ", \"" : "{\"");
        rc |= llmobs_buf_adds(&sheet->line, sheet->columns[i].name);
        rc |= llmobs_buf_adds(&sheet->line, "\": ");
        rc |= llmobs_cell_add_json(&sheet->line, cells[i]);
    }
    return rc | llmobs_buf_adds(&sheet->line, "}\n");
}

static int sheet_add_words(struct llmobs_sheet *sheet,
                           const struct llmobs_cell *cells)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sheet->count; i++) {
        rc = llmobs_cell_add_words(&sheet->cells, cells[i],
                                   sheet->screen->ascii);
        rc |= llmobs_buf_addc(&sheet->cells, '\0');
    }
    return rc;
}

int llmobs_sheet_add(struct llmobs_sheet *sheet,
                     const struct llmobs_cell *cells)
{
    int rc;

    sheet->rows++;
    if (sheet->form == LLMOBS_SHEET_WORDS)
        return sheet_add_words(sheet, cells);
    llmobs_buf_cut(&sheet->line, 0);
    rc = sheet->form == LLMOBS_SHEET_CSV ? add_csv(sheet, cells)
                                         : sheet_add_json(sheet, cells);
    return rc == 0 ? sheet_print_line(sheet) : rc;
}

/* -- columns -------------------------------------------------------------- */

/* Sets the width of each column; 0: it has none. */
static void sheet_measure(const struct llmobs_sheet *sheet, size_t *widths)
{
    const char *cell = sheet->cells.data;

    for (size_t i = 0; i < sheet->count; i++)
        widths[i] = sheet->columns[i].title
                        ? llmobs_escape_width(sheet->columns[i].title)
                        : 0;
    for (size_t row = 0; row < sheet->rows; row++)
        for (size_t i = 0; i < sheet->count; i++, cell += strlen(cell) + 1)
            if (widths[i] > 0 && llmobs_escape_width(cell) > widths[i])
                widths[i] = llmobs_escape_width(cell);
}

static size_t whole_width(const struct llmobs_sheet *sheet,
                          const size_t *widths)
{
    size_t all = 0;

    for (size_t i = 0; i < sheet->count; i++)
        all += widths[i] > 0 ? widths[i] + GAP : 0;
    return all > 0 ? all - GAP : 0;
}

/* Leaves out the column that can be spared best; false: there is none. */
static bool spare_one(const struct llmobs_sheet *sheet, size_t *widths)
{
    size_t best = 0;
    unsigned spare = 0;

    for (size_t i = 0; i < sheet->count; i++) {
        if (widths[i] > 0 && sheet->columns[i].spare > spare) {
            spare = sheet->columns[i].spare;
            best = i;
        }
    }
    if (spare > 0)
        widths[best] = 0;
    return spare > 0;
}

/* Cuts the first column that is aligned to the left by what is too much, down
 * to CUT_LEAST. */
static void cut_one(const struct llmobs_sheet *sheet, size_t *widths)
{
    size_t whole = whole_width(sheet, widths), too_much, i = 0;

    if (whole <= sheet->width)
        return;
    too_much = whole - sheet->width;
    while (i < sheet->count && (widths[i] == 0 || !sheet->columns[i].left))
        i++;
    if (i < sheet->count && widths[i] > CUT_LEAST)
        widths[i] =
            widths[i] > too_much + CUT_LEAST ? widths[i] - too_much : CUT_LEAST;
}

/* Leaves the last column out; cuts it where it is the only one. */
static void drop_one(const struct llmobs_sheet *sheet, size_t *widths)
{
    size_t i = sheet->count;

    while (i > 0 && widths[i - 1] == 0)
        i--;
    if (i > 0 && whole_width(sheet, widths) > widths[i - 1])
        widths[i - 1] = 0;
    else if (i > 0)
        widths[i - 1] = sheet->width;
}

/* Makes the columns as narrow as the sheet is. */
static void sheet_narrow(const struct llmobs_sheet *sheet, size_t *widths)
{
    if (sheet->width == 0)
        return;
    while (whole_width(sheet, widths) > sheet->width &&
           spare_one(sheet, widths)) {
    }
    for (cut_one(sheet, widths); whole_width(sheet, widths) > sheet->width;)
        drop_one(sheet, widths);
}

int llmobs_sheet_width(const struct llmobs_sheet *sheet, size_t *width)
{
    size_t *widths = calloc(sheet->count, sizeof(*widths));

    if (!widths)
        return -ENOMEM;
    sheet_measure(sheet, widths);
    *width = whole_width(sheet, widths);
    free(widths);
    return 0;
}

void llmobs_sheet_clear(struct llmobs_sheet *sheet)
{
    llmobs_buf_cut(&sheet->cells, 0);
    sheet->rows = 0;
}

/* -- printing ------------------------------------------------------------- */

/* Gives the text, cut to `width` columns. */
static const char *sheet_fit(struct llmobs_sheet *sheet, const char *text,
                             size_t width)
{
    if (llmobs_escape_width(text) <= width)
        return text;
    llmobs_buf_cut(&sheet->line, 0);
    return llmobs_escape_adds(&sheet->line, text, width) == 0 ? sheet->line.data
                                                              : "";
}

static void sheet_print_cell(struct llmobs_sheet *sheet, size_t column,
                             const char *whole, size_t width, bool last)
{
    const char *text = sheet_fit(sheet, whole, width);
    size_t have = llmobs_escape_width(text);
    int space = width > have ? (int)(width - have) : 0;

    if (!sheet->columns[column].left)
        printf("%*s", space, "");
    llmobs_screen_puts(sheet->screen, text);
    if (!last)
        printf("%*s", (sheet->columns[column].left ? space : 0) + GAP, "");
}

/* Prints a row, of which `next` gives the texts one by one. */
static const char *sheet_print_row(struct llmobs_sheet *sheet,
                                   const size_t *widths, const char *cells)
{
    size_t last = 0;

    for (size_t i = 0; i < sheet->count; i++)
        last = widths[i] > 0 ? i : last;
    for (size_t i = 0; i < sheet->count; i++) {
        const char *text = cells ? cells : sheet->columns[i].title;

        if (widths[i] > 0)
            sheet_print_cell(sheet, i, text, widths[i], i == last);
        if (cells)
            cells += strlen(cells) + 1;
    }
    putchar('\n');
    return cells;
}

int llmobs_sheet_end(struct llmobs_sheet *sheet)
{
    const char *cells = sheet->cells.data;
    size_t *widths;

    if (sheet->form != LLMOBS_SHEET_WORDS || sheet->rows == 0)
        return 0;
    widths = calloc(sheet->count, sizeof(*widths));
    if (!widths)
        return -ENOMEM;
    sheet_measure(sheet, widths);
    sheet_narrow(sheet, widths);
    llmobs_screen_paint(sheet->screen, LLMOBS_PAINT_BOLD);
    (void)sheet_print_row(sheet, widths, NULL);
    llmobs_screen_unpaint(sheet->screen, LLMOBS_PAINT_BOLD);
    for (size_t row = 0; row < sheet->rows; row++)
        cells = sheet_print_row(sheet, widths, cells);
    free(widths);
    return ferror(stdout) ? -EPIPE : 0;
}
