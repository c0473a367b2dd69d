/* Prints the messages of a call below its row. */
#include "cli/show/transcript.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/tools.h"
#include "cli/shared/escape.h"
#include "cli/show/wrap.h"
#include "lib/text/indent.h"

/* "> assistant  ": where a text begins. */
#define ROLE_COLUMNS 9
#define LABEL_COLUMNS (2 + ROLE_COLUMNS + 2)
/* If a text has fewer columns than this, its label gets its own line. */
#define TEXT_LEAST 24
/* Of a text that is not shown whole, where no screen is. */
#define PIPE_COLUMNS 96
#define TEXT_MAX (64u * 1024 * 1024)
#define BRIEF 48          /* bytes of JSON in one line */
#define DOCUMENTS_SHOWN 1 /* of the input of an embedding */

/* -- lines ---------------------------------------------------------------- */

/* The columns of a text, and of the blanks before it; 0: any number. */
static size_t text_columns(const struct llmobs_transcript *t, size_t *indent)
{
    size_t columns = t->screen->columns, left = llmobs_escape_width(t->bars);

    *indent = t->label ? LABEL_COLUMNS : 0;
    if (columns == 0)
        return t->most > 0 ? PIPE_COLUMNS : 0;
    if (left + *indent + TEXT_LEAST > columns && *indent > 0)
        *indent = 2;
    if (left + *indent >= columns)
        *indent = 0;
    return columns > left + *indent ? columns - left - *indent : 1;
}

/* Prints "> user" on the first line of a message, and blanks on the others. */
static int print_label(struct llmobs_transcript *t, size_t indent)
{
    struct llmobs_buf label;
    size_t width;
    int rc = 0;

    llmobs_screen_puts(t->screen, t->bars);
    if (!t->label || *t->label == '\0') {
        llmobs_screen_pad(indent);
        return 0;
    }
    llmobs_buf_init(&label, 1024);
    rc = llmobs_escape_adds(&label, t->label, ROLE_COLUMNS);
    width = 2 + llmobs_escape_width(label.len > 0 ? label.data : "");
    if (rc == 0 && indent == LABEL_COLUMNS) {
        llmobs_screen_paint(t->screen, LLMOBS_PAINT_CYAN);
        printf("%c ", t->side);
        llmobs_screen_puts(t->screen, label.data);
        llmobs_screen_unpaint(t->screen, LLMOBS_PAINT_CYAN);
        llmobs_screen_pad(indent - width);
    } else if (rc == 0 && indent > 0) {
        putchar(t->side);
        llmobs_screen_pad(indent - 1);
    }
    t->label = ""; /* the text's next lines have no label */
    llmobs_buf_fini(&label);
    return rc;
}

/* The end of the shown characters from `from` on that has `at` behind it, or at
 * it: a match may end within one, before its parts. */
static size_t whole_to(struct llmobs_text text, size_t from, size_t at,
                       size_t to)
{
    struct llmobs_escape_piece piece;

    while (from < at)
        from += llmobs_escape_next(
            (struct llmobs_text){text.data + from, to - from}, &piece);
    return from;
}

/* Prints a line of a text, and underlines the parts of the matches in it. */
static int print_line(const struct llmobs_transcript *t,
                      struct llmobs_text line, struct llmobs_text text,
                      const struct llmobs_founds *founds)
{
    size_t from = (size_t)(line.data - text.data), to = from + line.len;
    struct llmobs_buf out;
    int rc;

    llmobs_buf_init(&out, SIZE_MAX / 2);
    for (size_t i = 0; i < founds->count && from < to; i++) {
        size_t start = founds->list[i].start;
        size_t end = start + founds->list[i].len;

        if (end <= from || start >= to || end == start)
            continue;
        start = whole_to(text, from, start, to);
        end = whole_to(text, start, end < to ? end : to, to);
        llmobs_wrap_add(&out,
                        (struct llmobs_text){text.data + from, start - from});
        llmobs_buf_adds(&out, LLMOBS_SCREEN_UNDERLINE);
        llmobs_wrap_add(&out,
                        (struct llmobs_text){text.data + start, end - start});
        llmobs_buf_adds(&out, LLMOBS_SCREEN_NO_UNDERLINE);
        from = end;
    }
    llmobs_wrap_add(&out, (struct llmobs_text){text.data + from, to - from});
    rc = out.error;
    if (rc == 0 && out.len > 0)
        llmobs_screen_put(t->screen, llmobs_buf_text(&out));
    llmobs_buf_fini(&out);
    return rc;
}

