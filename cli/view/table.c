#include "cli/view/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/shared/escape.h"
#include "cli/view/messages.h"

#define CELL_MAX 4096
#define NAME_COLUMNS 40
#define KIND_COLUMNS 12
#define MODEL_COLUMNS 32
#define ERROR_COLUMNS 160
#define BELOW_MAX (256u * 1024)

enum column {
    COLUMN_TIME, /* of the list only */
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_MODEL,
    COLUMN_IN,
    COLUMN_OUT,
    COLUMN_DURATION,
    COLUMN_FIRST,
    COLUMN_STATUS,
    COLUMN_TRACE, /* of the list only */
    COLUMN_COUNT
};

static const struct {
    const char *title;
    bool right;
    bool list_only;
} columns[COLUMN_COUNT] = {
    [COLUMN_TIME] = {"STARTED", false, true},
    [COLUMN_NAME] = {"NAME", false, false},
    [COLUMN_KIND] = {"KIND", false, false},
    [COLUMN_MODEL] = {"MODEL", false, false},
    [COLUMN_IN] = {"TOKENS IN", true, false},
    [COLUMN_OUT] = {"OUT", true, false},
    [COLUMN_DURATION] = {"DURATION", true, false},
    [COLUMN_FIRST] = {"1ST TOKEN", true, false},
    [COLUMN_STATUS] = {"STATUS", false, false},
    [COLUMN_TRACE] = {"TRACE", false, true},
};

enum paint { PAINT_NONE, PAINT_DIM, PAINT_BOLD, PAINT_RED, PAINT_CYAN };

static const char *const paints[] = {"", "\033[2m", "\033[1m", "\033[31m",
                                     "\033[36m"};

struct table {
    bool colour;
    bool list;
    struct llmobs_reader *reader; /* NULL: no messages */
    size_t width[COLUMN_COUNT];
    struct llmobs_buf cell[COLUMN_COUNT]; /* cells of the current row */
};

static void paint(const struct table *table, enum paint which)
{
    if (table->colour && which != PAINT_NONE)
        fputs(paints[which], stdout);
}

static void unpaint(const struct table *table, enum paint which)
{
    if (table->colour && which != PAINT_NONE)
        fputs("\033[0m", stdout);
}

static void painted(const struct table *table, enum paint which,
                    const char *text)
{
    paint(table, which);
    fputs(text, stdout);
    unpaint(table, which);
}

/* Writes a duration in the unit that a person would choose: "412 ms",
 * "3 m 05 s". */
static void write_duration(int64_t ns, char *out, size_t cap)
{
    int64_t s = ns / 1000000000;

    if (ns < 0)
        snprintf(out, cap, "-");
    else if (ns < 1000000)
        snprintf(out, cap, "%" PRId64 " µs", ns / 1000);
    else if (ns < 1000000000)
        snprintf(out, cap, "%" PRId64 " ms", ns / 1000000);
    else if (s < 60)
        snprintf(out, cap, "%" PRId64 ".%02d s", s,
                 (int)(ns % 1000000000 / 10000000));
    else if (s < 3600)
        snprintf(out, cap, "%" PRId64 " m %02d s", s / 60, (int)(s % 60));
    else
        snprintf(out, cap, "%" PRId64 " h %02d m", s / 3600,
                 (int)(s / 60 % 60));
}

