#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shared/escape.h"
#include "cli/show/columns.h"
#include "cli/show/diff.h"
#include "cli/show/halves.h"
#include "cli/show/media.h"
#include "cli/show/wrap.h"

#define PAIRS 20 /* that are shown, unless all is */
#define KEEP 24  /* words around a difference, unless all is shown */
#define INDENT 2
#define TEXT_MAX (128u * 1024 * 1024)
#define LINE_MAX 4096

struct pair {
    const struct llmobs_view *view;
    const struct llmobs_row *rows[2]; /* NULL: no call */
    struct llmobs_json *events[2];
};

/* -- what was said -------------------------------------------------------- */

/* Adds a value; that of a text is the text. */
static int add_value(struct llmobs_buf *out, const struct llmobs_json *value)
{
    const char *text = llmobs_json_text(value);

    if (!value)
        return 0;
    return text ? llmobs_buf_adds(out, text) : llmobs_json_dump(value, 0, out);
}

/* Adds a line for each tool that is called, or whose result is there. */
static int add_tools(struct llmobs_buf *out, const struct llmobs_json *list,
                     const char *verb, const char *key)
{
    int rc = 0;

    LLMOBS_JSON_EACH (tool, list, rc == 0) {
        const char *name = llmobs_json_gets(tool, "name");

        rc = llmobs_buf_addf(out, "%s ", verb);
        if (rc == 0 && name)
            rc = llmobs_buf_addf(out, "%s ", name);
        if (rc == 0)
            rc = add_value(out, llmobs_json_get(tool, key));
        if (rc == 0)
            rc = llmobs_buf_addc(out, '\n');
    }
    return rc;
}

static int add_media(struct llmobs_buf *out, const struct llmobs_json *list,
                     const char *what)
{
    int rc = 0;

    LLMOBS_JSON_EACH (part, list, rc == 0) {
        rc = llmobs_media_add(out, part, what);
        if (rc == 0)
            rc = llmobs_buf_addc(out, '\n');
    }
    return rc;
}

/* "user: text", and below it the media and the tools; nothing where there is
 * none of these. */
static int add_message(struct llmobs_buf *out,
                       const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");
    size_t begin = out->len, head;
    int rc =
        llmobs_buf_addf(out, "%s: ", llmobs_has_text(role) ? role : "message");

    head = out->len;
    if (rc == 0)
        rc = add_value(out, llmobs_json_get(message, "content"));
    if (rc == 0 && out->len > head)
        rc = llmobs_buf_addc(out, '\n');
    if (rc == 0)
        rc = add_media(out, llmobs_json_get(message, "image_parts"), "image");
    if (rc == 0)
        rc = add_media(out, llmobs_json_get(message, "audio_parts"), "audio");
    if (rc == 0)
        rc = add_tools(out, llmobs_json_get(message, "tool_calls"), "calls",
                       "arguments");
    if (rc == 0)
        rc = add_tools(out, llmobs_json_get(message, "tool_results"), "result",
                       "result");
    if (rc == 0 && out->len == head)
        llmobs_buf_cut(out, begin);
    return rc;
}

/* Adds the messages of a side, its documents and its value. */
static int add_side(struct llmobs_buf *out, const struct llmobs_json *side)
{
    int rc = 0;

    LLMOBS_JSON_EACH (message, llmobs_json_get(side, "messages"), rc == 0)
        rc = add_message(out, message);
    LLMOBS_JSON_EACH (document, llmobs_json_get(side, "documents"), rc == 0) {
        const char *text = llmobs_json_gets(document, "text");

        rc = llmobs_buf_addf(out, "document: ");
        if (rc == 0)
            rc = llmobs_buf_adds(out, text ? text : "");
        if (rc == 0)
            rc = llmobs_buf_addc(out, '\n');
    }
    return rc == 0 ? add_value(out, llmobs_json_get(side, "value")) : rc;
}

/* Prints the begin of a text in one line. */
static int print_begin(const struct pair *pair, const char *text)
{
    size_t columns = pair->view->screen.columns;
    struct llmobs_buf out;
    int rc;

    llmobs_buf_init(&out, LINE_MAX);
    rc = llmobs_columns_words(
        &out, text, columns > 2 * INDENT ? columns - INDENT : LLMOBS_ROW_WORDS);
    if (rc == 0 && out.len > 0)
        llmobs_wrap_print(&pair->view->screen, LLMOBS_PAINT_DIM, INDENT,
                          out.data);
    llmobs_buf_fini(&out);
    return rc;
}