/* Prints a line, with the bars and the label to its left. */
static int print_whole(struct llmobs_transcript *t, struct llmobs_wrap *wrap,
                       struct llmobs_text line, struct llmobs_text text,
                       const struct llmobs_founds *founds)
{
    size_t indent, len = strlen(t->bars);
    int rc;

    (void)text_columns(t, &indent);
    if (line.len == 0 && (!t->label || *t->label == '\0')) {
        while (len > 0 && t->bars[len - 1] == ' ')
            len--;
        llmobs_screen_put(t->screen, (struct llmobs_text){t->bars, len});
        putchar('\n');
        return 0;
    }
    rc = print_label(t, indent);
    llmobs_screen_pad(wrap->indent);
    llmobs_screen_paint(t->screen, t->paint);
    if (rc == 0)
        rc = print_line(t, line, text, founds);
    llmobs_screen_unpaint(t->screen, t->paint);
    putchar('\n');
    return rc;
}

/* The matches of the pattern, where they can be shown. */
static void find_matches(const struct llmobs_transcript *t,
                         struct llmobs_text text, struct llmobs_founds *founds)
{
    struct llmobs_filter *filter = t->filter;

    if (t->screen->colour && filter && filter->grep)
        (void)llmobs_regex_find(filter->grep, &filter->grep_memory, text, 0,
                                founds);
}

int llmobs_transcript_put(const struct llmobs_transcript *t, const char *text)
{
    struct llmobs_text whole = llmobs_text_of(text);
    struct llmobs_founds founds = {NULL, 0, 0};
    int rc = 0;

    find_matches(t, whole, &founds);
    if (founds.count > 0)
        rc = print_line(t, whole, whole, &founds);
    else
        llmobs_screen_put(t->screen, whole);
    free(founds.list);
    return rc;
}

/* Prints a text, and how many lines of it are not shown. */
static int print_text(struct llmobs_transcript *t, struct llmobs_text text,
                      enum llmobs_paint paint)
{
    struct llmobs_founds founds = {NULL, 0, 0};
    struct llmobs_wrap wrap;
    struct llmobs_text line;
    size_t indent, columns = text_columns(t, &indent), shown = 0, count = 0;
    char more[64];
    int rc = 0;

    t->paint = paint;
    find_matches(t, text, &founds);
    llmobs_wrap_init(&wrap, text, columns);
    while (rc == 0 && (t->most == 0 || shown < t->most) &&
           llmobs_wrap_next(&wrap, &line)) {
        rc = print_whole(t, &wrap, line, text, &founds);
        shown++;
    }
    free(founds.list);
    while (rc == 0 && llmobs_wrap_next(&wrap, &line))
        count++;
    if (count == 0)
        return rc;
    snprintf(more, sizeof(more), "… %zu more lines; --full shows them", count);
    if (columns > 0 && columns < sizeof(more))
        snprintf(more, sizeof(more), "… %zu more", count);
    if (columns > 0 && llmobs_escape_width(more) > columns)
        snprintf(more, sizeof(more), "…");
    llmobs_screen_puts(t->screen, t->bars);
    llmobs_screen_pad(indent);
    llmobs_screen_painted(t->screen, LLMOBS_PAINT_DIM, more);
    putchar('\n');
    return rc;
}

static int print_string(struct llmobs_transcript *t, const char *text,
                        enum llmobs_paint paint)
{
    return print_text(t, llmobs_text_of(text), paint);
}

/* Prints the text that was made, unless `rc` is an error; frees the text. */
static int print_made(struct llmobs_transcript *t, int rc,
                      struct llmobs_buf *made, enum llmobs_paint paint)
{
    if (rc == 0 && made->len > 0)
        rc = print_text(t, (struct llmobs_text){made->data, made->len}, paint);
    llmobs_buf_fini(made);
    return rc;
}

int llmobs_transcript_text(struct llmobs_transcript *t, const char *text,
                           enum llmobs_paint paint, const char *bars)
{
    t->bars = bars;
    t->label = NULL;
    return print_string(t, text, paint);
}

/* -- parts ---------------------------------------------------------------- */

static int print_json(struct llmobs_transcript *t,
                      const struct llmobs_json *json, enum llmobs_paint paint)
{
    struct llmobs_buf text, lines;
    bool large;
    int rc;

    llmobs_buf_init(&text, TEXT_MAX);
    llmobs_buf_init(&lines, TEXT_MAX);
    rc = llmobs_json_dump(json, LLMOBS_JSON_KEEP_ORDER, &text);
    if (rc == 0)
        rc = llmobs_indent(llmobs_buf_text(&text), BRIEF, &lines);
    if (rc == 0)
        llmobs_buf_cut(&lines, lines.len - 1); /* the line end */
    /* Deep in many containers the indents alone may be too large. */
    large = rc == -EFBIG && text.error == 0;
    rc = print_made(t, large ? 0 : rc, large ? &text : &lines, paint);
    llmobs_buf_fini(large ? &lines : &text);
    return rc;
}