static int add_time(struct llmobs_buf *out, int64_t ns)
{
    time_t at = (time_t)(ns / 1000000000);
    struct tm tm;
    char text[64] = "-";

    if (ns > 0 && localtime_r(&at, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    return llmobs_buf_adds(out, text);
}

static int add_count(struct llmobs_buf *out, int64_t count)
{
    return count < 0 ? llmobs_buf_adds(out, "-")
                     : llmobs_buf_addf(out, "%" PRId64, count);
}

static int add_duration(struct llmobs_buf *out, int64_t ns)
{
    char text[32];

    write_duration(ns, text, sizeof text);
    return llmobs_buf_adds(out, text);
}

/* Lists the drawn rows above `row`, the top one first; answers their number. */
static size_t above(const struct llmobs_row *row,
                    const struct llmobs_row *path[LLMOBS_TABLE_DEPTH])
{
    const struct llmobs_row *up;
    size_t depth = 0, skip, at;

    for (up = row->parent; up != NULL; up = up->parent)
        depth++;
    skip = depth > LLMOBS_TABLE_DEPTH ? depth - LLMOBS_TABLE_DEPTH : 0;
    depth -= skip;
    at = depth;
    for (up = row->parent; at > 0; up = up->parent)
        path[--at] = up;
    return depth;
}

/* Adds the tree's lines to the left of a row: branches for its own line, or the
 * bars beside the lines below it. A root has none, since its siblings are other
 * trees. */
static int add_branches(struct llmobs_buf *out, const struct llmobs_row *row,
                        bool own)
{
    const struct llmobs_row *path[LLMOBS_TABLE_DEPTH];
    size_t depth = above(row, path);
    int rc = 0;

    for (size_t i = 1; rc == 0 && i < depth; i++)
        rc = llmobs_buf_adds(out, path[i]->next != NULL ? "│  " : "   ");
    if (rc == 0 && depth > 0 && own)
        rc = llmobs_buf_adds(out, row->next != NULL ? "├─ " : "└─ ");
    else if (rc == 0 && depth > 0)
        rc = llmobs_buf_adds(out, row->next != NULL ? "│  " : "   ");
    if (rc == 0 && !own)
        rc = llmobs_buf_adds(out, row->child != NULL ? "│  " : "   ");
    return rc;
}

static int fill_name(const struct table *table, struct llmobs_buf *out,
                     const struct llmobs_row *row)
{
    int rc = table->list ? 0 : add_branches(out, row, true);

    if (rc == 0)
        rc = llmobs_escape_adds(out, row->name, NAME_COLUMNS);
    if (rc == 0 && row->orphan && !table->list)
        rc = llmobs_buf_adds(out, " (parent elsewhere)");
    return rc;
}

static int fill(struct table *table, enum column column,
                const struct llmobs_row *row)
{
    struct llmobs_buf *out = &table->cell[column];

    switch (column) {
    case COLUMN_TIME:
        return add_time(out, row->start_ns);
    case COLUMN_NAME:
        return fill_name(table, out, row);
    case COLUMN_KIND:
        return llmobs_escape_adds(out, row->kind, KIND_COLUMNS);
    case COLUMN_MODEL:
        return llmobs_escape_adds(out, row->model != NULL ? row->model : "-",
                                  MODEL_COLUMNS);
    case COLUMN_IN:
        return add_count(out, row->input_tokens);
    case COLUMN_OUT:
        return add_count(out, row->output_tokens);
    case COLUMN_DURATION:
        return add_duration(out, row->duration_ns);
    case COLUMN_FIRST:
        return add_duration(out, row->first_token >= 0 && row->first_token < 9e9
                                     ? (int64_t)(row->first_token * 1e9)
                                     : -1);
    case COLUMN_STATUS:
        return llmobs_buf_adds(out, row->failed ? "error" : "ok");
    case COLUMN_TRACE:
        return llmobs_escape_adds(out, row->trace_id, 39);
    case COLUMN_COUNT:
        break;
    }
    return 0;
}

static bool absent(const struct table *table, int column)
{
    return columns[column].list_only && !table->list;
}

static int fill_row(struct table *table, const struct llmobs_row *row)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < COLUMN_COUNT; i++) {
        llmobs_buf_cut(&table->cell[i], 0);
        if (!absent(table, i))
            rc = fill(table, (enum column)i, row);
    }
    return rc;
}

static const char *cell(const struct table *table, int column)
{
    return table->cell[column].len > 0 ? table->cell[column].data : "";
}

