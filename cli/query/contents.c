#include "cli/query/contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query/evaluations.h"
#include "cli/query/load.h"
#include "cli/query/tail.h"
#include "lib/text/json.h"

#define ID_MAX 64 /* of an id at the end of a line */

static int count_span(struct llmobs_contents *contents, const char *trace,
                      int64_t start_ns)
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

static int count_parsed(struct llmobs_contents *contents,
                        struct llmobs_text line)
{
    struct llmobs_json *event = NULL;
    int rc = llmobs_json_parse(line, &event);

    if (rc == 0 && llmobs_load_is_span(event))
        rc = count_span(contents, llmobs_json_gets(event, "trace_id"),
                        llmobs_json_to_int(llmobs_json_get(event, "start_ns")));
    else if (rc == 0 && llmobs_evaluations_is_one(event))
        contents->evaluations++;
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

/* Reads a line in the exporter's form without a parser. */
static int count_line(void *ctx, struct llmobs_text line,
                      struct llmobs_place place)
{
    struct llmobs_contents *contents = ctx;
    struct llmobs_text id = llmobs_tail_trace(line);
    char trace[ID_MAX];
    int64_t start_ns = 0;

    (void)place;
    if (!id.data || id.len >= ID_MAX || (start_ns = start_of(line)) < 0)
        return count_parsed(contents, line);
    memcpy(trace, id.data, id.len);
    trace[id.len] = '\0';
    return count_span(contents, trace, start_ns);
}

int llmobs_contents_add(struct llmobs_contents *contents, int fd)
{
    return llmobs_reader_lines(fd, count_line, contents);
}

void llmobs_contents_fini(struct llmobs_contents *contents)
{
    llmobs_texts_fini(&contents->traces);
}
