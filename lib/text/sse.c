/* Parses server-sent events. */
#include "lib/text/sse.h"

#include <string.h>

#include "lib/base/work.h"

/* The fields of the event so far. */
struct gathered {
    struct llmobs_text type;
    struct llmobs_text data; /* of the only data line */
    size_t lines;
};

void llmobs_sse_init(struct llmobs_sse *sse, struct llmobs_text in)
{
    sse->in = in;
    sse->at = sse->feed = sse->back = 0;
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

/* Gives where the next `c` is, else the end. Notes it in *known, so that no
 * byte is searched twice for it. */
static size_t find_mark(const struct llmobs_sse *sse, char c, size_t *known)
{
    const char *from = sse->in.data + sse->at, *there;

    if (*known <= sse->at) {
        there = memchr(from, c, sse->in.len - sse->at);
        *known = there ? (size_t)(there - sse->in.data) : sse->in.len;
    }
    return *known;
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

/* A line has name and value; without a colon the whole line is the name. */
static int read_field(struct llmobs_sse *sse, struct gathered *g,
                      struct llmobs_text line)
{
    struct llmobs_text name = line, value = {line.data + line.len, 0};
    const char *colon = llmobs_text_begins(line, "data:")
                            ? line.data + 4
                            : memchr(line.data, ':', line.len);

    if (*line.data == '{')
        return gather_data(sse, g, line);
    if (colon) {
        name.len = (size_t)(colon - line.data);
        value.data = colon + 1;
        value.len = line.len - name.len - 1;
    }
    if (value.len > 0 && value.data[0] == ' ') {
        value.data++;
        value.len--;
    }
    if (llmobs_text_is(name, "error"))
        g->type = name;
    if (llmobs_text_is(name, "data") || llmobs_text_is(name, "error"))
        return gather_data(sse, g, value);
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
    size_t feed, back, end;

    while (sse->at < sse->in.len) {
        feed = find_mark(sse, '\n', &sse->feed);
        back = find_mark(sse, '\r', &sse->back);
        end = feed < back ? feed : back;
        line = (struct llmobs_text){sse->in.data + sse->at, end - sse->at};
        end += feed == back + 1;
        sse->at = end < sse->in.len ? end + 1 : end;
        if (!llmobs_work_some(&sse->work, line.len + LLMOBS_WORK_ODD)) {
            sse->at = sse->in.len; /* without work there is no line */
            break;
        }
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
