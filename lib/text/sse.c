#include "lib/text/sse.h"

#include <string.h>

#include "lib/base/work.h"

/* One search for a line feed goes no further than this: in text whose lines end
 * in CR alone, searches to the end of the input would take time in proportion
 * to the square of its length. */
#define WINDOW 1024

/* The fields of the event so far. */
struct gathered {
    struct llmobs_text type;
    struct llmobs_text data; /* of the only data line */
    size_t lines;
};

void llmobs_sse_init(struct llmobs_sse *sse, struct llmobs_text in)
{
    sse->in = in;
    sse->at = 0;
    sse->work = 0;
    sse->has_ids = false;
    if (in.len >= 3 && memcmp(in.data, "\xEF\xBB\xBF", 3) == 0)
        sse->at = 3;
    llmobs_buf_init(&sse->joined, in.len);
}

void llmobs_sse_fini(struct llmobs_sse *sse)
{
    llmobs_buf_fini(&sse->joined);
}

static size_t find_line_end(struct llmobs_text in, size_t at)
{
    if (at < in.len && in.data[at] == '\n') /* an event's end */
        return at;
    while (at < in.len) {
        size_t len = in.len - at < WINDOW ? in.len - at : WINDOW;
        const char *from = in.data + at;
        const char *feed = memchr(from, '\n', len);
        const char *back;

        if (feed != NULL)
            len = (size_t)(feed - from);
        back = memchr(from, '\r', len);
        if (back != NULL)
            return (size_t)(back - in.data);
        at += len;
        if (feed != NULL)
            break;
    }
    return at;
}

/* Gives the next line without its end; false when nothing is left. Where no
 * work is left there is no line from then on. */
static bool next_line(struct llmobs_sse *sse, struct llmobs_text *line)
{
    size_t end;

    if (sse->at >= sse->in.len)
        return false;
    end = find_line_end(sse->in, sse->at);
    if (!llmobs_work_some(&sse->work, end - sse->at + LLMOBS_WORK_ODD)) {
        sse->at = sse->in.len;
        return false;
    }
    line->data = sse->in.data + sse->at;
    line->len = end - sse->at;
    if (sse->in.len - end >= 2 && memcmp(sse->in.data + end, "\r\n", 2) == 0)
        end++;
    sse->at = end < sse->in.len ? end + 1 : end;
    return true;
}

/* Name and value; without a colon the whole line is the name. */
static void split_field(struct llmobs_text line, struct llmobs_text *name,
                        struct llmobs_text *value)
{
    const char *colon = memchr(line.data, ':', line.len);

    *name = line;
    value->data = line.data + line.len;
    value->len = 0;
    if (colon == NULL)
        return;
    name->len = (size_t)(colon - line.data);
    value->data = colon + 1;
    value->len = line.len - name->len - 1;
    if (value->len > 0 && value->data[0] == ' ') {
        value->data++;
        value->len--;
    }
}

/* Adds a line of data. The event borrows the first line where it lies; the
 * second line begins a copy of both. */
static int gather_data(struct llmobs_sse *sse, struct gathered *g,
                       struct llmobs_text value)
{
    int rc = 0;

    g->lines++;
    if (g->lines == 1) {
        g->data = value;
        return 0;
    }
    if (g->lines == 2) {
        llmobs_buf_cut(&sse->joined, 0);
        rc = llmobs_buf_add(&sse->joined, g->data.data, g->data.len);
    }
    if (rc == 0)
        rc = llmobs_buf_addc(&sse->joined, '\n');
    if (rc == 0)
        rc = llmobs_buf_add(&sse->joined, value.data, value.len);
    return rc;
}

static int read_field(struct llmobs_sse *sse, struct gathered *g,
                      struct llmobs_text line)
{
    struct llmobs_text name;
    struct llmobs_text value;

    if (*line.data == '{')
        return gather_data(sse, g, line);
    split_field(line, &name, &value);
    if (llmobs_text_is(name, "data"))
        return gather_data(sse, g, value);
    if (llmobs_text_is(name, "error")) {
        g->type = name;
        return gather_data(sse, g, value);
    }
    if (llmobs_text_is(name, "event"))
        g->type = value;
    else if (llmobs_text_is(name, "id"))
        sse->has_ids = sse->has_ids || value.len > 0;
    return 0;
}

bool llmobs_sse_next(struct llmobs_sse *sse, struct llmobs_sse_event *event)
{
    struct gathered g = {{NULL, 0}, {NULL, 0}, 0};
    struct llmobs_text line;

    while (next_line(sse, &line)) {
        if (line.len > 0 && read_field(sse, &g, line) < 0) {
            sse->at = sse->in.len;
            return false;
        }
        if (line.len > 0 && *line.data != '{')
            continue;
        if (g.lines > 0)
            break;
        g.type.len = 0;
    }
    if (g.lines == 0)
        return false;
    event->type = g.type;
    event->data = g.data;
    event->end = sse->at;
    if (g.lines > 1) {
        event->data.data = sse->joined.data;
        event->data.len = sse->joined.len;
    }
    return true;
}
