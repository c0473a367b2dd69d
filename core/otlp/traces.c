#include "core/otlp/otlp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/sampler.h"
#include "core/otlp/fields.h"
#include "core/otlp/resource.h"
#include "core/otlp/span.h"
#include "core/otlp/writer.h"
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

struct entry {
    struct llmobs_json *event; /* NULL: left out, or written */
    struct llmobs_otlp_origin origin;
};

struct batch {
    const struct llmobs_config *config;
    bool content;
    struct llmobs_otlp_writer writer;
    struct entry *entries;
    size_t count;
};

/* Writes the spans that have the origin of the first one, and frees them. */
static void write_spans(struct batch *b, size_t first)
{
    struct llmobs_otlp_writer *w = &b->writer;
    const struct llmobs_otlp_origin *origin = &b->entries[first].origin;
    struct llmobs_json *kept = b->entries[first].event;

    llmobs_otlp_list(w, OTLP_SPANS);
    for (size_t i = first; i < b->count; i++) {
        struct entry *entry = &b->entries[i];

        if (!entry->event || !llmobs_otlp_origin_equal(origin, &entry->origin))
            continue;
        llmobs_otlp_item(w, OTLP_SPANS);
        llmobs_otlp_span(w, b->config, b->content, entry->event);
        llmobs_otlp_close(w);
        if (entry->event != kept)
            llmobs_json_free(entry->event);
        entry->event = NULL;
    }
    llmobs_otlp_close_list(w);
    llmobs_json_free(kept); /* `origin` borrows from it */
}

static void write_resource(struct batch *b, size_t first)
{
    struct llmobs_otlp_writer *w = &b->writer;
    struct llmobs_text none = {NULL, 0};

    llmobs_otlp_item(w, OTLP_RESOURCE_SPANS);
    llmobs_otlp_resource(w, &b->entries[first].origin, none);
    llmobs_otlp_list(w, OTLP_SCOPE_SPANS);
    llmobs_otlp_item(w, OTLP_SCOPE_SPANS);
    llmobs_otlp_scope(w);
    write_spans(b, first);
    llmobs_otlp_string(w, OTLP_SCHEMA_URL,
                       llmobs_otlp_schema_url(b->config->otlp.semconv));
    llmobs_otlp_close(w);
    llmobs_otlp_close_list(w);
    llmobs_otlp_close(w);
}

/* Gives the events that are spans; counts the others. */
static int read_batch(struct batch *b, const struct llmobs_text *events,
                      size_t count, size_t *left_out)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &b->entries[b->count];
        int rc = llmobs_json_parse(events[i], &entry->event);

        if (rc == -ENOMEM)
            return rc;
        if (rc == 0 && llmobs_otlp_is_span(entry->event)) {
            llmobs_otlp_origin_read(entry->event, &entry->origin);
            b->count++;
            continue;
        }
        llmobs_json_free(entry->event);
        entry->event = NULL;
        ++*left_out;
    }
    return 0;
}

static int write_batch(struct batch *b, struct llmobs_buf *out)
{
    llmobs_otlp_begin(&b->writer, out,
                      b->config->otlp.signals[LLMOBS_SIGNAL_TRACES].json);
    llmobs_otlp_list(&b->writer, OTLP_RESOURCE_SPANS);
    for (size_t i = 0; i < b->count; i++)
        if (b->entries[i].event)
            write_resource(b, i);
    llmobs_otlp_close_list(&b->writer);
    return llmobs_otlp_end(&b->writer);
}

int llmobs_otlp_traces(const struct llmobs_config *config, bool content,
                       const struct llmobs_text *events, size_t count,
                       struct llmobs_buf *out, size_t *left_out)
{
    struct batch b = {.config = config, .content = content};
    int rc;

    *left_out = 0;
    b.entries = calloc(count ? count : 1, sizeof(*b.entries));
    if (!b.entries)
        return -ENOMEM;
    rc = read_batch(&b, events, count, left_out);
    if (rc == 0)
        rc = b.count ? write_batch(&b, out) : -EINVAL;
    for (size_t i = 0; i < b.count; i++)
        llmobs_json_free(b.entries[i].event);
    free(b.entries);
    return rc;
}
