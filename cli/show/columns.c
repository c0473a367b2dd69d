/* Fits the columns of spans into a terminal's width. */
#include "cli/show/columns.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/query/cost.h"
#include "cli/query/keys.h"
#include "cli/query/texts.h"
#include "cli/shared/escape.h"

#define NS_PER_S 1000000000
#define DASH "–"
#define PROGRAM_COLUMNS 40
#define WIDE 120 /* columns, from which on kinds and models are whole */
#define WIDEST 140
/* The most columns of a narrow screen for the question, and of the rest for the
 * model. */
#define SHARE_OF_QUESTION(room) ((room) / 3)
#define SHARE(room) ((room)*2 / 5)

#define COLUMN(key, name, title, left, spare, least, most, on) \
    {NULL,  title,                                             \
     left,  LLMOBS_SPARE_##spare,                              \
     least, LLMOBS_COLUMN_##name == LLMOBS_COLUMN_LETTER,      \
     on},
static const struct llmobs_column columns[] = {LLMOBS_COLUMNS(COLUMN)};
#undef COLUMN

/* Of each column the fact, and how many characters its text has. */
#define VALUE(key, name, title, left, spare, least, most, on) \
    {LLMOBS_KEY_##key, most},
static const struct {
    enum llmobs_key key;
    size_t most;
} values[] = {LLMOBS_COLUMNS(VALUE)};
#undef VALUE

/* -- widths --------------------------------------------------------------- */

void llmobs_columns_init(struct llmobs_sheet *sheet,
                         const struct llmobs_screen *screen, bool list)
{
    size_t width = screen->columns;
    char size = width == 0       ? 'p'
                : width < 100    ? 's'
                : width < WIDE   ? 'm'
                : width < WIDEST ? 'l'
                                 : 'x';

    llmobs_sheet_init(sheet, screen, LLMOBS_SHEET_WORDS, columns,
                      LLMOBS_COLUMN_COUNT);
    for (int i = 0; i < LLMOBS_COLUMN_COUNT; i++)
        if (!strchr(columns[i].on, size) ||
            (!list && (i == LLMOBS_COLUMN_TIME || i == LLMOBS_COLUMN_TRACE)))
            sheet->widths[i] = 0;
}

/* Fits the columns to the screen. Names and models are cut so that the question
 * gets its share of the screen; it also gets the columns that they do not need.
 */
void llmobs_columns_fit(struct llmobs_sheet *sheet)
{
    size_t *name = &sheet->widths[LLMOBS_COLUMN_NAME];
    size_t *model = &sheet->widths[LLMOBS_COLUMN_MODEL];
    size_t *question = &sheet->widths[LLMOBS_COLUMN_QUESTION];
    size_t room;

    if (sheet->width == 0)
        return;
    llmobs_sheet_spare(sheet);
    room =
        sheet->width + *name + *model + *question - llmobs_sheet_whole(sheet);
    if (*question > 0) {
        *question = columns[LLMOBS_COLUMN_QUESTION].least;
        if (*question < SHARE_OF_QUESTION(room))
            *question = SHARE_OF_QUESTION(room);
        if (*name + *model + *question < room)
            *question = room - *name - *model;
        room -= *question;
    }
    if (*name + *model > room) {
        if (*model > SHARE(room))
            *model = *name + SHARE(room) <= room ? room - *name : SHARE(room);
        *name = room - *model;
    }
}

/* -- numbers and times ---------------------------------------------------- */

/* Stands for a fact that is unknown. */
static const char *dash_of(const struct llmobs_columns_style *style)
{
    return style->width > 0 ? DASH : "-";
}

/* A number in at most five characters up to 999 billions, as the page has it.
 */
static void add_short(struct llmobs_buf *out, int64_t count)
{
    static const char units[] = {'k', 'M', 'G', 'T'};
    double number = (double)count / 1000;
    size_t unit = 0;

    if (count < 10000) {
        if (count < 0)
            llmobs_buf_adds(out, DASH);
        else
            llmobs_buf_addf(out, "%" PRId64, count);
        return;
    }
    while (number >= 999.5 && unit + 1 < sizeof(units)) {
        number /= 1000;
        unit++;
    }
    if (number < 99.95)
        llmobs_buf_addf(out, "%.1f%c",
                        (double)(int64_t)(number * 10 + 0.5) / 10, units[unit]);
    else
        llmobs_buf_addf(out, "%" PRId64 "%c", (int64_t)(number + 0.5),
                        units[unit]);
}

/* Tokens in and out: "61/115", "12.3k/–". */
static void add_in_out(struct llmobs_buf *out, int64_t in, int64_t answered)
{
    add_short(out, in);
    llmobs_buf_addc(out, '/');
    add_short(out, answered);
}

void llmobs_columns_time(struct llmobs_buf *out, int64_t ns, bool brief)
{
    char now[LLMOBS_CELL_CLOCK] = "", then[LLMOBS_CELL_CLOCK] = "";
    char room[LLMOBS_CELL_CLOCK];
    const char *form = "%Y-%m-%d %H:%M:%S", *text;

    /* The shortest form that leaves no doubt which day it is. */
    if (brief) {
        (void)llmobs_cell_clock((int64_t)time(NULL) * NS_PER_S, "%Y %j", now);
        (void)llmobs_cell_clock(ns, "%Y %j", then);
        if (strncmp(now, then, strcspn(now, " ") + 1) == 0)
            form = strcmp(now, then) == 0 ? "%H:%M:%S" : "%b %e %H:%M:%S";
    }
    text = llmobs_cell_clock(ns, form, room);
    if (!text)
        text = brief ? DASH : "-";
    llmobs_buf_adds(out, text);
}

/* -- branches ------------------------------------------------------------- */

/* The drawn row that is `levels` above `row`. */
static const struct llmobs_row *up(const struct llmobs_row *row, size_t levels)
{
    while (levels-- > 0)
        row = row->parent;
    return row;
}

static const char *bar(bool more)
{
    return more ? "│  " : "   ";
}

void llmobs_columns_branches(struct llmobs_buf *out,
                             const struct llmobs_row *row, bool own, size_t max)
{
    size_t depth = 0;

    for (const struct llmobs_row *at = row->parent; at && depth < max;
         at = at->parent)
        depth++;
    for (size_t i = depth; i > 1; i--)
        llmobs_buf_adds(out, bar(up(row, i - 1)->next != NULL));
    if (depth > 0 && own)
        llmobs_buf_adds(out, row->next ? "├─ " : "└─ ");
    else if (depth > 0)
        llmobs_buf_adds(out, bar(row->next != NULL));
    if (!own)
        llmobs_buf_adds(out, bar(row->child != NULL));
}

/* -- texts ---------------------------------------------------------------- */

/* On a narrow screen the model is without the date at its end; of an ARN of AWS
 * the last part is told, in which two of them differ. */
static void add_model(struct llmobs_buf *out, const struct llmobs_row *row,
                      const struct llmobs_columns_style *style)
{
    static const char version[] = "-00000000-v0:0"; /* of Bedrock */
    bool brief = style->width > 0 && style->width < WIDE;
    struct llmobs_text model = llmobs_text_of(row->model);

    if (brief && llmobs_texts_end(row->model, version))
        model.len -= sizeof(version) - 1;
    else if (brief)
        model.len = llmobs_texts_undated(row->model);
    if (llmobs_text_begins(model, "arn:"))
        while (model.len > 0 && memchr(model.data, '/', model.len)) {
            model.data++;
            model.len--;
        }
    llmobs_escape_add(out, model, values[LLMOBS_COLUMN_MODEL].most);
}

/* Adds the first words of a text, LLMOBS_ROW_WORDS bytes at most, in one line.
 */
static void add_words(struct llmobs_buf *out, const char *text)
{
    char line[LLMOBS_ROW_WORDS + 2];
    size_t len = 0;

    for (; *text != '\0' && len + 1 < sizeof(line); text++)
        if (*text != ' ' && (*text < '\t' || *text > '\r'))
            line[len++] = *text;
        else if (len > 0 && line[len - 1] != ' ')
            line[len++] = ' ';
    len -= len > 0 && line[len - 1] == ' ';
    line[len] = '\0';
    len = llmobs_texts_cut(line, LLMOBS_ROW_WORDS);
    llmobs_escape_add(out, (struct llmobs_text){line, len}, LLMOBS_ROW_WORDS);
}

/* Adds ", N words" where the number is known. */
static void add_tokens(struct llmobs_buf *out, int64_t count, const char *words)
{
    if (count <= 0)
        return;
    llmobs_buf_adds(out, ", ");
    add_short(out, count);
    llmobs_buf_adds(out, words);
}

void llmobs_columns_run(struct llmobs_buf *out, const struct llmobs_run *run)
{
    char room[LLMOBS_COST_TEXT];
    const char *cost = llmobs_cost_text(run->cost, room);

    llmobs_escape_adds(out, run->program ? run->program : "a program",
                       PROGRAM_COLUMNS);
    llmobs_buf_addf(out, "  %zu traces, %zu call%s", run->traces, run->calls,
                    run->calls == 1 ? "" : "s");
    if (run->failed > 0)
        llmobs_buf_addf(out, " (%zu failed)", run->failed);
    if (cost)
        llmobs_buf_addf(out, ", %s", cost);
    if (cost && run->costs < run->calls)
        llmobs_buf_addf(out, " of %zu of them", run->costs);
    if (run->input_tokens >= 0 || run->output_tokens >= 0) {
        llmobs_buf_adds(out, ", ");
        add_in_out(out, run->input_tokens, run->output_tokens);
        llmobs_buf_adds(out, " tokens");
    }
    llmobs_buf_adds(out, ", ");
    llmobs_cell_add_words(out,
                          llmobs_cell_length(run->start_ns < 0
                                                 ? -1
                                                 : run->end_ns - run->start_ns),
                          false);
}

void llmobs_columns_facts(struct llmobs_buf *out, const struct llmobs_row *row)
{
    char room[LLMOBS_COST_TEXT];

    if (row->span_id)
        llmobs_buf_addf(out, "span %s", row->span_id);
    if (row->session)
        llmobs_buf_addf(out, ", session %s", row->session);
    if (row->provider)
        llmobs_buf_addf(out, ", by %s", row->provider);
    if (row->response_model && row->model &&
        strcmp(row->response_model, row->model) != 0)
        llmobs_buf_addf(out, ", answered by %s", row->response_model);
    if (llmobs_cost_text(row->estimate, room))
        llmobs_buf_addf(out, ", estimated %s", room);
    add_tokens(out, row->cache_read_tokens, " tokens cached");
    add_tokens(out, row->cache_write_tokens, " written to the cache");
    add_tokens(out, row->reasoning_tokens, " of reasoning");
}

void llmobs_columns_error(struct llmobs_buf *out, const struct llmobs_row *row)
{
    if (row->error_type)
        llmobs_buf_adds(out, row->error_type);
    if (row->http_status > 0 &&
        (!row->error_type || strncmp(row->error_type, "http_", 5) != 0))
        llmobs_buf_addf(out, "%s%d", out->len > 0 ? ", HTTP " : "HTTP ",
                        row->http_status);
    if (row->error_message)
        llmobs_buf_addf(out, "%s%s", out->len > 0 ? ": " : "",
                        row->error_message);
}

/* -- kinds ---------------------------------------------------------------- */

/* The last entry is for all other kinds. */
static const struct kind {
    const char *kind;
    char letter;
    enum llmobs_paint paint;
} kinds[] = {
    {"llm", 'L', LLMOBS_PAINT_BLUE},
    {"embedding", 'E', LLMOBS_PAINT_CYAN},
    {"workflow", 'W', LLMOBS_PAINT_BOLD},
    {"agent", 'A', LLMOBS_PAINT_MAGENTA},
    {"task", 'K', LLMOBS_PAINT_NONE},
    {"tool", 'T', LLMOBS_PAINT_YELLOW},
    {"retrieval", 'R', LLMOBS_PAINT_GREEN},
    {NULL, '?', LLMOBS_PAINT_NONE},
};

static const struct kind *kind_of(const char *kind)
{
    const struct kind *at = kinds;

    while (at->kind && strcmp(at->kind, kind) != 0)
        at++;
    return at;
}

/* -- cells ---------------------------------------------------------------- */

/* Adds a fact as it is. */
static void add_value(struct llmobs_buf *out, enum llmobs_columns_name column,
                      const struct llmobs_row *row,
                      const struct llmobs_columns_style *style)
{
    const struct llmobs_by_key key = {values[column].key, ""};
    struct llmobs_texts texts = {0};
    struct llmobs_cell cell = llmobs_key_cell(&key, row, NULL, &texts);

    if (cell.kind == LLMOBS_CELL_TEXT)
        llmobs_escape_adds(out, cell.text, values[column].most);
    else if (cell.kind == LLMOBS_CELL_COUNT)
        llmobs_buf_addf(out, "%" PRId64, cell.whole);
    else if (cell.kind == LLMOBS_CELL_UNKNOWN)
        llmobs_buf_adds(out, dash_of(style));
    else
        llmobs_cell_add_words(out, cell, false);
    llmobs_texts_fini(&texts);
}

void llmobs_columns_add(struct llmobs_buf *out, enum llmobs_columns_name column,
                        const struct llmobs_row *row,
                        const struct llmobs_columns_style *style)
{
    bool brief = style->width > 0;

    switch (column) {
    case LLMOBS_COLUMN_TIME:
        llmobs_columns_time(out, row->start_ns, brief);
        break;
    case LLMOBS_COLUMN_LETTER:
        llmobs_buf_addc(out, kind_of(row->kind)->letter);
        break;
    case LLMOBS_COLUMN_NAME:
        if (!style->list)
            llmobs_columns_branches(out, row, true, style->depth);
        add_value(out, column, row, style);
        if (row->waiting)
            llmobs_buf_adds(out, " (waiting)");
        /* While a view follows, the parent may still run. */
        if (row->orphan && !style->list && !style->follows)
            llmobs_buf_adds(out, " (parent elsewhere)");
        break;
    case LLMOBS_COLUMN_MODEL:
        if (row->model)
            add_model(out, row, style);
        else if (!brief || llmobs_row_is_call(row))
            llmobs_buf_adds(out, dash_of(style));
        break;
    case LLMOBS_COLUMN_TOKENS:
        if (row->input_tokens >= 0 || row->output_tokens >= 0)
            add_in_out(out, row->input_tokens, row->output_tokens);
        else if (llmobs_row_is_call(row))
            llmobs_buf_adds(out, DASH);
        break;
    case LLMOBS_COLUMN_KIND:
        llmobs_escape_adds(out, row->kind, values[column].most);
        break;
    case LLMOBS_COLUMN_FIRST:
        if (row->first_token >= 0 || !brief || strcmp(row->kind, "llm") == 0)
            add_value(out, column, row, style);
        break;
    case LLMOBS_COLUMN_COST:
        if (row->cost >= 0 || !brief || llmobs_row_is_call(row))
            add_value(out, column, row, style);
        break;
    case LLMOBS_COLUMN_QUESTION:
        if (row->question)
            add_words(out, row->question);
        break;
    default:
        add_value(out, column, row, style);
    }
}

enum llmobs_paint llmobs_columns_paint(enum llmobs_columns_name column,
                                       const struct llmobs_row *row,
                                       const struct llmobs_columns_style *style)
{
    if (row->path)
        return LLMOBS_PAINT_DIM;
    switch (column) {
    case LLMOBS_COLUMN_STATUS:
        return row->failed        ? LLMOBS_PAINT_RED
               : style->width > 0 ? LLMOBS_PAINT_DIM
                                  : LLMOBS_PAINT_NONE;
    case LLMOBS_COLUMN_LETTER:
    case LLMOBS_COLUMN_KIND:
        return style->width > 0 ? kind_of(row->kind)->paint : LLMOBS_PAINT_CYAN;
    case LLMOBS_COLUMN_TIME:
    case LLMOBS_COLUMN_TRACE:
    case LLMOBS_COLUMN_QUESTION:
        return LLMOBS_PAINT_DIM;
    default:
        return LLMOBS_PAINT_NONE;
    }
}