/* Prints a text; if it is JSON, with its members on lines. */
static int print_value(struct llmobs_transcript *t, const char *text,
                       enum llmobs_paint paint)
{
    struct llmobs_json *json = NULL;
    int rc = -EINVAL;

    if (*text == '{' || *text == '[')
        rc = llmobs_json_parse(llmobs_text_of(text), &json);
    if (rc == 0)
        rc = print_json(t, json, paint);
    llmobs_json_free(json);
    return rc == -EINVAL || rc == -E2BIG || rc == -EFBIG
               ? print_string(t, text, paint)
               : rc;
}

/* "calls find_hotels [call_7]". Of a result most APIs give the id of the call
 * alone, whose name stands in a message before, or in another span. */
static int print_head(struct llmobs_transcript *t, const char *verb,
                      const struct llmobs_json *tool)
{
    const char *name = llmobs_json_gets(tool, "name");
    const char *id = llmobs_json_gets(tool, "tool_id");
    struct llmobs_buf head;
    int rc;

    for (size_t i = t->at; i-- > 0 && !llmobs_has_text(name) && id;) {
        const struct llmobs_json *calls =
            llmobs_json_get(llmobs_json_at(t->messages, i), "tool_calls");

        for (size_t k = 0; k < llmobs_json_len(calls); k++)
            if (llmobs_json_says(llmobs_json_at(calls, k), "tool_id", id))
                name = llmobs_json_gets(llmobs_json_at(calls, k), "name");
    }
    if (!llmobs_has_text(name))
        name = llmobs_tools_name(id);
    llmobs_buf_init(&head, TEXT_MAX);
    rc = llmobs_buf_addf(&head, "%s %s", verb,
                         llmobs_has_text(name) ? name : "a tool");
    if (rc == 0 && llmobs_has_text(id))
        rc = llmobs_buf_addf(&head, " [%s]", id);
    return print_made(t, rc, &head, LLMOBS_PAINT_YELLOW);
}

/* "[image/png, 1 KB]"; `what` takes the place of a type that is missing. */
static int print_media(struct llmobs_transcript *t,
                       const struct llmobs_json *parts, const char *what)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < llmobs_json_len(parts); i++) {
        const struct llmobs_json *part = llmobs_json_at(parts, i);
        const char *type = llmobs_json_gets(part, "mime_type");
        const char *base64 = llmobs_json_gets(part, "content");
        size_t bytes = base64 ? strlen(base64) * 3 / 4 : 0;
        struct llmobs_buf text;

        llmobs_buf_init(&text, TEXT_MAX);
        llmobs_buf_addf(&text, "[%s", llmobs_has_text(type) ? type : what);
        if (bytes >= 1000)
            llmobs_buf_addf(&text, ", %zu KB", (bytes + 500) / 1000);
        else if (bytes > 0)
            llmobs_buf_addf(&text, ", %zu bytes", bytes);
        rc = print_made(t, llmobs_buf_addc(&text, ']'), &text,
                        LLMOBS_PAINT_MAGENTA);
    }
    return rc;
}

static int print_message(struct llmobs_transcript *t,
                         const struct llmobs_json *message)
{
    const char *role = llmobs_json_gets(message, "role");
    const char *content = llmobs_json_gets(message, "content");
    const struct llmobs_json *calls = llmobs_json_get(message, "tool_calls");
    const struct llmobs_json *results =
        llmobs_json_get(message, "tool_results");
    bool reasons = role && strcmp(role, "reasoning") == 0;
    int rc = 0;

    t->label = role && *role != '\0' ? role : "message";
    if (content && *content != '\0')
        rc = print_value(t, content,
                         reasons ? LLMOBS_PAINT_DIM : LLMOBS_PAINT_NONE);
    if (rc == 0)
        rc = print_media(t, llmobs_json_get(message, "image_parts"), "image");
    if (rc == 0)
        rc = print_media(t, llmobs_json_get(message, "audio_parts"), "audio");
    LLMOBS_JSON_EACH (call, calls, rc == 0) {
        const struct llmobs_json *arguments =
            llmobs_json_get(call, "arguments");

        rc = print_head(t, "calls", call);
        if (rc == 0 && arguments)
            rc = print_json(t, arguments, LLMOBS_PAINT_NONE);
    }
    LLMOBS_JSON_EACH (result, results, rc == 0) {
        const char *text = llmobs_json_gets(result, "result");

        rc = print_head(t, "result of", result);
        if (rc == 0 && text)
            rc = print_value(t, text, LLMOBS_PAINT_NONE);
    }
    return rc;
}

