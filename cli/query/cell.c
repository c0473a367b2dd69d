/* Formats one value as JSON, as CSV, or for a terminal. */
#include "cli/query/cell.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/query/cost.h"
#include "cli/shared/escape.h"
#include "cli/shared/json_out.h"
#include "lib/text/decimal.h"
#include "lib/text/json.h"
#include "lib/text/json_plain.h"

#define NS_PER_US 1000
#define NS_PER_MS 1000000
#define NS_PER_S INT64_C(1000000000)
#define SECONDS_MAX 9e9
#define COST_DIGITS 12
#define COST_UNIT INT64_C(1000000000000)
#define COST_SHORT 1000
#define DIGITS 9 /* of a second's nanoseconds */
#define CSV_COLUMNS (SIZE_MAX / 4)

/* -- makers --------------------------------------------------------------- */

struct llmobs_cell llmobs_cell_text(const char *text)
{
    return (struct llmobs_cell){
        .kind = text ? LLMOBS_CELL_TEXT : LLMOBS_CELL_UNKNOWN, .text = text};
}

struct llmobs_cell llmobs_cell_drawn(const char *text)
{
    return (struct llmobs_cell){.kind = LLMOBS_CELL_DRAWN, .text = text};
}

static struct llmobs_cell of_whole(enum llmobs_cell_kind kind, int64_t number)
{
    return (struct llmobs_cell){.kind = number < 0 ? LLMOBS_CELL_UNKNOWN : kind,
                                .whole = number};
}

struct llmobs_cell llmobs_cell_count(int64_t count)
{
    return of_whole(LLMOBS_CELL_COUNT, count);
}

struct llmobs_cell llmobs_cell_length(int64_t ns)
{
    return of_whole(LLMOBS_CELL_LENGTH, ns);
}

struct llmobs_cell llmobs_cell_time(int64_t wall_ns)
{
    return of_whole(LLMOBS_CELL_TIME, wall_ns > 0 ? wall_ns : -1);
}

struct llmobs_cell llmobs_cell_real(enum llmobs_cell_kind kind, double real)
{
    return (struct llmobs_cell){
        .kind = isfinite(real) && real >= 0 ? kind : LLMOBS_CELL_UNKNOWN,
        .real = real};
}

/* -- numbers -------------------------------------------------------------- */

/* Writes `count` digits, and answers their end: a table of many rows has no
 * time for printf. */
