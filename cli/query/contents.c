#include "cli/query/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/query/evaluations.h"
#include "cli/query/load.h"
#include "cli/query/tail.h"
#include "cli/shared/reader.h"
#include "lib/base/buf.h"
#include "lib/text/json.h"

#define CHUNK (256u * 1024)
#define ID_MAX 64 /* of an id at the end of a line */

static int contents_add_span(struct llmobs_contents *contents,
                             const char *trace, int64_t start_ns)
{
    if (!llmobs_texts_share(&contents->traces, trace))
        return -ENOMEM;
    if (contents->spans++ == 0 || start_ns < contents->first_ns)
        contents->first_ns = start_ns;
    if (start_ns > contents->last_ns)
        contents->last_ns = start_ns;
    return 0;
}

/* The start of a span whose line the exporter wrote: the last key of that name.
 * No text has an unescaped quote. -1: only a parser can tell. */
static int64_t start_of(struct llmobs_text line)
{
    static const char key[] = "\"start_ns\":";
    const char *at = line.data, *stop = line.data + line.len, *found = NULL;
    char digits[24] = "", *end;
    int64_t start;

    while ((at = memmem(at, (size_t)(stop - at), key, sizeof(key) - 1)))
        found = at += sizeof(key) - 1;
    if (!found || stop - found < (ptrdiff_t)sizeof(digits))
        return -1;
    memcpy(digits, found, sizeof(digits) - 1);
    start = strtoll(digits, &end, 10);
    return end > digits && *end == ',' ? start : -1;
}

static int add_parsed(struct llmobs_contents *contents, struct llmobs_text line)
{
    struct llmobs_json *event = NULL;
    int rc = llmobs_json_parse(line, &event);

    if (rc == 0 && llmobs_load_is_span(event))
        rc = contents_add_span(
            contents, llmobs_json_gets(event, "trace_id"),
            llmobs_json_to_int(llmobs_json_get(event, "start_ns")));
    else if (rc == 0 && llmobs_evaluations_is_one(event))
        contents->evaluations++;
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

/* A line as the exporter writes it is read without a parser, for the trace
 * alone by its end: so that takes as long as the bytes take from memory. */
static int contents_add_line(struct llmobs_contents *contents,
                             struct llmobs_text line)
{
    struct llmobs_text id = llmobs_tail_trace(line);
    char trace[ID_MAX];
    int64_t start_ns = 0;

    if (!id.data || id.len >= ID_MAX ||
        (!contents->bare && (start_ns = start_of(line)) < 0))
        return add_parsed(contents, line);
    if (contents->bare && llmobs_texts_has(&contents->traces, id.data, id.len))
        return 0;
    memcpy(trace, id.data, id.len);
    trace[id.len] = '\0';
    return contents_add_span(contents, trace, start_ns);
}

/* Reads the lines of a file; one beyond the limit is passed over. */
struct lines {
    struct llmobs_contents *contents;
    struct llmobs_buf room;
    bool passes; /* until the end of the line */
};

/* Takes the whole lines of the room, in whose first `known` bytes no line ends,
 * and leaves the rest. */
static int take_lines(struct lines *lines, size_t known)
{
    char *data = lines->room.data, *stop = data + lines->room.len;
    char *look = data + known, *end;
    int rc = 0;

    while (rc == 0 && (end = memchr(look, '\n', (size_t)(stop - look)))) {
        if (!lines->passes)
            rc = contents_add_line(
                lines->contents,
                (struct llmobs_text){data, (size_t)(end - data)});
        lines->passes = false;
        look = data = end + 1;
    }
    memmove(lines->room.data, data, (size_t)(stop - data));
    llmobs_buf_cut(&lines->room, (size_t)(stop - data));
    if (lines->room.len > LLMOBS_READER_LINE_MAX) {
        llmobs_buf_cut(&lines->room, 0);
        lines->passes = true;
    }
    return rc;
}

static int contents_read_all(struct lines *lines, int fd)
{
    struct llmobs_buf *room = &lines->room;
    ssize_t n;
    int rc;

    for (;;) {
        size_t known = room->len;

        rc = llmobs_buf_reserve(room, CHUNK);
        if (rc != 0)
            return rc;
        n = read(fd, room->data + known, CHUNK);
        if (n < 0)
            return -errno;
        if (n == 0)
            return lines->passes
                       ? 0
                       : contents_add_line(
                             lines->contents,
                             (struct llmobs_text){room->data, room->len});
        room->len += (size_t)n;
        rc = take_lines(lines, known);
        if (rc != 0)
            return rc;
    }
}

int llmobs_contents_add(struct llmobs_contents *contents, int fd)
{
    struct lines lines = {.contents = contents};
    int rc;

    llmobs_buf_init(&lines.room, LLMOBS_READER_LINE_MAX + 2 * CHUNK);
    rc = contents_read_all(&lines, fd);
    llmobs_buf_fini(&lines.room);
    return rc;
}

void llmobs_contents_fini(struct llmobs_contents *contents)
{
    llmobs_texts_fini(&contents->traces);
}

static int contents_take_line(void *ctx, struct llmobs_text text,
                              struct llmobs_place place)
{
    (void)place;
    return contents_add_line(ctx, text);
}

int llmobs_contents_traces(struct llmobs_reader *reader, size_t *out)
{
    struct llmobs_contents contents = {.bare = true};
    int rc = llmobs_reader_walk(reader, 0, contents_take_line, &contents);

    *out = contents.traces.count;
    llmobs_contents_fini(&contents);
    return rc;
}