static void print_title(const struct pair *pair, const char *title,
                        const char *note)
{
    llmobs_screen_paint(&pair->view->screen, LLMOBS_PAINT_CYAN);
    printf("%s%s", title, note);
    llmobs_screen_unpaint(&pair->view->screen, LLMOBS_PAINT_CYAN);
    putchar('\n');
}

/* Prints two texts in one; of equal ones the begin. */
static int print_texts(const struct pair *pair, const char *title,
                       const char *a, const char *b)
{
    struct llmobs_diff diff;
    int rc;

    if (*a == '\0' && *b == '\0')
        return 0;
    llmobs_diff_init(&diff, pair->view->full ? 0 : KEEP);
    rc = llmobs_diff_add(&diff, llmobs_text_of(a), llmobs_text_of(b));
    if (rc == 0 && !diff.differs) {
        print_title(pair, title, ", the same");
        rc = print_begin(pair, b);
    } else if (rc == 0) {
        print_title(pair, title, "");
        rc = llmobs_diff_print(&diff, &pair->view->screen, INDENT);
    }
    llmobs_diff_fini(&diff);
    return rc;
}

static int print_side(const struct pair *pair, const char *side,
                      const char *title)
{
    struct llmobs_buf texts[2];
    int rc = 0;

    for (size_t i = 0; i < 2; i++) {
        const struct llmobs_json *meta =
            llmobs_json_get(pair->events[i], "meta");

        llmobs_buf_init(&texts[i], TEXT_MAX);
        if (rc == 0)
            rc = llmobs_buf_adds(&texts[i], "");
        if (rc == 0)
            rc = add_side(&texts[i], llmobs_json_get(meta, side));
    }
    if (rc == 0)
        rc = print_texts(pair, title, texts[0].data, texts[1].data);
    llmobs_buf_fini(&texts[0]);
    llmobs_buf_fini(&texts[1]);
    return rc;
}

/* -- parameters ----------------------------------------------------------- */

/* Prints a parameter that one of the calls does not have, or has otherwise. */
static int print_parameter(const struct pair *pair, const char *key,
                           const struct llmobs_json *a,
                           const struct llmobs_json *b)
{
    struct llmobs_diff diff;
    struct llmobs_buf x, y;
    int rc;

    llmobs_buf_init(&x, TEXT_MAX);
    llmobs_buf_init(&y, TEXT_MAX);
    llmobs_diff_init(&diff, pair->view->full ? 0 : KEEP);
    rc = add_value(&x, a);
    if (rc == 0)
        rc = add_value(&y, b);
    if (rc == 0)
        rc = llmobs_buf_addf(&diff.text, "%s: ", key);
    if (rc == 0)
        rc = llmobs_diff_add(&diff, llmobs_buf_text(&x), llmobs_buf_text(&y));
    if (rc == 0 && diff.differs)
        rc = llmobs_diff_print(&diff, &pair->view->screen, INDENT);
    llmobs_diff_fini(&diff);
    llmobs_buf_fini(&x);
    llmobs_buf_fini(&y);
    return rc;
}

/* Those of the first call, and then those of the second alone. Where the call
 * stands in a program is no parameter, nor how its bytes went. */
static int print_parameters(const struct pair *pair)
{
    const struct llmobs_json *sides[2];
    int rc = 0;

    if (!pair->events[0] || !pair->events[1])
        return 0;
    for (size_t i = 0; i < 2; i++)
        sides[i] = llmobs_json_get(llmobs_json_get(pair->events[i], "meta"),
                                   "metadata");
    for (size_t i = 0; i < 2; i++)
        for (void *at = llmobs_json_iter(sides[i]); rc == 0 && at;
             at = llmobs_json_next(sides[i], at)) {
            const char *key = llmobs_json_iter_key(at);

            if (strcmp(key, "caller") != 0 && strcmp(key, "transfer") != 0 &&
                (i == 0 || !llmobs_json_get(sides[0], key)))
                rc = print_parameter(pair, key, llmobs_json_get(sides[0], key),
                                     llmobs_json_get(sides[1], key));
        }
    return rc;
}

/* -- pairs ---------------------------------------------------------------- */

