#include "core/export/otlp.h"

#include "core/config/config_otlp.h"
#include "core/event/facts.h"
#include "core/export/batch.h"
#include "core/export/fields.h"
#include "core/export/source.h"
#include "core/export/span.h"

/* -- sampling -------------------------------------------------------------- */

/* True for a span that the process which made it keeps: it decided as the trace
 * began. An event of an older version does not say how. */
static bool keeps(const struct llmobs_config *config,
                  const struct llmobs_json *facts,
                  const struct llmobs_json *event)
{
    const struct llmobs_json *flags = llmobs_json_get(facts, "flags");
    struct llmobs_id128 trace = {0, 0};

    if (flags)
        return llmobs_json_to_int(flags) & LLMOBS_FLAG_SAMPLED;
    (void)llmobs_otlp_source_trace(
        llmobs_json_gets(llmobs_json_get(event, "_dd"), "apm_trace_id"),
        &trace);
    return llmobs_otlp_samples(&config->otlp, trace.lo);
}

bool llmobs_otlp_is_sampled(const struct llmobs_config *config,
                            struct llmobs_text event)
{
    struct llmobs_text facts = llmobs_facts_split(event).facts;
    struct llmobs_json *json;
    bool kept;

    if (llmobs_json_parse(facts.len ? facts : event, &json) != 0)
        return true;
    kept = facts.len
               ? keeps(config, json, NULL)
               : keeps(config, llmobs_json_get(json, LLMOBS_FACTS_KEY), json);
    llmobs_json_free(json);
    return kept;
}

/* -- a batch --------------------------------------------------------------- */

static bool traces_takes(const struct llmobs_otlp_batch *batch,
                         const struct llmobs_json *event)
{
    (void)batch;
    return llmobs_otlp_is_span(event);
}

static void write_span(const struct llmobs_otlp_batch *batch,
                       struct llmobs_otlp_writer *w,
                       const struct llmobs_json *event)
{
    llmobs_otlp_item(w, OTLP_SPANS);
    llmobs_otlp_span(w, batch->config, batch->content, event);
    llmobs_otlp_close(w);
}

int llmobs_otlp_traces(const struct llmobs_config *config, bool content,
                       const struct llmobs_text *events, size_t count,
                       struct llmobs_buf *out, size_t *left_out)
{
    const struct llmobs_otlp_batch batch = {
        .config = config,
        .signal = LLMOBS_SIGNAL_TRACES,
        .lists = {OTLP_RESOURCE_SPANS, OTLP_SCOPE_SPANS, OTLP_SPANS},
        .takes = traces_takes,
        .write = write_span,
        .content = content,
    };

    return llmobs_otlp_batch_write(&batch, events, count, out, left_out);
}
