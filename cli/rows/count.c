#include "cli/rows/count.h"

#include <errno.h>
#include <string.h>

#include "cli/rows/load.h"
#include "cli/rows/tail.h"
#include "cli/rows/texts.h"
#include "core/text/json.h"

#define ID_MAX 64 /* of an id that the end of a line tells */

static int add(struct llmobs_texts *traces, struct llmobs_text id)
{
    char copy[ID_MAX];

    if (llmobs_texts_has(traces, id.data, id.len))
        return 0;
    memcpy(copy, id.data, id.len);
    copy[id.len] = '\0';
    return llmobs_texts_share(traces, copy) != NULL ? 0 : -ENOMEM;
}

static int take_line(void *ctx, struct llmobs_text text,
                     struct llmobs_place place)
{
    struct llmobs_texts *traces = ctx;
    struct llmobs_text id = llmobs_tail_trace(text);
    struct llmobs_json *event = NULL;
    const char *trace = NULL;
    int rc;

    (void)place;
    if (id.data != NULL && id.len < ID_MAX)
        return add(traces, id);
    rc = llmobs_json_parse(text, &event);
    if (rc == 0 && llmobs_load_is_span(event))
        trace = llmobs_json_gets(event, "trace_id");
    if (rc == 0 && trace != NULL && llmobs_texts_share(traces, trace) == NULL)
        rc = -ENOMEM;
    llmobs_json_free(event);
    return rc == -ENOMEM ? rc : 0;
}

int llmobs_count_traces(struct llmobs_reader *reader, size_t *out)
{
    struct llmobs_texts traces = {NULL, NULL, 0, 0};
    int rc = llmobs_reader_walk(reader, 0, take_line, &traces);

    *out = traces.count;
    llmobs_texts_fini(&traces);
    return rc;
}
