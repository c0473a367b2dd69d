#include "cli/show/otlp_lines.h"

#include <errno.h>
#include <string.h>

#include "cli/shared/json_out.h"
#include "core/export/otlp.h"

void llmobs_otlp_lines_init(struct llmobs_otlp_lines *lines,
                            struct llmobs_config *config)
{
    memset(lines, 0, sizeof(*lines));
    config->otlp.signals[LLMOBS_SIGNAL_TRACES].json = true;
    lines->config = config;
    lines->content = config->privacy.content != LLMOBS_CONTENT_OFF;
    llmobs_buf_init(&lines->text, SIZE_MAX / 2);
}

void llmobs_otlp_lines_fini(struct llmobs_otlp_lines *lines)
{
    llmobs_buf_fini(&lines->text);
}

int llmobs_otlp_lines_flush(struct llmobs_otlp_lines *lines)
{
    struct llmobs_text events[LLMOBS_OTLP_LINES_SPANS];
    struct llmobs_buf line;
    size_t from = 0, left_out = 0;
    int rc;

    for (size_t i = 0; i < lines->count; i++) {
        events[i].data = lines->text.data + from;
        events[i].len = lines->ends[i] - from;
        from = lines->ends[i];
    }
    llmobs_buf_init(&line, SIZE_MAX / 2);
    rc = llmobs_otlp_traces(lines->config, lines->content, events, lines->count,
                            &line, &left_out);
    if (rc == 0)
        rc = llmobs_json_out_print((struct llmobs_text){line.data, line.len});
    else if (rc == -EINVAL) /* OTLP can hold none of the events */
        rc = 0;
    llmobs_buf_fini(&line);
    llmobs_buf_cut(&lines->text, 0);
    lines->count = 0;
    lines->bad += left_out;
    return rc;
}

int llmobs_otlp_lines_add(struct llmobs_otlp_lines *lines,
                          struct llmobs_text event)
{
    int rc = 0;

    if (lines->count == LLMOBS_OTLP_LINES_SPANS ||
        lines->text.len + event.len > LLMOBS_OTLP_LINES_MAX)
        rc = llmobs_otlp_lines_flush(lines);
    if (rc == 0)
        rc = llmobs_buf_add(&lines->text, event.data, event.len);
    if (rc == 0)
        lines->ends[lines->count++] = lines->text.len;
    return rc;
}