static int measure(struct table *table, const struct llmobs_row *row)
{
    int rc = fill_row(table, row);

    for (int i = 0; rc == 0 && i < COLUMN_COUNT; i++) {
        size_t width = llmobs_escape_width(cell(table, i));

        if (width > table->width[i])
            table->width[i] = width;
    }
    return rc;
}

static int last_column(const struct table *table)
{
    return table->list ? COLUMN_TRACE : COLUMN_STATUS;
}

static void pad(size_t count)
{
    printf("%*s", (int)count, "");
}

static void print_cell(const struct table *table, int column, const char *text,
                       enum paint which)
{
    size_t width = llmobs_escape_width(text);
    size_t space =
        table->width[column] > width ? table->width[column] - width : 0;

    if (columns[column].right)
        pad(space);
    painted(table, which, text);
    if (column == last_column(table)) {
        putchar('\n');
        return;
    }
    if (!columns[column].right)
        pad(space);
    fputs("  ", stdout);
}

static enum paint paint_of(int column, const struct llmobs_row *row)
{
    if (column == COLUMN_STATUS && row->failed)
        return PAINT_RED;
    if (column == COLUMN_KIND)
        return PAINT_CYAN;
    if (column == COLUMN_TIME || column == COLUMN_TRACE)
        return PAINT_DIM;
    return PAINT_NONE;
}

static void print_lines(const struct table *table, const char *bars,
                        const char *lines)
{
    const char *end;

    for (; lines != NULL && (end = strchr(lines, '\n')) != NULL;
         lines = end + 1) {
        fputs(bars, stdout);
        paint(table, PAINT_DIM);
        fwrite(lines, 1, (size_t)(end - lines), stdout);
        unpaint(table, PAINT_DIM);
        putchar('\n');
    }
}

/* Adds "type: message". */
static int add_error(struct llmobs_buf *out, const struct llmobs_row *row)
{
    struct llmobs_buf text;
    int rc = 0;

    llmobs_buf_init(&text, BELOW_MAX);
    if (row->error_type != NULL)
        rc = llmobs_buf_adds(&text, row->error_type);
    if (rc == 0 && text.len > 0 && row->error_message != NULL)
        rc = llmobs_buf_adds(&text, ": ");
    if (rc == 0 && row->error_message != NULL)
        rc = llmobs_buf_adds(&text, row->error_message);
    if (rc == 0 && text.len > 0)
        rc = llmobs_escape_add(out, (struct llmobs_text){text.data, text.len},
                               ERROR_COLUMNS);
    llmobs_buf_fini(&text);
    return rc;
}

static int print_error(struct table *table, const char *bars,
                       const struct llmobs_row *row)
{
    struct llmobs_buf *error = &table->cell[COLUMN_STATUS];
    int rc;

    if (!row->failed)
        return 0;
    llmobs_buf_cut(error, 0);
    rc = add_error(error, row);
    if (rc != 0 || error->len == 0)
        return rc;
    fputs(bars, stdout);
    painted(table, PAINT_RED, error->data);
    putchar('\n');
    return 0;
}

/* Reads the span again for its messages. */
static int print_messages(const struct table *table, const char *bars,
                          const struct llmobs_row *row)
{
    struct llmobs_json *event = NULL;
    struct llmobs_buf line, lines;
    int rc;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    llmobs_buf_init(&lines, BELOW_MAX);
    rc = llmobs_reader_again(table->reader, row->place, &line);
    if (rc == 0)
        rc = llmobs_json_parse((struct llmobs_text){line.data, line.len},
                               &event);
    if (rc == 0)
        rc = llmobs_messages_lines(event, &lines);
    if (rc == 0 && lines.len > 0)
        print_lines(table, bars, lines.data);
    llmobs_json_free(event);
    llmobs_buf_fini(&line);
    llmobs_buf_fini(&lines);
    return rc == -ESTALE ? 0 : rc; /* the exporter has removed the file */
}