/* Prints "A  gpt-4o, 1.20 s, 12/40 tokens, $0.0012". */
static int print_call(const struct pair *pair, size_t i)
{
    static const struct {
        enum llmobs_columns_name name;
        const char *before, *behind;
    } facts[] = {{LLMOBS_COLUMN_DURATION, ", ", ""},
                 {LLMOBS_COLUMN_FIRST, ", first token ", ""},
                 {LLMOBS_COLUMN_TOKENS, ", ", " tokens"},
                 {LLMOBS_COLUMN_COST, ", ", ""}};
    const struct llmobs_columns_style style = {.list = true, .width = 80};
    const struct llmobs_row *row = pair->rows[i];
    struct llmobs_buf line, cell;
    int rc;

    llmobs_buf_init(&line, LINE_MAX);
    llmobs_buf_init(&cell, LINE_MAX);
    rc = llmobs_buf_addf(&line, "%c  ", i == 0 ? 'A' : 'B');
    if (rc == 0)
        rc = !row ? llmobs_buf_adds(&line, "no call")
                  : llmobs_escape_adds(&line,
                                       row->model ? row->model : row->name,
                                       LLMOBS_CELL_COLUMNS);
    for (size_t k = 0; rc == 0 && row && k < sizeof(facts) / sizeof(*facts);
         k++) {
        llmobs_buf_cut(&cell, 0);
        rc = llmobs_buf_adds(&cell, "");
        rc |= llmobs_columns_add(&cell, facts[k].name, row, &style);
        if (rc == 0 && cell.len > 0 && strcmp(cell.data, "–") != 0)
            rc = llmobs_buf_addf(&line, "%s%s%s", facts[k].before, cell.data,
                                 facts[k].behind);
    }
    if (rc == 0)
        llmobs_wrap_print(&pair->view->screen, LLMOBS_PAINT_NONE, INDENT,
                          line.data);
    llmobs_buf_cut(&line, 0);
    if (rc == 0 && row && row->failed)
        rc = llmobs_columns_error(&line, row);
    if (rc == 0 && line.len > 0)
        llmobs_wrap_print(&pair->view->screen, LLMOBS_PAINT_RED, INDENT + 3,
                          line.data);
    llmobs_buf_fini(&line);
    llmobs_buf_fini(&cell);
    return rc;
}

static int read_event(const struct llmobs_view *view,
                      const struct llmobs_row *row, struct llmobs_json **event)
{
    struct llmobs_buf line;
    int rc;

    llmobs_buf_init(&line, LLMOBS_READER_LINE_MAX);
    rc = llmobs_reader_event(view->reader, row->place, &line, event);
    llmobs_buf_fini(&line);
    return rc;
}

/* Prints how the words of one side are marked. */
static int print_legend(const struct llmobs_screen *screen)
{
    struct llmobs_diff diff;
    int rc;

    llmobs_diff_init(&diff, 0);
    rc = llmobs_diff_add(&diff, llmobs_text_of("differences: only in A"),
                         llmobs_text_of("differences: only in B"));
    if (rc == 0)
        rc = llmobs_diff_print(&diff, screen, 0);
    llmobs_diff_fini(&diff);
    return rc;
}

static int print_pair(struct pair *pair, size_t number)
{
    char title[64];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < 2; i++)
        if (pair->rows[i])
            rc = read_event(pair->view, pair->rows[i], &pair->events[i]);
    snprintf(title, sizeof(title), "call %zu", number);
    putchar('\n');
    llmobs_screen_painted(&pair->view->screen, LLMOBS_PAINT_BOLD, title);
    putchar('\n');
    for (size_t i = 0; rc == 0 && i < 2; i++)
        rc = print_call(pair, i);
    if (rc == 0)
        rc = print_parameters(pair);
    if (rc == 0)
        rc = print_side(pair, "input", "> input");
    if (rc == 0)
        rc = print_side(pair, "output", "< output");
    llmobs_json_free(pair->events[0]);
    llmobs_json_free(pair->events[1]);
    return rc;
}

int llmobs_halves_print_calls(const struct llmobs_halves *halves)
{
    const struct llmobs_half *a = &halves->half[0], *b = &halves->half[1];
    size_t count = a->count > b->count ? a->count : b->count, shown = count;
    char more[64];
    int rc = count > 0 ? print_legend(&halves->view->screen) : 0;

    if (!halves->view->full && shown > PAIRS)
        shown = PAIRS;
    for (size_t i = 0; rc == 0 && i < shown; i++) {
        struct pair pair = {.view = halves->view,
                            .rows = {i < a->count ? a->calls[i] : NULL,
                                     i < b->count ? b->calls[i] : NULL}};

        rc = print_pair(&pair, i + 1);
    }
    if (rc == 0 && shown < count) {
        snprintf(more, sizeof(more), "\n… %zu more calls; --full shows them",
                 count - shown);
        llmobs_wrap_print(&halves->view->screen, LLMOBS_PAINT_DIM, 0, more);
    }
    return rc == 0 && ferror(stdout) ? -EPIPE : rc;
}
