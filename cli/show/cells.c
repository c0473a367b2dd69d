#include "cli/show/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/query/cell.h"
#include "cli/query/texts.h"
#include "cli/shared/escape.h"

#define NS_PER_S 1000000000

/* -- numbers -------------------------------------------------------------- */

int llmobs_cells_count(struct llmobs_buf *out, int64_t count, const char *dash)
{
    return count < 0 ? llmobs_buf_adds(out, dash)
                     : llmobs_buf_addf(out, "%" PRId64, count);
}

/* A number in at most five characters up to 999 billions. */
static int add_short(struct llmobs_buf *out, int64_t count)
{
    static const char units[] = {'k', 'M', 'G', 'T'};
    double number = (double)count / 1000;
    size_t unit = 0;

    if (count < 10000)
        return llmobs_cells_count(out, count, LLMOBS_CELLS_DASH);
    while (number >= 999.5 && unit + 1 < sizeof(units)) {
        number /= 1000;
        unit++;
    }
    return llmobs_buf_addf(out, number < 99.95 ? "%.1f%c" : "%.0f%c", number,
                           units[unit]);
}

int llmobs_cells_tokens(struct llmobs_buf *out, const struct llmobs_row *row)
{
    int rc;

    if (row->input_tokens < 0 && row->output_tokens < 0)
        return llmobs_row_is_call(row) ? llmobs_buf_adds(out, LLMOBS_CELLS_DASH)
                                       : 0;
    rc = add_short(out, row->input_tokens);
    rc |= llmobs_buf_addc(out, '/');
    return rc == 0 ? add_short(out, row->output_tokens) : rc;
}

/* -- times ---------------------------------------------------------------- */

int llmobs_cells_duration(struct llmobs_buf *out, int64_t ns, const char *dash)
{
    return ns < 0 ? llmobs_buf_adds(out, dash)
                  : llmobs_cell_add_words(out, llmobs_cell_length(ns), false);
}

int llmobs_cells_first(struct llmobs_buf *out, const struct llmobs_row *row,
                       const char *dash)
{
    double s = row->first_token;

    return llmobs_cells_duration(
        out, s >= 0 && s < 9e9 ? (int64_t)(s * NS_PER_S) : -1, dash);
}

/* The form of a time: as short as it can be without a doubt. */
static const char *cells_form_of(int64_t ns)
{
    char now[LLMOBS_CELL_CLOCK] = "", then[LLMOBS_CELL_CLOCK] = "";

    (void)llmobs_cell_clock((int64_t)time(NULL) * NS_PER_S, "%Y %j", now);
    (void)llmobs_cell_clock(ns, "%Y %j", then);
    if (strncmp(now, then, strcspn(now, " ") + 1) != 0)
        return "%Y-%m-%d %H:%M:%S";
    return strcmp(now, then) == 0 ? "%H:%M:%S" : "%b %e %H:%M:%S";
}

int llmobs_cells_time(struct llmobs_buf *out, int64_t ns, bool brief)
{
    char room[LLMOBS_CELL_CLOCK];
    const char *text = llmobs_cell_clock(
        ns, brief ? cells_form_of(ns) : "%Y-%m-%d %H:%M:%S", room);

    if (!text)
        text = brief ? LLMOBS_CELLS_DASH : "-";
    return llmobs_buf_adds(out, text);
}

/* -- texts ---------------------------------------------------------------- */

int llmobs_cells_model(struct llmobs_buf *out, const char *model, bool brief,
                       size_t columns)
{
    static const char version[] = "-00000000-v0:0"; /* of Bedrock */
    size_t len = strlen(model);

    if (brief)
        len = llmobs_texts_end(model, version) ? len - (sizeof(version) - 1)
                                               : llmobs_texts_undated(model);

    return llmobs_escape_add(out, (struct llmobs_text){model, len}, columns);
}

int llmobs_cells_question(struct llmobs_buf *out, const struct llmobs_row *row,
                          size_t columns)
{
    char line[LLMOBS_ROW_WORDS + 1];
    const char *text = row->question ? row->question : "";
    size_t len = 0;

    for (; *text != '\0' && len + 1 < sizeof(line); text++) {
        bool blank = *text == ' ' || (*text >= '\t' && *text <= '\r');

        if (!blank)
            line[len++] = *text;
        else if (len > 0 && line[len - 1] != ' ')
            line[len++] = ' ';
    }
    return llmobs_escape_add(out, (struct llmobs_text){line, len}, columns);
}

/* Adds ", N words" where the number is known. */
static int add_tokens(struct llmobs_buf *out, int64_t count, const char *words)
{
    int rc;

    if (count <= 0)
        return 0;
    rc = llmobs_buf_adds(out, ", ");
    rc |= add_short(out, count);
    return rc | llmobs_buf_adds(out, words);
}

static int cells_add_fact(struct llmobs_buf *out, const char *what,
                          const char *value)
{
    return value ? llmobs_buf_addf(out, "%s%s", what, value) : 0;
}

int llmobs_cells_facts(struct llmobs_buf *out, const struct llmobs_row *row)
{
    int rc = cells_add_fact(out, "span ", row->span_id);

    rc |= cells_add_fact(out, ", session ", row->session);
    rc |= cells_add_fact(out, ", by ", row->provider);
    rc |= add_tokens(out, row->cache_read_tokens, " tokens cached");
    rc |= add_tokens(out, row->cache_write_tokens, " written to the cache");
    return rc | add_tokens(out, row->reasoning_tokens, " of reasoning");
}

int llmobs_cells_error(struct llmobs_buf *out, const struct llmobs_row *row)
{
    int rc = 0;

    if (row->error_type)
        rc = llmobs_buf_adds(out, row->error_type);
    if (rc == 0 && row->http_status > 0 &&
        (!row->error_type || strncmp(row->error_type, "http_", 5) != 0))
        rc = llmobs_buf_addf(out, "%s%d", out->len > 0 ? ", HTTP " : "HTTP ",
                             row->http_status);
    if (rc == 0 && out->len > 0 && row->error_message)
        rc = llmobs_buf_adds(out, ": ");
    if (rc == 0 && row->error_message)
        rc = llmobs_buf_adds(out, row->error_message);
    return rc;
}

/* -- kinds ---------------------------------------------------------------- */

/* The last one is for all others. */
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

char llmobs_cells_letter(const char *kind)
{
    return kind_of(kind)->letter;
}

enum llmobs_paint llmobs_cells_paint(const char *kind)
{
    return kind_of(kind)->paint;
}