/* Prints the lines below a row: its error, messages and evaluations. */
static int print_below(struct table *table, const struct llmobs_row *row)
{
    struct llmobs_buf *bars = &table->cell[COLUMN_NAME];
    int rc;

    llmobs_buf_cut(bars, 0);
    rc = table->list ? llmobs_buf_adds(bars, "   ")
                     : add_branches(bars, row, false);
    if (rc == 0)
        rc = print_error(table, bars->data, row);
    if (rc == 0 && table->reader != NULL)
        rc = print_messages(table, bars->data, row);
    if (rc == 0)
        print_lines(table, bars->data, row->evaluations);
    return rc;
}

static int print_row(struct table *table, const struct llmobs_row *row)
{
    int rc = fill_row(table, row);

    for (int i = 0; rc == 0 && i < COLUMN_COUNT; i++)
        if (!absent(table, i))
            print_cell(table, i, cell(table, i), paint_of(i, row));
    return rc == 0 ? print_below(table, row) : rc;
}

static void print_titles(const struct table *table)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (!absent(table, i))
            print_cell(table, i, columns[i].title, PAINT_BOLD);
}

static void init(struct table *table, bool list,
                 const struct llmobs_table_style *style)
{
    memset(table, 0, sizeof *table);
    table->list = list;
    table->colour = style->colour;
    table->reader = style->messages;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        llmobs_buf_init(&table->cell[i], CELL_MAX);
        table->width[i] = llmobs_escape_width(columns[i].title);
    }
}

static void fini(struct table *table)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        llmobs_buf_fini(&table->cell[i]);
}

static int print_trace(struct table *table,
                       const struct llmobs_forest_trace *trace)
{
    struct llmobs_buf *title = &table->cell[COLUMN_TIME];
    const struct llmobs_row *row = trace->root;
    int rc;

    llmobs_buf_cut(title, 0);
    rc = llmobs_buf_adds(title, "trace ");
    if (rc == 0)
        rc = llmobs_escape_adds(title, row->trace_id, 39);
    if (rc == 0)
        rc = llmobs_buf_adds(title, "  ");
    if (rc == 0)
        rc = add_time(title, trace->start_ns);
    if (rc == 0)
        rc = llmobs_buf_adds(title, "  ");
    if (rc == 0)
        rc = llmobs_escape_adds(title, row->ml_app != NULL ? row->ml_app : "-",
                                NAME_COLUMNS);
    if (rc == 0)
        rc = llmobs_buf_addf(title, "  %zu span%s", trace->count,
                             trace->count == 1 ? "" : "s");
    if (rc != 0)
        return rc;
    putchar('\n');
    painted(table, PAINT_DIM, title->data);
    putchar('\n');
    for (; rc == 0 && row != NULL; row = llmobs_forest_next(row))
        rc = print_row(table, row);
    return rc;
}

int llmobs_table_tree(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style)
{
    struct table table;
    int rc = 0;

    init(&table, false, style);
    for (size_t i = 0; rc == 0 && i < forest->count; i++)
        if (forest->rows[i]->wanted)
            rc = measure(&table, forest->rows[i]);
    if (rc == 0)
        print_titles(&table);
    for (size_t i = 0; rc == 0 && i < forest->trace_count; i++)
        rc = print_trace(&table, &forest->traces[i]);
    fini(&table);
    return rc;
}

int llmobs_table_list(const struct llmobs_forest *forest,
                      const struct llmobs_table_style *style)
{
    struct table table;
    int rc = 0;

    init(&table, true, style);
    for (size_t i = 0; rc == 0 && i < forest->count; i++)
        if (forest->rows[i]->wanted)
            rc = measure(&table, forest->rows[i]);
    if (rc == 0)
        print_titles(&table);
    for (size_t i = 0; rc == 0 && i < forest->count; i++)
        if (forest->rows[i]->wanted)
            rc = print_row(&table, forest->rows[i]);
    fini(&table);
    return rc;
}
