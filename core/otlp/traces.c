#include "core/otlp/otlp.h"

#include <string.h>

#include "core/config/sampler.h"
#include "core/otlp/batch.h"
#include "core/otlp/fields.h"
#include "core/otlp/span.h"
#include "core/span/id128.h"

#define FLAG_SAMPLED 0x001
#define FLAG_REMOTE 0x200

/* -- sampling -------------------------------------------------------------- */

static struct llmobs_text text_of(const char *string)
{
    return (struct llmobs_text){string, string ? strlen(string) : 0};
}

static const char *apm_trace_of(const struct llmobs_json *event)
{
    return llmobs_json_gets(llmobs_json_get(event, "_dd"), "apm_trace_id");
}

/* True where the trace began in another process: then its id is not that of
 * LLM Observability, or the span's own parent is the remote one. */
static bool is_joined(const struct llmobs_json *event, int64_t flags)
{
    const char *trace = llmobs_json_gets(event, "trace_id");
    const char *apm_trace = apm_trace_of(event);

    return (flags & FLAG_REMOTE) != 0 ||
           (trace && apm_trace && strcmp(trace, apm_trace) != 0);
}

bool llmobs_otlp_is_sampled(const struct llmobs_config *config,
                            const struct llmobs_json *event)
{
    const struct llmobs_json *flag =
        llmobs_json_get(llmobs_json_get(event, "_call"), "flags");
    int64_t flags = flag ? llmobs_json_to_int(flag) : FLAG_SAMPLED;
    struct llmobs_id128 trace = {0, 0};

    if (config->otlp.parent_based) {
        if ((flags & FLAG_SAMPLED) == 0)
            return false;
        if (is_joined(event, flags))
            return true;
    }
    (void)llmobs_id128_parse(text_of(apm_trace_of(event)), &trace);
    return llmobs_sampler_keeps(&config->otlp, trace.lo);
}

/* -- a batch --------------------------------------------------------------- */

static bool takes(const struct llmobs_otlp_batch *batch,
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
        .resources = OTLP_RESOURCE_SPANS,
        .scopes = OTLP_SCOPE_SPANS,
        .records = OTLP_SPANS,
        .takes = takes,
        .write = write_span,
        .content = content,
    };

    return llmobs_otlp_batch_write(&batch, events, count, out, left_out);
}