/* -- sides ---------------------------------------------------------------- */

static const struct llmobs_json *side_of(const struct llmobs_json *event,
                                         const char *side)
{
    return llmobs_json_get(llmobs_json_get(event, "meta"), side);
}

static const struct llmobs_json *messages_of(const struct llmobs_json *event,
                                             const char *side)
{
    return llmobs_json_get(side_of(event, side), "messages");
}

static bool same(const struct llmobs_json *a, const struct llmobs_json *b)
{
    char *left, *right;
    bool equal;

    if (!a || !b)
        return false;
    left = llmobs_json_dumps(a, 0);
    right = llmobs_json_dumps(b, 0);
    equal = left && right && strcmp(left, right) == 0;
    free(left);
    free(right);
    return equal;
}

/* Many inputs of an embedding are one line and their number. */
static int print_documents(struct llmobs_transcript *t,
                           const struct llmobs_json *documents)
{
    size_t count = llmobs_json_len(documents), shown = count;
    char text[64];
    int rc = 0;

    if (t->side == '>' && !t->repeat && count > DOCUMENTS_SHOWN)
        shown = DOCUMENTS_SHOWN;
    for (size_t i = 0; rc == 0 && i < shown; i++) {
        const struct llmobs_json *document = llmobs_json_at(documents, i);
        const struct llmobs_json *score = llmobs_json_get(document, "score");
        const char *name = llmobs_json_gets(document, "name");
        const char *said = llmobs_json_gets(document, "text");
        struct llmobs_buf head;

        t->label = "document";
        llmobs_buf_init(&head, TEXT_MAX);
        if (name)
            rc = llmobs_buf_adds(&head, name);
        if (rc == 0 && llmobs_json_is_number(score))
            rc =
                llmobs_buf_addf(&head, "%sscore %.4g", head.len > 0 ? ", " : "",
                                llmobs_json_to_real(score));
        rc = print_made(t, rc, &head, LLMOBS_PAINT_GREEN);
        if (rc == 0 && said)
            rc = print_string(t, said, LLMOBS_PAINT_NONE);
    }
    if (rc == 0 && shown < count) {
        t->label = "";
        snprintf(text, sizeof(text), "… %zu more documents", count - shown);
        rc = print_string(t, text, LLMOBS_PAINT_DIM);
    }
    return rc;
}

static int print_side(struct llmobs_transcript *t,
                      const struct llmobs_json *side, size_t skip)
{
    const struct llmobs_json *messages = llmobs_json_get(side, "messages");
    const char *value = llmobs_json_gets(side, "value");
    char text[64];
    int rc = 0;

    if (skip > 0) {
        t->label = "";
        snprintf(text, sizeof(text), "… %zu as above", skip);
        rc = print_string(t, text, LLMOBS_PAINT_DIM);
    }
    t->messages = messages;
    for (t->at = skip; rc == 0 && t->at < llmobs_json_len(messages); t->at++)
        rc = print_message(t, llmobs_json_at(messages, t->at));
    if (rc == 0)
        rc = print_documents(t, llmobs_json_get(side, "documents"));
    t->label = t->side == '>' ? "input" : "output";
    if (rc == 0 && value && *value != '\0')
        rc = print_value(t, value, LLMOBS_PAINT_NONE);
    return rc;
}

int llmobs_transcript_print(struct llmobs_transcript *t,
                            const struct llmobs_row *row,
                            struct llmobs_json *event, const char *bars)
{
    const struct llmobs_json *messages = messages_of(event, "input");
    const struct llmobs_json *asked = messages_of(t->before, "input");
    const struct llmobs_json *told = messages_of(t->before, "output");
    size_t skip = 0, count = llmobs_json_len(messages);
    size_t asks = llmobs_json_len(asked);
    int rc;

    /* Leaves out the first messages that equal those of the sibling before. */
    if (!t->repeat && t->before && row->family > 0 && t->family == row->family)
        while (skip < count &&
               same(llmobs_json_at(messages, skip),
                    skip < asks ? llmobs_json_at(asked, skip)
                                : llmobs_json_at(told, skip - asks)))
            skip++;
    t->bars = bars;
    t->side = '>';
    rc = print_side(t, side_of(event, "input"), skip);
    t->side = '<';
    if (rc == 0)
        rc = print_side(t, side_of(event, "output"), 0);
    if (llmobs_json_len(messages) > 0) {
        llmobs_json_free(t->before);
        t->before = event;
        t->family = row->family;
        event = NULL;
    }
    llmobs_json_free(event);
    return rc;
}

void llmobs_transcript_fini(struct llmobs_transcript *t)
{
    llmobs_json_free(t->before);
    t->before = NULL;
}