static char *put_digits(char *to, int64_t number, size_t count)
{
    for (size_t i = count; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
    return to + count;
}

/* Writes a decimal without the zeros at its end: "0.412", "3"; `point`: one
 * digit stays behind the point. */
static int add_fixed(struct llmobs_buf *out, int64_t whole, int64_t part,
                     size_t digits, bool point)
{
    char text[2 * LLMOBS_DECIMAL_MAX];
    char *end = text + llmobs_decimal_write_int(whole, text);

    *end = '.';
    end = put_digits(end + 1, part, digits);
    while (end[-1] == '0' && (!point || end[-2] != '.'))
        end--;
    if (end[-1] == '.')
        end--;
    return llmobs_buf_add(out, text, (size_t)(end - text));
}

static int add_real(struct llmobs_buf *out, double real)
{
    char text[LLMOBS_DECIMAL_MAX];

    return llmobs_buf_add(out, text, llmobs_decimal_write(real, text));
}

static int add_iso(struct llmobs_buf *out, int64_t wall_ns)
{
    time_t at = (time_t)(wall_ns / NS_PER_S);
    struct tm tm = {0};
    char text[] = "2026-11-21T13:00:00.000000Z";

    (void)gmtime_r(&at, &tm);
    (void)put_digits(text, tm.tm_year + 1900, 4);
    (void)put_digits(text + 5, tm.tm_mon + 1, 2);
    (void)put_digits(text + 8, tm.tm_mday, 2);
    (void)put_digits(text + 11, tm.tm_hour, 2);
    (void)put_digits(text + 14, tm.tm_min, 2);
    (void)put_digits(text + 17, tm.tm_sec, 2);
    (void)put_digits(text + 20, wall_ns % NS_PER_S / NS_PER_US, 6);
    return llmobs_buf_adds(out, text);
}

/* Adds what JSON and CSV write in the same way. */
static int add_number(struct llmobs_buf *out, struct llmobs_cell cell)
{
    char text[LLMOBS_DECIMAL_MAX];
    int64_t parts;

    switch (cell.kind) {
    case LLMOBS_CELL_COUNT:
        return llmobs_buf_add(out, text,
                              llmobs_decimal_write_int(cell.whole, text));
    case LLMOBS_CELL_LENGTH:
        return add_fixed(out, cell.whole / NS_PER_S, cell.whole % NS_PER_S,
                         DIGITS, false);
    case LLMOBS_CELL_MONEY:
        if (cell.real >= COST_SHORT)
            return add_real(out, cell.real);
        /* Decimals behind twelve come from the arithmetic, and the shortest
         * decimal of such a number takes long to find. */
        parts = (int64_t)(cell.real * (double)COST_UNIT + 0.5);
        return add_fixed(out, parts / COST_UNIT, parts % COST_UNIT, COST_DIGITS,
                         true);
    default:
        return add_real(out, cell.real);
    }
}

/* -- JSON and CSV --------------------------------------------------------- */

static int add_string(struct llmobs_buf *out, const char *text)
{
    size_t len = strlen(text);
    struct llmobs_json *string;
    struct llmobs_buf dump;

    if (llmobs_json_run(text, len, LLMOBS_JSON_STOP_ODD) == len) {
        llmobs_buf_addc(out, '"');
        llmobs_buf_add(out, text, len);
        llmobs_buf_addc(out, '"');
        return out->error;
    }
    string = llmobs_json_string(text);
    llmobs_buf_init(&dump, SIZE_MAX / 2);
    if (!string)
        llmobs_buf_fail(out, -ENOMEM);
    else if (llmobs_buf_fail(out, llmobs_json_dump(string, 0, &dump)) == 0)
        llmobs_json_out_add(out, llmobs_buf_text(&dump));
    llmobs_buf_fini(&dump);
    llmobs_json_free(string);
    return out->error;
}

int llmobs_cell_add_json(struct llmobs_buf *out, struct llmobs_cell cell)
{
    switch (cell.kind) {
    case LLMOBS_CELL_UNKNOWN:
        return llmobs_buf_adds(out, "null");
    case LLMOBS_CELL_TEXT:
    case LLMOBS_CELL_DRAWN:
        return add_string(out, cell.text);
    case LLMOBS_CELL_TIME:
        llmobs_buf_addc(out, '"');
        add_iso(out, cell.whole);
        llmobs_buf_addc(out, '"');
        return out->error;
    default:
        return add_number(out, cell);
    }
}

/* Adds a text, between quotes where CSV needs them: each quote in it twice. */
static int add_csv_text(struct llmobs_buf *out, const char *text)
{
    bool formula = *text != '\0' && strchr("=+-@\t\r", *text);

    if (*text != '\0' && !strpbrk(text, ",\"\r\n")) {
        llmobs_buf_addf(out, "%s%s", formula ? "'" : "", text);
        return out->error;
    }
    llmobs_buf_adds(out, formula ? "\"'" : "\"");
    for (const char *stop; (stop = strchr(text, '"')); text = stop + 1) {
        llmobs_buf_add(out, text, (size_t)(stop - text));
        llmobs_buf_adds(out, "\"\"");
    }
    llmobs_buf_adds(out, text);
    llmobs_buf_addc(out, '"');
    return out->error;
}

int llmobs_cell_add_csv(struct llmobs_buf *out, struct llmobs_cell cell,
                        bool terminal)
{
    struct llmobs_buf escaped;

    if (cell.kind == LLMOBS_CELL_UNKNOWN)
        return 0;
    if (cell.kind == LLMOBS_CELL_TIME)
        return add_iso(out, cell.whole);
    if (cell.kind != LLMOBS_CELL_TEXT && cell.kind != LLMOBS_CELL_DRAWN)
        return add_number(out, cell);
    if (!terminal)
        return add_csv_text(out, cell.text);
    llmobs_buf_init(&escaped, SIZE_MAX / 2);
    llmobs_buf_adds(&escaped, "");
    if (*cell.text != '\0')
        llmobs_escape_adds(&escaped, cell.text, CSV_COLUMNS);
    if (llmobs_buf_fail(out, escaped.error) == 0)
        add_csv_text(out, escaped.data);
    llmobs_buf_fini(&escaped);
    return out->error;
}

/* -- terminals ------------------------------------------------------------ */

/* Writes a length in the unit that a person would choose, rounded to what is
 * shown, as the page does. */
static int add_length(struct llmobs_buf *out, int64_t ns, bool ascii)
{
    int64_t half = ns < NS_PER_MS         ? NS_PER_US / 2
                   : ns < NS_PER_S        ? NS_PER_MS / 2
                   : ns < 60 * NS_PER_S   ? NS_PER_S / 200
                   : ns < 3600 * NS_PER_S ? NS_PER_S / 2
                                          : 30 * NS_PER_S;
    int64_t s;

    ns += ns < INT64_MAX - half ? half : 0;
    s = ns / NS_PER_S;
    if (ns < NS_PER_MS)
        return llmobs_buf_addf(out, "%" PRId64 " %s", ns / NS_PER_US,
                               ascii ? "us" : "µs");
    if (ns < NS_PER_S)
        return llmobs_buf_addf(out, "%" PRId64 " ms", ns / NS_PER_MS);
    if (s < 60)
        return llmobs_buf_addf(out, "%" PRId64 ".%02d s", s,
                               (int)(ns % NS_PER_S / (NS_PER_S / 100)));
    if (s < 3600)
        return llmobs_buf_addf(out, "%" PRId64 " m %02d s", s / 60,
                               (int)(s % 60));
    return llmobs_buf_addf(out, "%" PRId64 " h %02d m", s / 3600,
                           (int)(s / 60 % 60));
}

const char *llmobs_cell_clock(int64_t wall_ns, const char *form,
                              char room[LLMOBS_CELL_CLOCK])
{
    time_t at = (time_t)(wall_ns / NS_PER_S);
    struct tm tm;

    return wall_ns > 0 && localtime_r(&at, &tm) &&
                   strftime(room, LLMOBS_CELL_CLOCK, form, &tm) > 0
               ? room
               : NULL;
}

int llmobs_cell_add_words(struct llmobs_buf *out, struct llmobs_cell cell,
                          bool ascii)
{
    char cost[LLMOBS_COST_TEXT], clock[LLMOBS_CELL_CLOCK];
    char count[LLMOBS_DECIMAL_MAX];
    const char *text = ascii ? "-" : "–";
    double percents = cell.real * 100;

    switch (cell.kind) {
    case LLMOBS_CELL_DRAWN:
        text = cell.text;
        break;
    case LLMOBS_CELL_TEXT:
        if (*cell.text != '\0')
            return llmobs_escape_adds(out, cell.text, LLMOBS_CELL_COLUMNS);
        text = "\"\"";
        break;
    case LLMOBS_CELL_COUNT: /* with a comma after each three digits */
        (void)llmobs_decimal_write_int(cell.whole, count);
        llmobs_cost_group(count);
        text = count;
        break;
    case LLMOBS_CELL_LENGTH:
        return add_length(out, cell.whole, ascii);
    case LLMOBS_CELL_SECONDS:
        return add_length(out,
                          cell.real < SECONDS_MAX
                              ? (int64_t)(cell.real * NS_PER_S)
                              : INT64_MAX,
                          ascii);
    case LLMOBS_CELL_TIME:
        text = llmobs_cell_clock(cell.whole, "%Y-%m-%d %H:%M:%S", clock);
        break;
    case LLMOBS_CELL_NUMBER:
        return llmobs_buf_addf(out, "%.4g", cell.real);
    case LLMOBS_CELL_MONEY:
        if (llmobs_cost_text(cell.real, cost))
            text = cost;
        break;
    case LLMOBS_CELL_SHARE:
        return llmobs_buf_addf(
            out, percents > 0 && percents < 9.95 ? "%.1f %%" : "%.0f %%",
            percents);
    case LLMOBS_CELL_UNKNOWN:
        break;
    }
    return llmobs_buf_adds(out, text ? text : "");
}
