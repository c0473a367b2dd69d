#include "cli/view/cells.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/shared/escape.h"

#define NS_PER_S 1000000000
#define TEXT_MAX 64

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
    while (number >= 999.5 && unit + 1 < sizeof units) {
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
    if (rc == 0)
        rc = llmobs_buf_addc(out, '/');
    return rc == 0 ? add_short(out, row->output_tokens) : rc;
}

/* -- times ---------------------------------------------------------------- */

int llmobs_cells_duration(struct llmobs_buf *out, int64_t ns, const char *dash)
{
    int64_t s = ns / NS_PER_S;

    if (ns < 0)
        return llmobs_buf_adds(out, dash);
    if (ns < 1000000)
        return llmobs_buf_addf(out, "%" PRId64 " µs", ns / 1000);
    if (ns < NS_PER_S)
        return llmobs_buf_addf(out, "%" PRId64 " ms", ns / 1000000);
    if (s < 60)
        return llmobs_buf_addf(out, "%" PRId64 ".%02d s", s,
                               (int)(ns % NS_PER_S / 10000000));
    if (s < 3600)
        return llmobs_buf_addf(out, "%" PRId64 " m %02d s", s / 60,
                               (int)(s % 60));
    return llmobs_buf_addf(out, "%" PRId64 " h %02d m", s / 3600,
                           (int)(s / 60 % 60));
}

int llmobs_cells_first(struct llmobs_buf *out, const struct llmobs_row *row,
                       const char *dash)
{
    double s = row->first_token;

    return llmobs_cells_duration(
        out, s >= 0 && s < 9e9 ? (int64_t)(s * NS_PER_S) : -1, dash);
}

/* The form of a time: as short as it can be without a doubt. */
static const char *form_of(const struct tm *tm)
{
    time_t now = time(NULL);
    struct tm today;

    if (localtime_r(&now, &today) == NULL || today.tm_year != tm->tm_year)
        return "%Y-%m-%d %H:%M:%S";
    return today.tm_yday == tm->tm_yday ? "%H:%M:%S" : "%b %e %H:%M:%S";
}

int llmobs_cells_time(struct llmobs_buf *out, int64_t ns, bool brief)
{
    time_t at = (time_t)(ns / NS_PER_S);
    struct tm tm;
    char text[TEXT_MAX] = "";

    if (ns > 0 && localtime_r(&at, &tm) != NULL)
        strftime(text, sizeof text, brief ? form_of(&tm) : "%Y-%m-%d %H:%M:%S",
                 &tm);
    if (*text == '\0')
        return llmobs_buf_adds(out, brief ? LLMOBS_CELLS_DASH : "-");
    return llmobs_buf_adds(out, text);
}

/* -- texts ---------------------------------------------------------------- */

/* True where the text ends with such a form: 'd' is a digit. */
static bool ends_as(const char *text, size_t len, const char *form)
{
    size_t count = strlen(form);

    if (len <= count)
        return false;
    text += len - count;
    for (size_t i = 0; i < count; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i])
                           : text[i] != form[i])
            return false;
    return true;
}

/* The length of a model's name without its date. */
static size_t without_date(const char *model)
{
    static const char *const forms[] = {"-dddd-dd-dd", "-dddddddd", "@dddddddd",
                                        "-dddddddd-vd:d"};
    size_t len = strlen(model);

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (ends_as(model, len, forms[i]))
            return len - strlen(forms[i]);
    return len;
}

int llmobs_cells_model(struct llmobs_buf *out, const char *model, bool brief,
                       size_t columns)
{
    size_t len = brief ? without_date(model) : strlen(model);

    return llmobs_escape_add(out, (struct llmobs_text){model, len}, columns);
}

int llmobs_cells_question(struct llmobs_buf *out, const struct llmobs_row *row,
                          size_t columns)
{
    char line[LLMOBS_ROW_WORDS + 1];
    const char *text = row->question != NULL ? row->question : "";
    size_t len = 0;

    for (; *text != '\0' && len + 1 < sizeof line; text++) {
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
    int rc = count > 0 ? llmobs_buf_adds(out, ", ") : 0;

    if (rc == 0 && count > 0)
        rc = add_short(out, count);
    return rc == 0 && count > 0 ? llmobs_buf_adds(out, words) : rc;
}

static int add_fact(struct llmobs_buf *out, const char *what, const char *value)
{
    int rc = value != NULL ? llmobs_buf_adds(out, what) : 0;

    return rc == 0 && value != NULL ? llmobs_buf_adds(out, value) : rc;
}

int llmobs_cells_facts(struct llmobs_buf *out, const struct llmobs_row *row)
{
    int rc = add_fact(out, "span ", row->span_id);

    if (rc == 0)
        rc = add_fact(out, ", session ", row->session);
    if (rc == 0)
        rc = add_fact(out, ", by ", row->provider);
    if (rc == 0)
        rc = add_tokens(out, row->cache_read_tokens, " tokens cached");
    if (rc == 0)
        rc = add_tokens(out, row->cache_write_tokens, " written to the cache");
    return rc == 0 ? add_tokens(out, row->reasoning_tokens, " of reasoning")
                   : rc;
}

int llmobs_cells_error(struct llmobs_buf *out, const struct llmobs_row *row)
{
    int rc = 0;

    if (row->error_type != NULL)
        rc = llmobs_buf_adds(out, row->error_type);
    if (rc == 0 && out->len > 0 && row->error_message != NULL)
        rc = llmobs_buf_adds(out, ": ");
    if (rc == 0 && row->error_message != NULL)
        rc = llmobs_buf_adds(out, row->error_message);
    return rc;
}

/* -- kinds ---------------------------------------------------------------- */

static const struct {
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
};

static size_t place_of(const char *kind)
{
    size_t i = 0;

    while (i < sizeof kinds / sizeof *kinds && strcmp(kinds[i].kind, kind) != 0)
        i++;
    return i;
}

char llmobs_cells_letter(const char *kind)
{
    size_t i = place_of(kind);

    return i < sizeof kinds / sizeof *kinds ? kinds[i].letter : '?';
}

enum llmobs_paint llmobs_cells_paint(const char *kind)
{
    size_t i = place_of(kind);

    return i < sizeof kinds / sizeof *kinds ? kinds[i].paint
                                            : LLMOBS_PAINT_NONE;
}
